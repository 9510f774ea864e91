"""The page's own files, read as text: what they may hold, and that words and labels are there for all of it."""

import re
from pathlib import Path

import pytest

from fazhi.model.labels import ROLES, TOPICS

STATIC = Path(__file__).parents[2] / "serve" / "static"
PAGE = sorted(path for path in STATIC.iterdir() if path.stem != "docs")
SCRIPTS = [path for path in PAGE if path.suffix == ".js"]
STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')


def source(name: str) -> str:
    return (STATIC / name).read_text(encoding="utf-8")


def entries() -> dict[str, str]:
    """Key of a string -> its place in the module, both languages in it."""
    return dict(re.findall(r"^  (\w+): \[(.*?)\],$", source("strings.js"), re.MULTILINE | re.DOTALL))


@pytest.mark.parametrize("path", PAGE, ids=lambda path: path.name)
def test_a_file_is_short_and_names_no_other_place(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 300
    assert max(map(len, text.splitlines())) <= 120
    assert re.findall(r"https?://(?!www\.w3\.org/2000/svg)", text) == []


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_script_makes_nothing_of_strings(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith("// ")
    assert re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", text) == []
    imported = re.findall(r'from "(.*?)"', text)
    assert all(re.fullmatch(r"\./[\w-]+\.js", name) and (STATIC / name).is_file() for name in imported)


def test_the_policy_lets_all_of_the_page_through() -> None:
    html = source("index.html")
    assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon\w+=", html) == []
    linked = re.findall(r'(?:src|href)="(static/[^"]+)"', html)
    assert {path.name for path in PAGE if path.suffix == ".css"} | {"icon.svg", "theme.js", "app.js"} == {
        name.removeprefix("static/") for name in linked
    }
    assert all((STATIC.parent / name).is_file() for name in linked)


def test_every_string_is_there_in_both_languages() -> None:
    strings = entries()
    assert len(strings) > 100
    for key, pair in strings.items():
        chinese, *english = STRING.findall(pair)
        assert chinese, key
        assert "".join(english), key
        names = [set(re.findall(r"\{(\w+)\}", part)) for part in (chinese, "".join(english))]
        assert names[0] == names[1], key


def test_every_string_that_is_asked_for_is_there_and_every_other_is_not() -> None:
    scripts = "".join(path.read_text(encoding="utf-8") for path in SCRIPTS if path.name != "strings.js")
    html = source("index.html")
    asked = set(re.findall(r'\bt\("(\w+)"', scripts)) | set(re.findall(r'data-t(?:-label|-hint)?="(\w+)"', html))
    assert asked - entries().keys() == set()
    named = {key for key in entries() if re.search(rf'"{key}"', scripts + html)}
    composed = {key for key in entries() if key.startswith(("theme_", "why_"))}
    assert entries().keys() - named - composed == set()


def test_the_labels_are_the_models() -> None:
    names = re.findall(r'name: "(.+?)", en: "(.+?)", id: "([a-z]+)"', source("labels.js"))
    assert [name for name, _, _ in names] == [*ROLES, *TOPICS]
    assert len(set(re.findall(r'key: "(\w)"', source("labels.js")))) == len(ROLES) + len(TOPICS)
    marks = re.findall(r'mark: "(.)"', source("labels.js"))
    assert len(set(marks)) == len(ROLES)


def test_both_themes_name_the_same_colours() -> None:
    def names(name: str) -> set[str]:
        return set(re.findall(r"(--[\w-]+):", re.findall(r":root \{(.*?)\n\}", source(name), re.DOTALL)[0]))

    assert names("style.css") - names("dark.css") == {"--radius", "--sans", "--song"}
    assert names("dark.css") <= names("style.css")
