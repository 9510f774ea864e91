"""A number -> how Word writes it in a numbering format. Knows the formats by their names in the standard."""

from collections.abc import Callable

_ROMAN = {1000: "m", 900: "cm", 500: "d", 400: "cd", 100: "c", 90: "xc", 50: "l", 40: "xl", 10: "x", 9: "ix"}
_ROMAN |= {5: "v", 4: "iv", 1: "i"}
_DIGITS = "〇一二三四五六七八九"
_LEGAL_DIGITS = "零壹贰叁肆伍陆柒捌玖"
_LEGAL_DIGITS_TRADITIONAL = "零壹貳參肆伍陸柒捌玖"
_STEMS = "甲乙丙丁戊己庚辛壬癸"
_BRANCHES = "子丑寅卯辰巳午未申酉戌亥"
_MOST = 10_000  # above it Word's own forms differ too; figures are written


def _roman(number: int) -> str:
    written = ""
    for value, sign in _ROMAN.items():
        written += sign * (number // value)
        number %= value
    return written


def _letters(number: int) -> str:
    """Write a … z, aa, bb, …, as Word does."""
    index = (number - 1) % 26
    return chr(ord("a") + index) * ((number - 1) // 26 + 1)


def _digits(number: int) -> str:
    return "".join(_DIGITS[int(digit)] for digit in str(number))


def _counted(number: int, digits: str, units: str) -> str:
    """Write a number with its tens, hundreds and thousands; an empty place between two is written once."""
    written, gap = "", False
    for power in range(len(str(number)) - 1, -1, -1):
        digit = number // 10**power % 10
        if digit:
            written += (digits[0] if gap else "") + digits[digit] + (units[power - 1] if power else "")
        gap = bool(written) and not digit
    return written


def _chinese(number: int) -> str:
    """Write 十 and 十一 without the one before them."""
    written = _counted(number, "零" + _DIGITS[1:], "十百千")
    return written[1:] if written.startswith("一十") else written


def _chinese_to_99(number: int) -> str:
    return _chinese(number) if number < 100 else _digits(number)


def _legal(number: int) -> str:
    return _counted(number, _LEGAL_DIGITS, "拾佰仟")


def _legal_traditional(number: int) -> str:
    return _counted(number, _LEGAL_DIGITS_TRADITIONAL, "拾佰仟")


def _of(signs: str) -> Callable[[int], str]:
    """Write by a list of signs, and in figures beyond it."""
    return lambda number: signs[number - 1] if number <= len(signs) else str(number)


def _row(first: str, count: int) -> str:
    return "".join(chr(ord(first) + index) for index in range(count))


_FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")
_CIRCLED = _of(_row("①", 20))
_WRITERS: dict[str, Callable[[int], str]] = {
    "none": lambda number: "",
    "decimalZero": lambda number: f"{number:02d}",
    "upperRoman": lambda number: _roman(number).upper(),
    "lowerRoman": _roman,
    "upperLetter": lambda number: _letters(number).upper(),
    "lowerLetter": _letters,
    "chineseCounting": _chinese_to_99,
    "chineseCountingThousand": _chinese,
    "taiwaneseCounting": _chinese_to_99,
    "taiwaneseCountingThousand": _chinese,
    "japaneseCounting": _chinese,
    "ideographDigital": _digits,
    "taiwaneseDigital": _digits,
    "japaneseDigitalTenThousand": _digits,
    "chineseLegalSimplified": _legal,
    "ideographLegalTraditional": _legal_traditional,
    "japaneseLegal": _legal_traditional,
    "ideographTraditional": _of(_STEMS),
    "ideographZodiac": _of(_BRANCHES),
    "decimalEnclosedCircle": _CIRCLED,
    "decimalEnclosedCircleChinese": _CIRCLED,
    "decimalEnclosedParen": _of(_row("⑴", 20)),
    "decimalEnclosedFullstop": _of(_row("⒈", 20)),
    "ideographEnclosedCircle": _of(_row("㊀", 10)),
    "decimalFullWidth": lambda number: str(number).translate(_FULL_WIDTH),
    "decimalFullWidth2": lambda number: str(number).translate(_FULL_WIDTH),
}


def numeral(number: int, form: str) -> str:
    """Write a number in a format, in figures where the format is unknown or does not reach so far."""
    writer = _WRITERS.get(form)
    if writer is None or (form != "none" and not 0 < number < _MOST):
        return str(number)
    return writer(number)
