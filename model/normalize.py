"""A unit's text -> the model's copy of it: one width, one script, one form of every punctuation mark.

Knows nothing of offsets: what is read off a copy is never written back to the document. Every rule is written so
that its own output, and that of every later rule, holds nothing for it to change: normalizing twice changes nothing.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache

from opencc import OpenCC

# Where NFKC has something to fold: signs, enclosed and CJK forms, radicals, compatibility ideographs, half and full
# width. Latin, Greek and the like stay as they are.
_WIDTH = (range(0x2000, 0x3400), range(0xF900, 0xFB00), range(0xFE10, 0xFE70), range(0xFF00, 0xFFF0))
_KEEP = frozenset("①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳℃‰")  # NFKC makes ① a bare 1, and a lead-in would be lost
_SCRIPT = (range(0x3400, 0xA000), range(0x20000, 0x2FA20))

# OpenCC takes these for simplified or leaves them alone, since they are printing variants (衞), Japanese forms that
# OCR puts in (検) or other orthographies of a Traditional character. Real copies of reports hold them.
_VARIANTS = dict(
    zip(
        "衞敍擧塲逹縂緫徳戸歩毎黒巻収変応関発対検験実県辺団図聴弾覇鄕緖硏徴",
        "卫叙举场达总总德户步每黑卷收变应关发对检验实县边团图听弹霸乡绪研征",
        strict=True,
    )
)
_PUNCTUATION = dict(
    zip(
        ",:;?!()[]〔〕〖〗「」﹁﹂『』﹃﹄„‟〝〞〟«»•‧・∙⋅∶﹒○–―─━〜−⋯",
        "，：；？！（）【】【】【】“”“”‘’‘’“““””《》·····：.〇————~-…",
        strict=True,
    )
)

_DROPPED = re.compile(  # controls, zero-width and direction marks, surrogates, private use, variation selectors
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u034f\u061c\u115f\u1160\u180b-\u180e\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ud800-\udfff\ue000-\uf8ff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff"
    "\U000e0000-\U000e0fff\U000f0000-\U0010ffff]"
)
_ENTITIES = {"nbsp": " ", "ensp": " ", "emsp": " ", "ldquo": "“", "rdquo": "”", "mdash": "—", "middot": "·"}
# The semicolon is optional, or a space dropped before it later would complete an entity for the next call.
_ENTITY = re.compile(rf"&(?:amp；?)*(?:(?P<name>{'|'.join(_ENTITIES)})；?)|&(?:amp；?)+")
_QUOTES = re.compile(r'"([^"]*)"')
_DOTS = re.compile(r"\.{3,}")
_ELLIPSIS = re.compile(r"…+|。{3,}|·{3,}")
_SPACE = re.compile(r"(?<![!-~]) | (?![!-~])")  # a space between Latin words or figures is kept
_REPEATED = re.compile(r"([，。；：、！？])\1+")
_NUMBER_COMMA = re.compile(r"(?<=[0-9])，(?=[0-9]{3}(?![0-9]))")
_NUMBER_COLON = re.compile(r"(?<=[0-9])：(?=[0-9])")
_NUMBER_DASH = re.compile(r"(?<=[0-9])[—~-]+(?=[0-9])")
# Traditional characters that are right in Simplified too, but not beside these: OpenCC has phrases for them, which
# cannot be used, because matching phrases twice may give a third text (沈重覆 -> 沉重覆 -> 沉重复).
_IN_CONTEXT = (
    (re.compile(r"(?<=[答回批函反重申])覆(?!盖)"), "复"),
    (re.compile(r"瞭(?!望)"), "了"),
    (re.compile(r"(?<![慰狼枕])藉"), "借"),
    (re.compile(r"(?<=[计规筹谋策])画"), "划"),
    (re.compile(r"(?<![显名原编])著(?=[力重眼手])"), "着"),
)


def _simplified(characters: Iterable[int]) -> dict[str, str]:
    """Character by character, what OpenCC makes of each Traditional one; one call, so no phrase is matched."""
    traditional = [chr(code) for code in characters]
    simplified = OpenCC("t2s").convert("\n".join(traditional)).split("\n")
    # A form beyond the BMP (𫇭 for 蔿) is a piece to no tokenizer: the Traditional one is more likely known.
    return {old: new for old, new in zip(traditional, simplified, strict=True) if old != new and new <= "\uffff"}


@cache
def _fold() -> dict[int, str]:
    """The table of all single characters that change, made once and read only: safe for any number of threads.

    The converter itself lives only while the table is made.
    """
    simplified = _simplified(code for codes in _SCRIPT for code in codes)
    steps = simplified | _VARIANTS | _PUNCTUATION
    settled = _KEEP.union(_PUNCTUATION.values())  # NFKC would take ： back to the : it was made of
    for code in (code for codes in _WIDTH for code in codes):
        character = chr(code)
        folded = unicodedata.normalize("NFKC", character)
        if folded != character and character not in settled:
            steps.setdefault(character, folded)
    table = {}
    for character in steps:
        text = character
        while (further := "".join(steps.get(c, c) for c in text)) != text:
            text = further
        table[ord(character)] = text
    return table


def normalize(text: str) -> str:
    """Return the model's copy of `text`; defined for every string, and the same again for its own result."""
    text = _DROPPED.sub("", text.translate(_fold()))
    text = re.sub(r"\s+", " ", text)
    text = _ENTITY.sub(lambda match: _ENTITIES.get(match["name"], "&"), text)
    text = _QUOTES.sub(r"“\1”", text)
    text = _DOTS.sub("…", text)
    text = _SPACE.sub("", re.sub(" +", " ", text))
    text = _ELLIPSIS.sub("……", text)  # after the spaces, which may part its dots
    text = _REPEATED.sub(r"\1", text)
    text = _NUMBER_COMMA.sub(",", text)  # once spaces are gone, or the next call would find new numbers
    text = _NUMBER_COLON.sub(":", text)
    text = _NUMBER_DASH.sub("-", text)
    for pattern, character in _IN_CONTEXT:
        text = pattern.sub(character, text)
    return text
