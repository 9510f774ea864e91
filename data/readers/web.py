"""A .html file -> its text; menus, scripts and buttons are left out, lines a site adds are marked. Knows no report."""

import re
from collections import defaultdict
from contextlib import suppress
from typing import Any

from fazhi.data.readers.failures import Code, UnreadableError, refused
from fazhi.data.readers.limits import Limits
from fazhi.data.readers.plain import decode
from fazhi.data.readers.reading import Draft, Kind, Place, Reading

_CHARSET = re.compile(rb"charset\s*=\s*[\"']?([a-z0-9_-]+)", re.IGNORECASE)
_ENCODINGS = {"utf-8": "utf-8", "utf8": "utf-8", "gb2312": "gb18030", "gbk": "gb18030", "gb18030": "gb18030"}
_ENCODINGS |= {"big5": "big5hkscs", "big5-hkscs": "big5hkscs"}
_HEAD = 4096

_UNSHOWN_TAGS = (
    "script style noscript template iframe select option button input textarea svg canvas object embed audio video "
    "map head nav aside footer"
)
_HEADING_TAGS = "h1 h2 h3 h4 h5 h6"
_BLOCK_TAGS = (
    "address article blockquote body br caption center dd div dl dt fieldset figcaption figure form header hr li main "
    "ol p pre section table tbody td tfoot th thead tr ul"
)
_UNSHOWN, _HEADINGS = frozenset(_UNSHOWN_TAGS.split()), frozenset(_HEADING_TAGS.split())
_BLOCKS = _HEADINGS | frozenset(_BLOCK_TAGS.split())
_FURNITURE = re.compile(  # names of classes and ids
    r"(?:^|[\s_-])(?:nav\w*|menu|footer|sidebar|(?:bread)?crumbs?|breadcrumb\w*|position|location|(?:bd)?share\w*|toolbar"
    r"|search\w*|login|pager|pagination|qrcode|related|recommend|copyright|friendlinks?|banner|prevnext)(?:$|[\s_-])",
    re.IGNORECASE,
)
_MAIN = re.compile(r"(?:^|\s)(?:UCAP-CONTENT|zoom|TRS_Editor|article-content|main-content|pages_content)(?:$|\s)")
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_SPACE = re.compile(r"[ \t\n\r\f]+")
_WRAPPED = re.compile("(?<=[⺀-鿿！-～]) ?\n[ \t]*(?=[⺀-鿿！-～])")  # a line end of the source
_MOST_OF_IT = 0.75  # of the page's text, for an element to be the article
_MOSTLY_LINKS = 0.6
_ARTICLE = 0.4  # of the page's text: a piece that holds it is no furniture, whatever its name
_MIN_TITLE = 6


def read_web(raw: bytes, limits: Limits) -> Reading:
    """Read a web page; raises UnreadableError."""
    from lxml import html

    # Pages define no entities, and a few of them nest deeper than a small tree may.
    parser = html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=True)
    tree = html.document_fromstring(_decode(raw).encode("utf-8"), parser=parser)
    if any(error.type_name == "ERR_RESOURCE_LIMIT" for error in parser.error_log):
        raise refused(Code.DAMAGED)  # it nests deeper than any page, and the parser left the rest out
    title = _title(tree)
    _drop_furniture(tree)
    main = _find_main(tree)
    draft = Draft(limits.characters)
    writer = _Writer(draft)
    if title and title not in _squeeze("".join(main.itertext())):
        writer.write(title, Kind.HEADING)
    writer.walk(main)
    return draft.finish("html")


def _decode(raw: bytes) -> str:
    """Decode as UTF-8, which nothing else is by chance, or as the page says of itself; else as any text."""
    match = _CHARSET.search(raw[:_HEAD])
    named = _ENCODINGS.get(match.group(1).decode("ascii").lower()) if match else None
    for encoding in filter(None, ("utf-8", named)):
        with suppress(UnicodeDecodeError):
            return raw.decode(encoding).removeprefix("\ufeff")
    try:
        return decode(raw)
    except UnreadableError:
        if not named:
            raise
    text = raw.decode(named, errors="replace")
    if text.count("\ufffd") > len(text) * 0.01:
        raise UnreadableError("the web page is not in the encoding that it names")
    return text


def _squeeze(text: str) -> str:
    return _SPACE.sub(" ", _WRAPPED.sub("", text)).strip(" ")


def _title(tree: Any) -> str:
    """Find the heading that the browser's tab also names; "" if there is none."""
    tab = _squeeze(tree.findtext(".//title") or "")
    for element in tree.iter("h1", "h2", "h3"):
        text = _squeeze("".join(element.itertext()))
        if len(text) >= _MIN_TITLE and text in tab:
            return text
    return ""


def _weigh(tree: Any) -> tuple[dict[Any, int], dict[Any, int]]:
    """Count the characters of every element, and those of them that are links."""
    texts: dict[Any, int] = defaultdict(int)
    links: dict[Any, int] = defaultdict(int)
    for element in reversed(list(tree.iter())):
        if element.tag not in _UNSHOWN:
            texts[element] += len("".join((element.text or "").split()))
            if element.tag == "a":
                links[element] = texts[element]
        else:
            texts[element] = 0
        parent = element.getparent()
        if parent is not None:
            texts[parent] += texts[element] + len("".join((element.tail or "").split()))
            links[parent] += links[element]
    return texts, links


def _drop_furniture(tree: Any) -> None:
    texts, links = _weigh(tree)
    whole = max(1, texts[tree])
    for element in list(tree.iter()):
        if element.getparent() is None or element.tag in {"body", "html"}:
            continue
        named = _FURNITURE.search(f"{element.get('class', '')} {element.get('id', '')}")
        linked = element.tag in _BLOCKS and links[element] > max(1, texts[element]) * _MOSTLY_LINKS
        hidden = _HIDDEN.search(element.get("style", "")) or element.get("hidden") is not None
        if element.tag in _UNSHOWN or hidden or ((named or linked) and texts[element] < whole * _ARTICLE):
            element.drop_tree()


def _find_main(tree: Any) -> Any:
    """Find the innermost element that says it is the article and holds most of the text; else the whole page."""
    body = tree.find("body")
    main = tree if body is None else body
    texts, _ = _weigh(tree)
    for element in main.iter():
        named = element.tag in {"article", "main"} or element.get("role") == "main"
        named = named or bool(_MAIN.search(f"{element.get('class', '')} {element.get('id', '')}"))
        if named and texts[element] >= texts[main] * _MOST_OF_IT:
            main = element
    return main


class _Writer:
    """Writes the blocks of a page, numbering its paragraphs, tables and lists."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._pieces: list[str] = []
        self._paragraphs = 0
        self._tables: dict[Any, int] = {}
        self._rows: dict[Any, int] = defaultdict(int)
        self._items: dict[Any, int] = defaultdict(int)

    def write(self, text: str, kind: Kind) -> None:
        """Write one paragraph, unless it is blank."""
        from fazhi.model.normalize import normalize
        from fazhi.model.segment import is_furniture

        if text.strip():
            self._paragraphs += 1
            kind = Kind.FURNITURE if is_furniture(normalize(text[:120])) else kind
            self._draft.add(text, kind, Place(paragraph=self._paragraphs))

    def walk(self, main: Any) -> None:
        """Write an element's text in its order; without recursion, since pages nest as deep as they like."""
        from lxml import etree

        row = None  # the table row that is written whole
        kind = Kind.PARAGRAPH
        for event, element in etree.iterwalk(main, events=("start", "end")):
            if row is not None:
                row = None if event == "end" and element is row else row
                if row is None:
                    self._pieces.append(element.tail or "")
                continue
            if element.tag in _BLOCKS:
                self._flush(kind)
                kind = Kind.HEADING if element.tag in _HEADINGS and event == "start" else Kind.PARAGRAPH
            if event == "start":
                self._open(element)
                row = element if element.tag == "tr" and self._write_row(element) else None
                self._pieces.append((element.text or "") if row is None else "")
            elif element is not main:
                self._pieces.append(element.tail or "")
        self._flush(kind)

    def _flush(self, kind: Kind) -> None:
        self.write(_squeeze("".join(self._pieces)), kind)
        self._pieces = []

    def _open(self, element: Any) -> None:
        """Number the items of a list as a browser does."""
        parent = element.getparent()
        if element.tag == "li" and parent is not None and parent.tag == "ol":
            start = parent.get("start", "1")
            self._items[parent] += 1
            number = self._items[parent] - 1 + (int(start) if start.isdecimal() else 1)
            self._pieces.append(f"{number}. ")

    def _write_row(self, row: Any) -> bool:
        """Write a row of short cells on one line; False for one that is no such row."""
        if row.find(".//table") is not None:
            return False
        cells = [
            (index, [_squeeze("".join(cell.itertext()))]) for index, cell in enumerate(row.iterchildren("td", "th"), 1)
        ]
        if len(cells) < 2 or any(len(line) > 40 or "。" in line for _, (line,) in cells):
            return False
        table = next(row.iterancestors("table"), row)
        number = self._tables.setdefault(table, len(self._tables) + 1)
        self._rows[table] += 1
        self._draft.add_row(cells, number, self._rows[table])
        return True
