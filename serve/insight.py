"""A document's labels -> its problems with the plans that answer them, and the parts of a yearly report that it has.

Knows neither HTTP nor database.
"""

from fazhi.data.answers import AnsweredProblem, answered_problems
from fazhi.data.completeness import FoundAspect, FoundPart, completeness
from fazhi.serve.dossier import Dossier
from fazhi.serve.schemas import TaggedUnit
from fazhi.serve.workbench import (
    AnsweringPlan,
    ComparedDocument,
    CountedPart,
    InsightResponse,
    PartAspect,
    PartEvidence,
    PartWithAspects,
    ProblemWithPlans,
    ReportParts,
    ReportSentence,
)


def insight_of(dossier: Dossier) -> InsightResponse:
    """What the labels to show say of the whole document."""
    units = dossier.current
    found = completeness(units)
    return InsightResponse(
        answers=[_problem(units, problem) for problem in answered_problems(units)],
        completeness=ReportParts(
            version=found.guide.version, source=found.guide.source, parts=[_with_aspects(part) for part in found.parts]
        ),
    )


def compared(dossier: Dossier) -> ComparedDocument:
    """The same in figures, to stand beside those of other documents."""
    units = dossier.current
    return ComparedDocument(
        sha256=dossier.stored.sha256,
        name=dossier.stored.name,
        title=dossier.document.outline.title,
        corrected=dossier.corrected,
        summary=dossier.summary,
        parts=[_counted(part) for part in completeness(units).parts],
        unanswered=[_sentence(units, one.problem) for one in answered_problems(units) if not one.answers],
    )


def _sentence(units: list[TaggedUnit], index: int) -> ReportSentence:
    return ReportSentence(unit=index, text=units[index].text, topics=units[index].topics)


def _problem(units: list[TaggedUnit], found: AnsweredProblem) -> ProblemWithPlans:
    plans = [
        AnsweringPlan(**vars(_sentence(units, answer.plan)), why=answer.why, closeness=answer.closeness)
        for answer in found.answers
    ]
    return ProblemWithPlans(**vars(_sentence(units, found.problem)), plans=plans)


def _with_aspects(found: FoundPart) -> PartWithAspects:
    part = found.part
    return PartWithAspects(
        key=part.key,
        name_zh=part.name,
        name_en=part.english,
        optional=part.optional,
        state=found.state,
        aspects=[_aspect(aspect) for aspect in found.aspects],
    )


def _aspect(found: FoundAspect) -> PartAspect:
    aspect = found.aspect
    evidence = [PartEvidence(unit=one.unit, cue=one.cue, above=one.above, hint=one.hint) for one in found.evidence]
    return PartAspect(key=aspect.key, name_zh=aspect.name, name_en=aspect.english, state=found.state, evidence=evidence)


def _counted(found: FoundPart) -> CountedPart:
    part = found.part
    sentences = {one.unit for aspect in found.aspects for one in aspect.evidence}
    return CountedPart(
        key=part.key,
        name_zh=part.name,
        name_en=part.english,
        optional=part.optional,
        state=found.state,
        evidence=len(sentences),
    )
