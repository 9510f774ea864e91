"""A report's text -> its outline, tagged units and summary, whole or in pieces as they are ready. Knows no HTTP."""

from collections import Counter
from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import aclosing

from fazhi.model.document import Document, read_document
from fazhi.model.labels import ROLES, TOPICS, Role
from fazhi.model.predict import Prediction
from fazhi.serve.schemas import Problem, ReportOutline, Section, Summary, TaggedUnit, tags_of
from fazhi.serve.tagger import Tagger, Timing


async def tag_report(
    tagger: Tagger, text: str, timing: Timing
) -> AsyncGenerator[tuple[Document, list[TaggedUnit]], None]:
    """Yield the document with the units that are ready, in order; close it when leaving early. Raises ServeError."""
    encoded = await tagger.encode(lambda: [read_document(text)], [text], timing)
    document = encoded.documents[0]
    async with aclosing(tagger.stream(encoded, timing)) as stream:
        async for tags in stream:
            yield document, tagged_units(document, tags.first, tags.predictions)


def tagged_units(document: Document, first: int, predictions: Sequence[Prediction]) -> list[TaggedUnit]:
    """The units from `first` on, as the API gives them."""
    outline = document.outline
    return [
        TaggedUnit.model_construct(
            **vars(tags_of(prediction)),
            start=document.units[index].start,
            end=document.units[index].end,
            text=document.units[index].text,
            heading=document.units[index].heading,
            level=outline.levels[index],
            headings=list(outline.headings[index]),
        )
        for index, prediction in enumerate(predictions, first)
    ]


def outline_of(document: Document) -> ReportOutline:
    """Title, opening and the sections' headings."""
    outline = document.outline
    sections = [
        Section(unit=index, level=level, text=document.units[index].text)
        for index, level in enumerate(outline.levels)
        if level
    ]
    return ReportOutline(title=outline.title, opening=outline.opening, sections=sections)


def summary_of(tagged: Sequence[TaggedUnit], left_out: Collection[int] = ()) -> Summary:
    """Count tagged units, but for some by their index, and list the problems."""
    counted = [(index, unit) for index, unit in enumerate(tagged) if index not in left_out]
    units = [unit for _, unit in counted]
    pairs = Counter((unit.role, topic) for unit in units for topic in unit.topics)
    return Summary(
        units=len(units),
        unsure=sum(unit.unsure for unit in units),
        roles={role: sum(unit.role is role for unit in units) for role in ROLES},
        topics={topic: sum(pairs[role, topic] for role in ROLES) for topic in TOPICS},
        roles_and_topics={role: {topic: pairs[role, topic] for topic in TOPICS} for role in ROLES},
        problems=[
            Problem(unit=index, text=unit.text, topics=unit.topics)
            for index, unit in counted
            if unit.role is Role.PROBLEM
        ],
    )
