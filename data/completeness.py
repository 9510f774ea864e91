"""A tagged report -> the parts that a yearly report must contain, each with the sentences that speak of it.

Which parts these are and by which words a sentence is known is data (completeness.toml); roles are the model's. What is
not found is told with what was looked for: the verdict stays the reader's.
"""

import enum
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from fazhi.data.sentence import Sentence
from fazhi.model.errors import FazhiError
from fazhi.model.labels import Role
from fazhi.model.normalize import normalize

GUIDE = "completeness.toml"
_QUOTES = re.compile("[“”‘’《》]")
_SAME_CLAUSE = "[^，。；：！？]*?"


class GuideError(FazhiError):
    """A file of parts and cues that cannot be used; the message names it and what was expected."""


class State(enum.StrEnum):
    """What was found of a part: sentences that name it, only hints at it, or neither."""

    FOUND = "found"
    HINTED = "hinted"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Aspect:
    """What one part asks for, and how a sentence that tells it is known."""

    key: str
    name: str
    english: str
    roles: tuple[Role, ...]
    cues: tuple[str, ...]
    hints: tuple[str, ...]
    without: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a yearly report; an optional one is missing in none."""

    key: str
    name: str
    english: str
    optional: bool
    aspects: tuple[Aspect, ...]


@dataclass(frozen=True, slots=True)
class Guide:
    """The parts of a yearly report, the version of their cues, and the rule that asks for them."""

    version: int
    source: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """A unit's index and why it counts: `cue` is the word found, "" where its role alone says so.

    `above`: the word stands in a heading above it. `hint`: the word does not name the aspect, but speaks of it.
    """

    unit: int
    cue: str
    above: bool
    hint: bool


@dataclass(frozen=True, slots=True)
class FoundAspect:
    """An aspect with its evidence: sentences that say so themselves, then those under a heading that does, then hints.

    Within each kind in the order of the report.
    """

    aspect: Aspect
    evidence: tuple[Evidence, ...]

    @property
    def state(self) -> State:
        """Named by some sentence, only hinted at, or missing."""
        if not self.evidence:
            return State.MISSING
        return State.HINTED if all(item.hint for item in self.evidence) else State.FOUND


@dataclass(frozen=True, slots=True)
class FoundPart:
    """A part with its aspects; as good as the least of them."""

    part: Part
    aspects: tuple[FoundAspect, ...]

    @property
    def state(self) -> State:
        """The least that was found of any aspect."""
        states = {aspect.state for aspect in self.aspects}
        return next(state for state in reversed(State) if state in states)


@dataclass(frozen=True, slots=True)
class Completeness:
    """What a report has of every part of the guide."""

    guide: Guide
    parts: tuple[FoundPart, ...]


def completeness(units: Sequence[Sentence], guide: Guide | None = None) -> Completeness:
    """Look for every part in a report's units."""
    guide = guide or default_guide()
    headings: dict[str, str] = {}
    for unit in units:
        for heading in unit.headings:
            headings.setdefault(heading, _plain(heading))
    texts = [_Texts(_plain(unit.text), tuple(headings[heading] for heading in unit.headings)) for unit in units]
    roles = [unit.role for unit in units]
    return Completeness(
        guide,
        tuple(
            FoundPart(part, tuple(FoundAspect(aspect, _look(aspect, roles, texts)) for aspect in part.aspects))
            for part in guide.parts
        ),
    )


@dataclass(frozen=True, slots=True)
class _Texts:
    """A unit's words and those of the headings above it, ready to be searched."""

    own: str
    above: tuple[str, ...]


def _plain(text: str) -> str:
    return _QUOTES.sub("", normalize(text))


def _look(aspect: Aspect, roles: Sequence[Role], texts: Sequence[_Texts]) -> tuple[Evidence, ...]:
    found = []
    for index, (role, text) in enumerate(zip(roles, texts, strict=True)):
        if aspect.roles and role not in aspect.roles:
            continue
        if not aspect.cues:
            found.append(Evidence(index, "", above=False, hint=False))
        elif not _search(aspect.without, text.own) and (evidence := _by_words(aspect, index, text)):
            found.append(evidence)
    return tuple(sorted(found, key=lambda item: (item.hint, item.above)))


def _by_words(aspect: Aspect, index: int, text: _Texts) -> Evidence | None:
    """The unit as evidence: for what it says itself, or else for where it stands."""
    if cue := _search(aspect.cues, text.own):
        return Evidence(index, cue, above=False, hint=False)
    for heading in reversed(text.above):
        if cue := _search(aspect.cues, heading):
            return Evidence(index, cue, above=True, hint=False)
    if cue := _search(aspect.hints, text.own):
        return Evidence(index, cue, above=False, hint=True)
    return None


def _search(words: tuple[str, ...], text: str) -> str:
    """The first of the words that the text holds, "" where it holds none."""
    if words and _pattern(words).search(text):
        return next(word for word in words if _pattern((word,)).search(text))
    return ""


@cache
def _pattern(words: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(_SAME_CLAUSE.join(map(re.escape, word.split("…"))) for word in words))


@cache
def default_guide() -> Guide:
    """The guide that comes with the package."""
    return parse_guide(files("fazhi.data").joinpath(GUIDE).read_text(encoding="utf-8"), GUIDE)


def read_guide(path: Path) -> Guide:
    """A guide of one's own; raises GuideError."""
    try:
        return parse_guide(path.read_text(encoding="utf-8"), str(path))
    except OSError as error:
        raise GuideError(f"{path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise GuideError(f"{path}: expected UTF-8 ({error})") from error


def parse_guide(toml: str, name: str) -> Guide:
    """Read a guide's text; raises GuideError, which calls it `name`."""
    try:
        content = tomllib.loads(toml)
        guide = Guide(content["version"], content["source"], tuple(map(_part, content["parts"])))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise GuideError(f"{name}: not a guide to the parts of a report ({error!r})") from error
    if not guide.parts or not all(part.aspects for part in guide.parts):
        raise GuideError(f"{name}: expected parts, each with an aspect")
    return guide


def _part(entry: Mapping[str, Any]) -> Part:
    aspects = tuple(map(_aspect, entry["aspects"]))
    return Part(entry["key"], entry["name"], entry["english"], entry.get("optional", False), aspects)


def _aspect(entry: Mapping[str, Any]) -> Aspect:
    known = {"key", "name", "english", "roles", "cues", "hints", "without"}
    if unknown := set(entry) - known:
        raise ValueError(f"unknown settings {sorted(unknown)}")
    words = {kind: tuple(map(_word, entry.get(kind, ()))) for kind in ("cues", "hints", "without")}
    if words["hints"] and not words["cues"]:
        raise ValueError(f"{entry['key']} has hints but no cues")
    return Aspect(entry["key"], entry["name"], entry["english"], tuple(map(Role, entry["roles"])), **words)


def _word(word: str) -> str:
    """A cue in the form that texts are compared in; its gaps stay."""
    return "…".join(map(_plain, word.split("…")))
