"""Document text -> its units, with offsets into the text as given, and which of them are headings by layout.

Knows nothing of labels or of how headings nest; time is linear in the text whatever it holds.
"""

import re
from collections.abc import Iterator, Sequence

from fazhi.model.normalize import normalize
from fazhi.model.units import Unit

STOPS = frozenset("。！？!?；;")
_CLOSER_OF = dict(zip("“‘《〈「『【（(", "”’》〉」』】))", strict=True))
_CLOSERS = frozenset(_CLOSER_OF.values())
_BREAKS = "\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
_LINE = re.compile(f"[^{_BREAKS}]+")
LINE_BREAK = re.compile(f"[{_BREAKS}]")

_CN = "[一二三四五六七八九十百零〇]"
# Numbering styles, by the normalized beginning of a unit. A number with a digit after its point is a figure or date.
_STYLES = tuple(
    (style, re.compile(pattern))
    for style, pattern in (
        ("part", rf"第{_CN}+(?:部分|章|编|篇)"),
        ("item", rf"(?:任务|问题|专题|附件|附表|附录)(?:{_CN}+|[0-9]{{0,3}})(?:[：、.]|(?=20[0-9]{{2}}年|“))"),
        ("一、", rf"{_CN}{{1,4}}[、.](?!{_CN})"),
        ("（一）", rf"（{_CN}{{1,4}}）"),
        ("1.", r"[0-9]{1,3}[.、](?![0-9])"),
        ("（1）", r"（?[0-9]{1,3}）"),
        ("①", r"[①-⑳]"),
        ("第一", rf"第{_CN}{{1,3}}[，、：]|首先，|其次，|再次，|最后，"),
        ("一是", rf"{_CN}{{1,3}}(?:是|要)(?!否|求)"),
        ("——", r"(?:—|--)"),
        ("●", r"[●▲★◆■□◇※·]"),
    )
)

_PORTAL = re.compile(  # what a page adds to a report; words that may also begin a heading need their colon
    r"[【（▲★]*(?:当前位置|您的位置|您?现?所?在的?位置|网站首页|首页[>/上]|无障碍|索引号[：]?|字[号体][：大]|分享[到：]|扫一扫"
    r"|(?:信息|稿件|文章|内容)?(?:来源|时间|日期|作者|编辑|审核|责编|校对|编辑部|撰稿|供稿|稿源|文号|上传人|电话)："
    r"|(?:发布|发文|成文|公开|更新|生成)(?:时间|日期|机构|单位|机关|方式|类别)|责任编辑|联系人：|联系电话|抄送：|主送："
    r"|(?:主办|承办)(?:单位)?：|(?:浏览|点击|阅读|访问)(?:次?数?|量)[：0-9]|打印(?:本页|】|$)|关闭(?:窗口|本页|】|$)|收藏本|返回顶部|[上下]一[篇条页]|版权所有"
    r"|Copyright|相关(?:稿件|链接|阅读|文章)：?|猜你喜欢|免责声明|主题(?:分类|词)|本文[共由]|>+|导读】|网站(?:地图|标识))"
)
_PORTAL_WITHIN = re.compile(r">.*>|打印本?页?】?【?关闭|字[号体]：|点击[量数]?[：0-9]|浏览[量次]")
_NO_HEADING = re.compile(
    r"[0-9\-—/第共页 ]+$|【?[0-9]+】?$|.*[—-][0-9]{1,3}[—-]$"  # page numbers
    r"|[^，。]{1,16}【[0-9]{2,4}】第?[0-9]*号$"  # document numbers
    rf"|（?(?:[0-9]{{4}}|{_CN}{{4}})(?:年|[./-])[0-9一二三四五六七八九十元./-]*月?[0-9一二三四五六七八九十]*日?(?:印发)?）?$"
    r"|（[^（）]*）$"  # asides
)
_CONTENTS = re.compile(r".*(?:…|\.{4,})[0-9]*$")  # a line of a table of contents
_TITLE = re.compile(
    r"(?=.{4,70}$).*(?:报告|总结|小结|要点|方案|安排|情况|计划|述法|自查|意见|材料|公告|通报|汇报|思路|打算|规划|通知|说明|答复|年报)"
    r"(?:（[^（）]{0,12}）)?$"
)
_HAN = re.compile("[一-鿿]")
_WIDE_GAP = re.compile(r"\S[ \t]{3,}\S|\S[\s\u3000]*\u3000{2}[\s\u3000]*\S")
_HEAD = 120  # no heading is longer: as much of a unit as is read for its layout
# A numbered sentence up to this long is elaborated by what follows it, on its line or on the next; a longer one says
# it all itself. Both lengths are read off the training documents.
_MAX_LEAD_IN, _MAX_LEAD_IN_LINE = 28, 24
_MAX_NUMBERED, _MAX_BARE, _MAX_PORTAL = 60, 30, 80


def style_of(head: str) -> str:
    """Name the numbering style that a normalized text begins with, or ""."""
    return next((style for style, pattern in _STYLES if pattern.match(head)), "")


def is_furniture(head: str) -> bool:
    """Whether a normalized line is what a web page or a print adds: no title, no heading, and no place for one."""
    if _PORTAL.match(head):
        return True
    if len(head) <= _MAX_PORTAL and head[-1:] not in STOPS and not style_of(head) and _PORTAL_WITHIN.search(head):
        return True
    if _CONTENTS.match(head):
        return True
    return bool(_NO_HEADING.match(head)) and style_of(head) not in {"（一）", "（1）"}


def is_title(head: str) -> bool:
    """Whether a normalized line, found above a report's text, names a report."""
    return bool(_TITLE.match(head)) and style_of(head) in {"", "——"} and not is_furniture(head)


def _enclosures(line: str) -> dict[int, int]:
    """Map every bracket that closes on the line to where it does; each index is pushed and popped once."""
    closes: dict[int, int] = {}
    stack: list[int] = []
    waiting = dict.fromkeys(_CLOSERS, 0)  # without the count, closers alone would search the stack in vain
    for index, character in enumerate(line):
        character = ")" if character == "）" else character
        if character in _CLOSER_OF:
            stack.append(index)
            waiting[_CLOSER_OF[character]] += 1
        elif waiting.get(character):
            while True:
                opener = stack.pop()
                waiting[_CLOSER_OF[line[opener]]] -= 1
                if _CLOSER_OF[line[opener]] == character:
                    break
            closes[opener] = index
    return closes


def _sentences(line: str) -> Iterator[tuple[int, int]]:
    """Yield the bounds of a line's sentences, without the white space around them."""
    closes = _enclosures(line)
    start, enclosed, ended = -1, -1, -1  # ended: behind the last stop of a finished sentence, or -1
    last = -1  # behind the last character that is no space
    for index, character in enumerate(line):
        if character.isspace():
            continue
        # A stop cannot begin a sentence: a doubled one belongs to the sentence just ended.
        if ended >= 0 and character not in STOPS:
            yield start, last
            start, ended = -1, -1
        if start < 0:
            start = index
        last = index + 1
        enclosed = max(enclosed, closes.get(index, -1))
        if character in STOPS and index > enclosed:
            ended = last
    if start >= 0:
        yield start, last


class _Line:
    """What the layout of one line that is not blank tells: its first sentence, and what stands after it."""

    __slots__ = ("bare", "first", "head", "more", "raw", "sentences", "style")

    def __init__(self, document: str, sentences: Sequence[tuple[int, int]]) -> None:
        start, end = sentences[0]
        self.sentences = sentences
        self.first = document[start : min(end, start + _HEAD)]
        self.raw = document[start : min(sentences[-1][1], start + _HEAD)]
        self.head = normalize(self.first)
        self.style = style_of(self.head)
        self.more = len(sentences) > 1
        self.bare = not self.more and document[end - 1] not in STOPS and document[end - 1] not in ":：,，、"

    def is_text(self) -> bool:
        """Whether the line is a paragraph of the report, not a line of its layout."""
        return (self.more or not self.bare or len(self.head) > _MAX_NUMBERED) and not is_furniture(self.head)


def _top(lines: Sequence[_Line]) -> int:
    """Count the lines above the report's text, where the title is and no section is."""
    for index, line in enumerate(lines):
        salutation = not line.more and line.head.endswith("：") and not line.style
        numbered = line.style not in {"", "——", "●"} and not is_furniture(line.head)
        if numbered or (line.is_text() and not salutation):
            return index
    return len(lines)


def _is_numbered_heading(line: _Line, following: _Line | None) -> bool:
    if is_furniture(line.head):
        return False
    if line.style == "item" and not (following and (following.is_text() or following.style)):
        return False  # an attachment that is only listed
    elaborated = following is not None and following.style != line.style and not is_furniture(following.head)
    if line.bare:
        named = elaborated if line.style == "item" else line.style not in {"——", "●"}
        return named and len(line.head) <= _MAX_NUMBERED
    if line.head.endswith("："):
        return False
    return len(line.head) <= _MAX_LEAD_IN if line.more else elaborated and len(line.head) <= _MAX_LEAD_IN_LINE


def _is_bare_heading(line: _Line, following: _Line | None, following_is_heading: bool) -> bool:
    """Judge a short line without number or stop below the top: a section's name, if a section follows."""
    if not line.bare or len(line.head) > _MAX_BARE or following is None:
        return False
    if is_furniture(line.head) or _WIDE_GAP.search(line.raw) or "：" in line.head:
        return False
    return following_is_heading or following.is_text()


def _is_title_heading(line: _Line, following_is_title: bool, is_first: bool) -> bool:
    """Judge a line above the text: the title, a piece of it, or at the very top a title of another kind."""
    if not line.bare or is_furniture(line.head):
        return False
    if is_title(line.head) or line.head == "目录":
        return True
    if line.style:
        return False
    return not _WIDE_GAP.search(line.raw) and len(line.head) <= _MAX_NUMBERED and (following_is_title or is_first)


def _headings(lines: Sequence[_Line]) -> list[bool]:
    """Judge every line's first sentence, from the last line up, since a heading shows by what follows it."""
    flags = [False] * len(lines)
    top = _top(lines)
    title = next((line.head for line in lines[:top] if is_title(line.head)), "")
    first = next((index for index, line in enumerate(lines[:top]) if not is_furniture(line.head)), -1)
    for index in range(len(lines) - 1, -1, -1):
        line = lines[index]
        following = lines[index + 1] if index + 1 < len(lines) else None
        following_is_heading = index + 1 < len(lines) and flags[index + 1]
        if index < top:
            below = index + 1 < top and following_is_heading and following is not None and following.head != "目录"
            flags[index] = _is_title_heading(line, below, index == first)
        elif line.style:
            flags[index] = _is_numbered_heading(line, following)
        elif len(line.head) > 8 and line.head not in title and set(_HAN.findall(line.head)) <= set(title):
            flags[index] = False  # the title as a running head of a printed page
        else:
            flags[index] = _is_bare_heading(line, following, following_is_heading)
    return flags


def segment(document: str) -> list[Unit]:
    """Cut a document into its units: every character that is no space is in exactly one."""
    lines = []
    for match in _LINE.finditer(document):
        offset = match.start()
        sentences = [(offset + start, offset + end) for start, end in _sentences(match.group())]
        if sentences:
            lines.append(_Line(document, sentences))
    units = []
    for line, heading in zip(lines, _headings(lines), strict=True):
        for index, (start, end) in enumerate(line.sentences):
            units.append(Unit(start, end, document[start:end], heading and index == 0))
    return units
