"""What /v1/documents, /v1/review and /v1/compare take and give, with the examples that /docs shows."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError

from fazhi.data.answers import Why
from fazhi.data.completeness import State
from fazhi.model.labels import Role, Topic
from fazhi.serve import examples
from fazhi.serve.schemas import Body, Model, ReportOutline, Scores, Summary, TaggedUnit

MOST_CORRECTIONS = 500
LONGEST_USER = 64


def shown(example: dict[str, Any]) -> ConfigDict:
    """How a model tells the API page what it looks like."""
    return ConfigDict(json_schema_extra={"examples": [example]})


class Source(BaseModel):
    """Where in its file a unit stands, counted from 1; `furniture` is a page's header, footer, number or menu."""

    page: int | None
    paragraph: int | None
    table: tuple[int, int, int] | None = Field(description="table, row, column")
    furniture: bool


class UnitLabel(BaseModel):
    """A unit's label as it stands; of revision 0 it is the model's, and nobody's at no time."""

    start: int
    end: int
    role: Role
    topics: list[Topic]
    revision: int = Field(description="how many corrections the unit has had; send it with the next one")
    user: str
    time: datetime | None


class DocumentUnit(TaggedUnit):
    """A unit as the model tagged it, where it came from, and the label that a person set, if anyone did."""

    source: Source | None
    revision: int
    label: UnitLabel | None


class DocumentFacts(BaseModel):
    """The document: its hash (of the text in UTF-8), its name, how it was read; `stored` tells if it is kept here."""

    sha256: str
    name: str
    format: str
    notes: list[str]
    text: str
    stored: bool


class DocumentResponse(BaseModel):
    """A document like a report; the summary counts labels that people set in place of the model's, and no furniture."""

    model_config = shown(examples.DOCUMENT)

    model: Model
    document: DocumentFacts
    outline: ReportOutline
    units: list[DocumentUnit]
    summary: Summary


class DocumentLine(BaseModel):
    """One of the documents kept here; `corrected` counts units with a label that a person set."""

    sha256: str
    name: str
    units: int
    corrected: int
    model: str
    time: datetime


class DocumentsResponse(BaseModel):
    """The documents kept here, newest first."""

    model_config = shown(examples.DOCUMENTS)

    documents: list[DocumentLine]


class UnitCorrection(Body):
    """The label that a unit ought to have, and the revision of the one it has."""

    start: Annotated[int, Field(strict=True, ge=0)]
    end: Annotated[int, Field(strict=True, ge=1)]
    role: Role
    topics: Annotated[list[Topic], Field(max_length=len(Topic), fail_fast=True)]
    revision: Annotated[int, Field(strict=True, ge=0, description="0 for a unit that nobody has corrected")]

    @field_validator("topics")
    @classmethod
    def _in_order(cls, topics: list[Topic]) -> list[Topic]:
        if len(set(topics)) < len(topics):
            raise PydanticCustomError("repeated", "a topic stands twice")
        return [topic for topic in Topic if topic in topics]


class CorrectionsRequest(Body):
    """Corrections of one document, in whose name they are made."""

    model_config = shown(examples.CORRECTIONS)
    user: Annotated[str, Field(max_length=LONGEST_USER, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""
    corrections: Annotated[list[UnitCorrection], Field(min_length=1, max_length=MOST_CORRECTIONS, fail_fast=True)]


class LabelsResponse(BaseModel):
    """The labels as they are now, in the order of the corrections; what is told here is on the disk."""

    model_config = shown(examples.LABELS)

    labels: list[UnitLabel]


class UnitToReview(BaseModel):
    """A unit that a person should look at, between its neighbours; `margin` is 0 where two roles are as likely."""

    sha256: str
    name: str
    start: int
    end: int
    text: str
    heading: bool
    headings: list[str]
    before: str
    after: str
    role: Role
    topics: list[Topic]
    scores: Scores
    margin: float
    revision: int


class ReviewResponse(BaseModel):
    """Units to look at next, the most useful first."""

    model_config = shown(examples.REVIEW)

    units: list[UnitToReview]


class ReportSentence(BaseModel):
    """A unit, by its index among the document's, with its topics."""

    unit: int
    text: str
    topics: list[Topic]


class AnsweringPlan(ReportSentence):
    """A plan that answers a problem, and why: it stands beside it, or its words are close or loosely so (0 to 1)."""

    why: Why
    closeness: float


class ProblemWithPlans(ReportSentence):
    """A problem, and the plans that answer it, closest first; none where the report has none."""

    plans: list[AnsweringPlan]


class PartEvidence(BaseModel):
    """A unit that speaks of an aspect, by which word: `above`, in a heading above it; `hint`, without naming it.

    The word is empty where the unit's role alone says so.
    """

    unit: int
    cue: str
    above: bool
    hint: bool


class PartAspect(BaseModel):
    """One thing that a part asks for, with the sentences that tell it."""

    key: str
    name_zh: str
    name_en: str
    state: State
    evidence: list[PartEvidence]


class Part(BaseModel):
    """One of the parts that a yearly report must contain; its state is the least of its aspects'."""

    key: str
    name_zh: str
    name_en: str
    optional: bool
    state: State


class PartWithAspects(Part):
    """A part with what was found of each aspect."""

    aspects: list[PartAspect]


class CountedPart(Part):
    """A part with the number of sentences that speak of it."""

    evidence: int


class ReportParts(BaseModel):
    """What a yearly report must contain, by which rule, and which sentences of this one do."""

    version: int
    source: str
    parts: list[PartWithAspects]


class InsightResponse(BaseModel):
    """Problems with the plans that answer them, and the parts of a yearly report with their evidence."""

    model_config = shown(examples.INSIGHT)

    answers: list[ProblemWithPlans]
    completeness: ReportParts


class ComparedDocument(BaseModel):
    """One document of several, in figures."""

    sha256: str
    name: str
    title: str
    corrected: int
    summary: Summary
    parts: list[CountedPart]
    unanswered: list[ReportSentence]


class CompareResponse(BaseModel):
    """Documents beside each other, in the order asked."""

    model_config = shown(examples.COMPARISON)

    documents: list[ComparedDocument]
