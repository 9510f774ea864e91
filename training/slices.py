"""Units and documents -> the slices they fall into. Knows no model."""

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
from opencc import OpenCC

from fazhi.data.corpus import LabelledDocument
from fazhi.training.metrics import Bools

LENGTHS = (("1–20", 20), ("21–50", 50), ("51–100", 100), ("over 100", 10**9))
TRADITIONAL_FROM = 0.01  # the share of CJK characters that Simplified writes otherwise
_CJK = re.compile("[\u3400-\u9fff]")


def slices(documents: Sequence[LabelledDocument]) -> dict[str, dict[str, Bools]]:
    """Give each slice's values and which units have them; a value that no unit has is left out."""
    units = [unit for document in documents for unit in document.units]
    scripts = [[is_traditional(document.text)] * len(document.units) for document in documents]
    heading = np.array([unit.heading for unit in units])
    length = np.array([len(unit.text) for unit in units])
    digits = np.array([bool(re.search(r"\d", unit.text)) for unit in units])
    traditional = np.array([script for document in scripts for script in document])
    above = [0, *(most for _, most in LENGTHS)]
    table = {
        "kind": {"heading": heading, "body": ~heading},
        "length": {name: (length > above[i]) & (length <= most) for i, (name, most) in enumerate(LENGTHS)},
        "script": {"Simplified": ~traditional, "Traditional": traditional},
        "digits": {"with": digits, "without": ~digits},
    }
    return {name: {value: mask for value, mask in masks.items() if mask.any()} for name, masks in table.items()}


def is_traditional(text: str) -> bool:
    """Whether OpenCC would write more than one in a hundred of the CJK characters otherwise in Simplified."""
    count = Counter(_CJK.findall(text))
    simplified = OpenCC("t2s").convert("\n".join(count)).split("\n")
    changed = sum(times for (old, times), new in zip(count.items(), simplified, strict=False) if old != new)
    return changed > TRADITIONAL_FROM * count.total()
