"""The labels of the annotation guideline.

A member's place is its index in the model's head; a label is spelt nowhere else.
"""

from enum import StrEnum


class Role(StrEnum):
    """What a unit says of the reporting body's work (性质); every unit has exactly one."""

    ACHIEVEMENT = "成效"
    PROBLEM = "问题"
    PLAN = "计划"
    OTHER = "其他"


class Topic(StrEnum):
    """What a unit speaks of (主题); a unit has any number of them."""

    ENFORCEMENT = "执法"
    RECONSIDERATION = "复议"
    APPROVAL = "审批"
    LEGAL_EDUCATION = "普法"


ROLES: tuple[Role, ...] = tuple(Role)
TOPICS: tuple[Topic, ...] = tuple(Topic)
