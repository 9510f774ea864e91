"""A report's text -> files as offices write them: Word with its own numbering, print by LibreOffice, a web page."""

import html
import io
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docx
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement, parse_xml
from docx.oxml.ns import qn
from docx.shared import Mm, Pt

from tests.papers import WORD

SOFFICE = shutil.which("soffice")
_LABEL = re.compile(r"\s*([（(]?)([一二三四五六七八九十]{1,3}|[0-9]{1,2}|[①-⑳])([、)）]|[.．](?![0-9]))\s*")
_CHINESE = ["", *"一二三四五六七八九十", *(f"十{unit}" for unit in "一二三四五六七八九"), "二十"]


@dataclass(frozen=True)
class Label:
    """A number that somebody typed, as Word would write it itself."""

    form: str
    pattern: str
    number: int
    length: int  # of the text that it takes the place of


def label_of(line: str) -> Label | None:
    """Find the number at a line's beginning."""
    match = _LABEL.match(line)
    if not match or match.group(2) not in [*_CHINESE, *map(str, range(1, 100))]:
        return None
    before, number, behind = match.groups()
    form = "decimal" if number.isdecimal() else "chineseCounting"
    value = int(number) if number.isdecimal() else _CHINESE.index(number)
    return Label(form, f"{before}%{{}}{behind}", value, match.end())


class _Lists:
    """One list of several levels, as an office's outline is; where it would count on wrongly it is begun anew."""

    def __init__(self, lines: list[str]) -> None:
        labels = [label for line in lines if (label := label_of(line))]
        self.kinds = list(dict.fromkeys((label.form, label.pattern) for label in labels))
        self.overrides: list[tuple[int, int] | None] = [None]  # of each list: the level and where it begins
        self._counts: dict[int, int] = {}
        self._begun: dict[int, int] = {}  # the lists of levels that were begun anew, until a higher one comes

    def place(self, label: Label) -> tuple[int, int]:
        """Give a paragraph's list and level."""
        level = self.kinds.index((label.form, label.pattern))
        if self._counts.get(level, 0) + 1 != label.number:
            self.overrides.append((level, label.number))
            self._begun[level] = len(self.overrides)
        self._counts = {index: count for index, count in self._counts.items() if index < level}
        self._counts[level] = label.number
        self._begun = {index: number for index, number in self._begun.items() if index <= level}
        return self._begun.get(level, 1), level

    def write(self, numbering: Any) -> None:
        levels = "".join(
            f'<w:lvl w:ilvl="{index}"><w:start w:val="1"/><w:numFmt w:val="{form}"/><w:suff w:val="nothing"/>'
            f'<w:lvlText w:val="{pattern.format(index + 1)}"/></w:lvl>'
            for index, (form, pattern) in enumerate(self.kinds)
        )
        names = f'xmlns:w="{WORD}"'
        kind = f'<w:abstractNum {names} w:abstractNumId="90"><w:multiLevelType w:val="multilevel"/>{levels}'
        numbering.insert(0, parse_xml(f"{kind}</w:abstractNum>"))
        for number, override in enumerate(self.overrides, start=1):
            begun = '<w:lvlOverride w:ilvl="{}"><w:startOverride w:val="{}"/></w:lvlOverride>'
            more = begun.format(*override) if override else ""
            head = f'<w:num {names} w:numId="{900 + number}"><w:abstractNumId w:val="90"/>'
            numbering.append(parse_xml(f"{head}{more}</w:num>"))


def numbered_word(text: str, in_table: bool = False) -> bytes:
    """A Word file whose numbers are Word's own; in the one cell of a table if asked for."""
    document = docx.Document()
    lines = text.splitlines()
    lists = _Lists(lines)
    target = document.add_table(1, 1).cell(0, 0) if in_table else document
    for line in lines:
        label = label_of(line)
        paragraph = target.add_paragraph(line[label.length :] if label else line)
        if label:
            number, level = lists.place(label)
            own = paragraph._p.get_or_add_pPr().get_or_add_numPr()
            own.get_or_add_ilvl().val, own.get_or_add_numId().val = level, 900 + number
    lists.write(document.part.numbering_part.element)
    return _saved(document)


def plain_word(text: str) -> bytes:
    """A Word file as somebody makes it who only types."""
    document = docx.Document()
    for line in text.splitlines():
        document.add_paragraph(line)
    return _saved(document)


def official_word(text: str) -> bytes:
    """A Word file in the layout of official documents: indents, full lines at fixed distances, page numbers."""
    document = docx.Document()
    normal = document.styles["Normal"]
    normal.font.name, normal.font.size = "Noto Serif CJK SC", Pt(16)
    font = normal.element.get_or_add_rPr()
    font.rFonts.set(qn("w:eastAsia"), "Noto Serif CJK SC")
    language = OxmlElement("w:lang")
    language.set(qn("w:eastAsia"), "zh-CN")
    font.append(language)
    layout = normal.paragraph_format
    layout.line_spacing, layout.space_after, layout.first_line_indent = Pt(28), Pt(0), Pt(32)
    layout.alignment = WD_ALIGN_PARAGRAPH.JUSTIFY
    section = document.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.left_margin, section.right_margin, section.top_margin = Mm(28), Mm(26), Mm(37)
    section.header.paragraphs[0].text = "某市人民政府公报"
    footer = section.footer.paragraphs[0]
    footer.alignment = WD_ALIGN_PARAGRAPH.CENTER
    footer._p.append(parse_xml(f'<w:fldSimple xmlns:w="{WORD}" w:instr="PAGE"/>'))
    for line in text.splitlines():
        document.add_paragraph(line.strip())
    return _saved(document)


def _saved(document: Any) -> bytes:
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def converted(files: Mapping[str, bytes], to: str, folder: Path) -> dict[str, bytes]:
    """Have LibreOffice write Word files in another format, all at once."""
    for name, raw in files.items():
        (folder / f"{name}.docx").write_bytes(raw)
    paths = [str(folder / f"{name}.docx") for name in files]
    command = [str(SOFFICE), f"-env:UserInstallation={(folder / 'profile').as_uri()}", "--headless"]
    command += ["--convert-to", to, "--outdir", str(folder), *paths]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    return {name: (folder / f"{name}.{to.partition(':')[0]}").read_bytes() for name in files}


_ABOVE = """<div class="header"><div class="logo"><a href="/">某市人民政府门户网站</a></div>
<div class="search"><input name="q"><button>搜索</button></div>
<ul class="nav"><li><a href="/">首页</a></li><li><a href="/zwgk">政务公开</a></li></ul></div>
<div class="BreadcrumbNav">当前位置：<a href="/">首页</a> &gt; <a href="/zwgk">政务公开</a> &gt; 正文</div>
<script>document.write("今日天气");</script><div class="article">"""
_BELOW = """<div class="editor">责任编辑：某某</div>
<div class="share">分享到：<a href="#">微信</a> <a href="#">微博</a></div></div>
<div class="related"><h4>相关稿件</h4>
<ul><li><a href="/1">某市召开常务会议</a></li><li><a href="/2">通知公告</a></li></ul></div>
<div class="footer"><p>主办单位：某市人民政府办公室</p><p>网站标识码：1234567890</p></div>"""


def web_page(text: str, broken: bool = False, encoding: str = "utf-8") -> bytes:
    """A page of a government's site; its lines are paragraphs, or are parted by line breaks only."""
    lines = [html.escape(line) for line in text.splitlines()]
    body = "<br>\n".join(lines) if broken else "\n".join(f'<p style="text-indent:2em">{line}</p>' for line in lines)
    charset = {"utf-8": "utf-8", "gb18030": "gb2312"}[encoding]
    page = (
        f"<!DOCTYPE html>\n<html><head><meta http-equiv='Content-Type' content='text/html; charset={charset}'>"
        f"<title>政务公开</title><style>p {{ margin: 0 }}</style></head><body>{_ABOVE}"
        f"<div class='pages_content' id='UCAP-CONTENT'><div class='TRS_Editor'>{body}</div></div>{_BELOW}</body></html>"
    )
    return page.encode(encoding)
