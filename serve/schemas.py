"""What /v1 takes and gives, with the examples that /docs shows."""

from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from fazhi.model.labels import ROLES, TOPICS, Role, Topic
from fazhi.model.predict import Prediction
from fazhi.serve.tagger import ModelInfo

Label = TypeVar("Label", Role, Topic)

REPORT = (
    "云溪县2024年法治政府建设情况报告\n一、主要工作及成效\n开展执法案卷评查，抽查案卷86宗；办理行政复议案件12件。\n"
    "二、存在的问题\n部分乡镇执法人员力量不足。\n三、下一步打算\n将进一步压减行政许可的办理时限。\n"
)
SENTENCE = "部分乡镇执法人员力量不足，持证上岗率不高。"
HEADING = "二、存在的问题"


class Body(BaseModel):
    """A request: unknown members are refused, so that a misspelt one is not passed over.

    Refused as a whole and, as everywhere below, at the first fault of a list: one error for each of a million wrong
    elements would take half a minute to make.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _known(cls, value: Any) -> Any:
        if isinstance(value, dict) and not cls.model_fields.keys() >= value.keys():
            raise PydanticCustomError("unknown_member", "unknown member")
        return value


class Sentence(Body):
    """One sentence, with the headings above it where they are known, outermost first."""

    text: str = Field(description="the sentence", examples=[SENTENCE])
    headings: list[str] = Field(
        [], max_length=16, fail_fast=True, description="headings above it, outermost first", examples=[[HEADING]]
    )


def _variant(value: object) -> str | None:
    return "<string>" if isinstance(value, str) else "<object>" if isinstance(value, dict | Sentence) else None


AnySentence = Annotated[Annotated[str, Tag("<string>")] | Annotated[Sentence, Tag("<object>")], Discriminator(_variant)]


class SentencesRequest(Body):
    """Sentences, each as a string or with its headings."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"sentences": ["全年办理行政复议案件12件。", {"text": SENTENCE, "headings": [HEADING]}]}]
        }
    )
    sentences: Annotated[list[AnySentence], Field(min_length=1, fail_fast=True)]


class ReportRequest(Body):
    """A report's whole text."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"text": REPORT}]})
    text: str = Field(description="the whole text; offsets in the answer count its characters (Unicode code points)")


class Scores(BaseModel):
    """Probabilities: of the roles, which add up to one, and of each topic by itself."""

    roles: dict[Role, float]
    topics: dict[Topic, float]


class Tags(BaseModel):
    """What a sentence was tagged with; `unsure` says that a person should look."""

    role: Role
    topics: list[Topic]
    scores: Scores
    unsure: bool


class Model(BaseModel):
    """Which model answered."""

    name: str
    version: str = Field(description="twelve hex digits that change with every model")


class SentencesResponse(BaseModel):
    """Tags in the order of the sentences."""

    model: Model
    sentences: list[Tags]


class TaggedUnit(Tags):
    """One unit (sentence) of a report: `text` is the report's [start, end); `headings` stand above it."""

    start: int
    end: int
    text: str
    heading: bool
    level: int = Field(description="as a section's heading: 1 is outermost; 0 for title and body")
    headings: list[str]


class Section(BaseModel):
    """A section's heading: its unit's index, its level and text."""

    unit: int
    level: int
    text: str


class ReportOutline(BaseModel):
    """How the report is built."""

    title: str
    opening: str
    sections: list[Section]


class Problem(BaseModel):
    """A unit that admits a problem."""

    unit: int
    text: str
    topics: list[Topic]


class Summary(BaseModel):
    """Counts of units, and the problems in their order."""

    units: int
    unsure: int
    roles: dict[Role, int]
    topics: dict[Topic, int]
    roles_and_topics: dict[Role, dict[Topic, int]]
    problems: list[Problem]


class ReportResponse(BaseModel):
    """A report's outline, its units with their tags, and the summary."""

    model: Model
    outline: ReportOutline
    units: list[TaggedUnit]
    summary: Summary


def model_of(info: ModelInfo) -> Model:
    """Name and version."""
    return Model(name=info.name, version=info.version)


def tags_of(prediction: Prediction) -> Tags:
    """One prediction as the API gives it; scores to six digits."""
    return Tags.model_construct(
        role=prediction.role, topics=list(prediction.topics), scores=scores_of(prediction), unsure=prediction.unsure
    )


def scores_of(prediction: Prediction) -> Scores:
    """All eight probabilities."""
    return Scores.model_construct(
        roles=_named(ROLES, prediction.role_scores), topics=_named(TOPICS, prediction.topic_scores)
    )


def _named(labels: Sequence[Label], scores: Sequence[float]) -> dict[Label, float]:
    return {label: round(score, 6) for label, score in zip(labels, scores, strict=True)}
