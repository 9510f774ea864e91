"""The Chinese words that the workbook and the Word summary share for what was found and what was not."""

from collections.abc import Sequence

from fazhi.data.completeness import State
from fazhi.model.labels import Role

EVIDENCE = 3  # sentences shown for one aspect of completeness
STATES = {State.FOUND: "有", State.HINTED: "似有", State.MISSING: "未见"}
NO_PLAN = "未见对应的计划"


def sought(roles: Sequence[Role], cues: Sequence[str]) -> str:
    """What was looked for."""
    asked = [f"性质为{'、'.join(roles)}的句子"] if roles else []
    return "，".join([*asked, *([f"含有{'、'.join(cues)}"] if cues else [])])
