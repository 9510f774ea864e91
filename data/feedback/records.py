"""What goes into the store and comes out of it, and what can go wrong with it. Knows no database."""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime

from fazhi.model.errors import FazhiError
from fazhi.model.labels import Role, Topic
from fazhi.model.predict import Prediction

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Label:
    """A unit's role and topics; topics stand in the order of the labels' enum, each once."""

    role: Role
    topics: tuple[Topic, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "role", Role(self.role))
        given = {Topic(topic) for topic in self.topics}
        object.__setattr__(self, "topics", tuple(topic for topic in Topic if topic in given))


@dataclass(frozen=True, slots=True)
class StoredUnit:
    """A unit with what the model said of it and the place in the file that it came from (counted from 1)."""

    start: int
    end: int
    heading: bool
    prediction: Prediction
    page: int | None = None
    paragraph: int | None = None
    table: tuple[int, int, int] | None = None
    furniture: bool = False

    @property
    def label(self) -> Label:
        """The predicted one."""
        return Label(self.prediction.role, self.prediction.topics)


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document's text as it was read, its units in order, and the version of the model that tagged them."""

    name: str
    text: str
    model: str
    units: tuple[StoredUnit, ...]
    format: str = "txt"
    notes: tuple[str, ...] = ()

    @property
    def sha256(self) -> str:
        """The name a document goes by: the digest of its text."""
        return digest(self.text)


@dataclass(frozen=True, slots=True)
class Correction:
    """A person's word on a unit: its new label, and the revision (and label, where given) the person saw before.

    The label that stands may be the new one: then the person has looked at it and agrees.
    """

    sha256: str
    start: int
    end: int
    new: Label
    revision: int
    user: str
    model: str
    time: datetime
    old: Label | None = None


@dataclass(frozen=True, slots=True)
class StoredLabel:
    """A unit's label as it stands: revision 0 is the model's, every correction adds one."""

    sha256: str
    start: int
    end: int
    role: Role
    topics: tuple[Topic, ...]
    revision: int
    user: str | None
    time: datetime | None

    @property
    def label(self) -> Label:
        """Role and topics."""
        return Label(self.role, self.topics)


@dataclass(frozen=True, slots=True)
class Change:
    """A correction as it was kept: `revision` is the one that it made."""

    start: int
    end: int
    old: Label
    new: Label
    revision: int
    user: str
    model: str
    time: datetime


@dataclass(frozen=True, slots=True)
class DocumentSummary:
    """A document in the list of all: how many units it has, and how many of them people have judged."""

    sha256: str
    name: str
    format: str
    model: str
    time: datetime
    units: int
    corrected: int


@dataclass(frozen=True, slots=True)
class ReviewUnit:
    """A unit worth a person's look, with the text around it.

    `margin` is how near the model was to another answer: 0 undecided, 1 certain.
    """

    sha256: str
    name: str
    start: int
    end: int
    text: str
    before: str
    after: str
    heading: bool
    label: Label
    margin: float
    revision: int
    model: str


class FeedbackError(FazhiError):
    """Feedback cannot be kept or given back as asked."""


class DatabaseError(FeedbackError):
    """The database cannot be reached, or is not what it should be."""


class UnknownDocumentError(FeedbackError):
    """No document of this digest is kept."""

    def __init__(self, sha256: str) -> None:
        super().__init__(f"no document {sha256[:64]!r} is kept here")


class UnknownUnitError(FeedbackError):
    """The document has no unit at these offsets, or is not kept."""

    def __init__(self, sha256: str, start: int, end: int) -> None:
        super().__init__(f"document {sha256[:64]!r} has no unit [{start}, {end})")


class StaleError(FeedbackError):
    """Somebody else was first: the label that the correction starts from is no longer the one that stands."""

    def __init__(self, current: StoredLabel) -> None:
        self.current = current
        by = f" by {current.user}" if current.user else ""
        super().__init__(
            f"unit [{current.start}, {current.end}) was changed meanwhile{by}: revision {current.revision} is"
            f" {' '.join([current.role, *current.topics])}"
        )


def digest(text: str) -> str:
    """The SHA-256 of a text, in hex; raises FeedbackError for one that no UTF-8 file could hold."""
    return hashlib.sha256(storable(text, "the text").encode("utf-8")).hexdigest()


def storable(text: str, what: str) -> str:
    """The text as given, if a database can keep it; raises FeedbackError."""
    if _UNSTORABLE.search(text):
        raise FeedbackError(f"{what} holds a NUL character or half a surrogate pair, which cannot be kept")
    return text
