"""What pydantic finds wrong in a body -> faults in Chinese and English, without any of the body's own text."""

from collections.abc import Sequence
from typing import Any

from fazhi.serve.errors import Fault

_MESSAGES = {
    "missing": ("缺少此项。", "This member is missing."),
    "unknown_member": ("此处含有未定义的项。", "There is a member here that the API does not know."),
    "string_type": ("须为字符串。", "This must be a string."),
    "int_type": ("须为整数。", "This must be an integer."),
    "int_parsing": ("须为整数。", "This must be an integer."),
    "int_from_float": ("须为整数。", "This must be an integer."),
    "bool_type": ("须为 true 或 false。", "This must be true or false."),
    "list_type": ("须为数组。", "This must be an array."),
    "dict_type": ("须为对象。", "This must be an object."),
    "model_type": ("须为对象。", "This must be an object."),
    "model_attributes_type": ("须为对象。", "This must be an object."),
    "too_short": ("至少要有一项。", "This must hold at least one element."),
    "too_long": ("项数过多。", "This holds too many elements."),
    "literal_error": ("取值不在允许的范围内。", "This is none of the allowed values."),
    "enum": ("取值不在允许的范围内。", "This is none of the allowed values."),
    "greater_than": ("数值过小。", "This number is too small."),
    "greater_than_equal": ("数值过小。", "This number is too small."),
    "less_than_equal": ("数值过大。", "This number is too large."),
    "union_tag_invalid": ("须为字符串或对象。", "This must be a string or an object."),
    "string_too_long": ("字符过多。", "This string is too long."),
    "string_pattern_mismatch": ("含有不允许的字符。", "This string holds characters that are not allowed."),
    "repeated": ("同一项重复出现。", "The same element stands here twice."),
    "string_or_list": ("须为字符串或数组。", "This must be a string or an array."),
    "union_tag_not_found": ("须为字符串或对象。", "This must be a string or an object."),
}
_OTHER = ("不符合接口说明。", "This is not what the API page describes.")


def faults_of(errors: Sequence[Any]) -> list[Fault]:
    """The faults of a request, each once; a step in angle brackets names a variant, and is no part of the way."""
    found: dict[Fault, None] = {}
    for error in errors:
        way = [step for step in error["loc"] if not str(step).startswith("<")]
        if way and way[0] == "body":
            way = way[1:]
        zh, en = _MESSAGES.get(error["type"], _OTHER)
        found[Fault("".join(f"/{step}" for step in way), zh, en)] = None
    return list(found)
