"""The Chinese words that the workbook and the Word summary share: what was found, how, and what was not."""

from collections.abc import Sequence

from fazhi.data.answers import Why
from fazhi.data.completeness import Evidence, FoundAspect, State
from fazhi.data.exports.report import TaggedUnit
from fazhi.model.labels import Role

EVIDENCE = 3  # sentences shown for one aspect of completeness
STATES = {State.FOUND: "● 有", State.HINTED: "◎ 似有", State.MISSING: "○ 未见"}
WHY = {Why.BESIDE: "紧随该问题", Why.CLOSE: "用词相近", Why.LOOSE: "用词略近"}
NO_PLAN = "未找到对应的计划"
CAUTION = "各句的性质和主题由模型标注，标有“需复核”的请人工核对；标注说明句子讲的是什么，不说明所讲是否属实。"
ON_PARTS = "按规定应有的各项内容及找到的句子，供核对；“未见”只表示没有找到，不是结论。"
ON_ANSWERS = (
    "对照按主题、所在位置和用词相近程度得出，供核对；“用词略近”的可能并不对应，“未找到”也可能是换了说法，请人工判断。"
)


def shown(found: FoundAspect, units: Sequence[TaggedUnit]) -> list[Evidence]:
    """The evidence that tells most: hints last, and whole sentences before headings."""
    return sorted(found.evidence, key=lambda item: (item.hint, units[item.unit].heading))[:EVIDENCE]


def sought(roles: Sequence[Role], cues: Sequence[str]) -> str:
    """What was looked for."""
    asked = [f"性质为{'、'.join(roles)}的句子"] if roles else []
    return "，".join([*asked, *([f"含有{'、'.join(cues)}"] if cues else [])])
