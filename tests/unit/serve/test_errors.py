"""Every failure that the service answers: its own code, a status, and both texts filled in wherever it is raised."""

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter
from typing import Any

import pytest

from fazhi import serve
from fazhi.serve.errors import Fault, Invalid, Overloaded, ServeError, TooLarge, Unauthorized

for module in pkgutil.iter_modules(serve.__path__):
    if module.name != "__main__":
        importlib.import_module(f"fazhi.serve.{module.name}")

FILES = sorted(Path(serve.__path__[0]).glob("*.py"))
GENERAL = {"faults", "retry_after"}  # what every error takes


def below(error: type[ServeError]) -> Iterator[type[ServeError]]:
    for child in error.__subclasses__():
        yield child
        yield from below(child)


ERRORS = {error.__name__: error for error in below(ServeError)}


def names(text: str) -> set[str]:
    """The names that a text's braces stand for."""
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def needed(error: type[ServeError]) -> set[str]:
    return names(error.zh_text) | names(error.en_text)


def made(tree: ast.AST) -> Iterator[tuple[str, set[str]]]:
    """Every error that a file makes, `raise Name` included, with the names of the facts given to it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ERRORS:
            assert all(keyword.arg for keyword in node.keywords), "facts are spelt out"
            yield node.func.id, {str(keyword.arg) for keyword in node.keywords} - GENERAL
        elif isinstance(node, ast.Raise) and isinstance(node.exc, ast.Name) and node.exc.id in ERRORS:
            yield node.exc.id, set()


MADE = [(file.name, *error) for file in FILES for error in made(ast.parse(file.read_text(encoding="utf-8")))]


@pytest.fixture(params=ERRORS.values(), ids=lambda error: error.__name__)
def error(request: pytest.FixtureRequest) -> type[ServeError]:
    kind: type[ServeError] = request.param
    return kind


def test_codes_and_titles_are_unique() -> None:
    assert len(ERRORS) > 15
    assert len({error.code for error in ERRORS.values()}) == len(ERRORS)
    assert len({error.title for error in ERRORS.values()}) == len(ERRORS)


def test_each_sets_its_own_status_code_and_texts(error: type[ServeError]) -> None:
    assert {"status", "code", "title", "zh_text", "en_text"} <= set(vars(error))
    assert type(error.status) is int
    assert 400 <= error.status < 600
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", error.code)
    assert error.__doc__
    assert error.title


def test_each_speaks_chinese_and_english_of_the_same_facts(error: type[ServeError]) -> None:
    assert re.search(r"[\u4e00-\u9fff]", error.zh_text)
    assert error.en_text.isascii()
    assert {name.removesuffix("_zh") for name in names(error.zh_text)} == {
        name.removesuffix("_en") for name in names(error.en_text)
    }


def test_each_is_filled_in_with_its_facts(error: type[ServeError]) -> None:
    facts: dict[str, Any] = {name: 12.5 if name == "seconds" else f"<{name}>" for name in needed(error)}
    made = error(**facts)
    for text in (made.zh, made.en):
        assert text
        assert "{" not in text
        assert "}" not in text
    for name, value in facts.items():
        assert f"{value}" in made.zh + made.en, name
    assert str(made) == error.code


@pytest.mark.parametrize(("file", "name", "facts"), MADE)
def test_wherever_one_is_made_it_gets_the_facts_that_its_texts_name(file: str, name: str, facts: set[str]) -> None:
    assert facts == needed(ERRORS[name]), file


def test_the_places_are_found() -> None:
    assert {"Overloaded", "ShuttingDown", "InferenceFailed", "TooLarge", "Invalid"} <= {name for _, name, _ in MADE}


def test_each_is_used(error: type[ServeError]) -> None:
    """A failure that nothing raises would be a promise in the documentation that nobody keeps."""
    used = [
        file
        for file in FILES
        if file.name != "errors.py" and re.search(rf"\b{error.__name__}\b", file.read_text("utf-8"))
    ]
    assert used


@pytest.mark.parametrize(("seconds", "shown"), [(0, 1), (0.2, 1), (1, 1), (1.01, 2), (59.5, 60), (None, None)])
def test_retry_after_is_whole_seconds_and_never_zero(seconds: float | None, shown: int | None) -> None:
    assert Overloaded(retry_after=seconds).retry_after == shown


def test_an_error_keeps_its_faults_and_headers_to_itself() -> None:
    fault = Fault("/texts/0", "空", "empty")
    first, second = Invalid([fault]), Invalid()
    assert first.faults == (fault,)
    assert second.faults == ()
    first.headers["Connection"] = "close"
    assert second.headers == {}


def test_whoever_needs_a_key_is_told_how_to_show_it() -> None:
    assert Unauthorized().headers == {"WWW-Authenticate": "Bearer"}


def test_a_limit_is_named_in_both_languages() -> None:
    error = TooLarge(what_zh="字符数", what_en="characters", limit=200_000)
    assert "字符数最多 200000" in error.zh
    assert "at most 200000 characters" in error.en
