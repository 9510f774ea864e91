"""The parts of a yearly report: what counts as evidence, what is only a hint, and what a guide may say."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from fazhi.data.completeness import (
    FoundAspect,
    GuideError,
    State,
    completeness,
    default_guide,
    parse_guide,
    read_guide,
)
from fazhi.model.labels import ROLES, Role

DONE, PROBLEM, PLAN, OTHER = ROLES


@dataclass(frozen=True)
class Said:
    role: Role
    text: str
    headings: tuple[str, ...] = ()


LEADERS = "三、党政主要负责人履行推进法治建设第一责任人职责情况"
WHOLE = [
    Said(OTHER, "云溪县2024年法治政府建设年度报告"),
    Said(DONE, "开展执法案卷评查4次。", ("一、主要举措和成效",)),
    Said(PROBLEM, "执法力量不足。", ("二、存在的不足和原因",)),
    Said(PROBLEM, "究其原因，主要是编制少。", ("二、存在的不足和原因",)),
    Said(DONE, "县长主持召开常务会议4次。", (LEADERS,)),
    Said(PLAN, "继续推行告知承诺制。", ("四、下一年度主要安排",)),
    Said(OTHER, "五、其他需要报告的情况"),
]
KEYS = ["achievements", "shortfalls", "leaders", "plans", "others"]


def aspects(units: list[Said]) -> dict[str, FoundAspect]:
    return {found.aspect.key: found for part in completeness(units).parts for found in part.aspects}


class TestTheGuideThatComesWithThePackage:
    def test_it_names_the_five_parts_of_article_24(self) -> None:
        guide = default_guide()
        assert [part.key for part in guide.parts] == KEYS
        assert [part.key for part in guide.parts if part.optional] == ["others"]
        assert "厅字〔2019〕28号" in guide.source
        assert guide.version >= 1
        assert all(part.name and part.english and part.aspects for part in guide.parts)

    def test_a_whole_report_has_all_parts(self) -> None:
        assert [part.state for part in completeness(WHOLE).parts] == [State.FOUND] * 5

    def test_every_finding_names_its_sentences(self) -> None:
        for found in aspects(WHOLE).values():
            assert found.evidence
            assert all(0 <= item.unit < len(WHOLE) for item in found.evidence)

    def test_nothing_is_found_in_nothing(self) -> None:
        assert [part.state for part in completeness([]).parts] == [State.MISSING] * 5

    def test_without_causes_the_second_part_is_not_found(self) -> None:
        parts = completeness(
            [unit for unit in WHOLE if unit.role is not PROBLEM] + [Said(PROBLEM, "执法力量不足。")]
        ).parts
        assert [found.state for found in parts[1].aspects] == [State.FOUND, State.MISSING]
        assert parts[1].state is State.MISSING

    @pytest.mark.parametrize(
        ("text", "state"),
        [
            ("产生问题的原因是编制少。", State.FOUND),
            ("程序违法导致败诉。", State.HINTED),
            ("执法力量不足。", State.MISSING),
        ],
    )
    def test_an_effect_is_only_a_hint_at_a_cause(self, text: str, state: State) -> None:
        assert aspects([Said(PROBLEM, text)])["causes"].state is state

    def test_a_cause_told_of_an_achievement_is_none(self) -> None:
        assert aspects([Said(DONE, "群众信访原因得到化解。")])["causes"].state is State.MISSING

    @pytest.mark.parametrize(
        ("text", "state"),
        [
            ("县委书记、县长认真履行推进法治建设第一责任人职责。", State.FOUND),
            ("主要负责人切实履行法治建设职责。", State.FOUND),
            ("縣委書記認真履行“第一責任人”職責。", State.FOUND),
            ("主要领导亲自抓。", State.HINTED),
            ("书记、主任任“双组长”。", State.HINTED),
            ("局党组中心组学习习近平法治思想。", State.MISSING),
            ("行政机关主要负责人出庭应诉12件。", State.MISSING),
            ("约谈企业主要负责人3人。", State.MISSING),
            ("开展执法培训4次。", State.MISSING),
        ],
    )
    def test_the_heads_of_party_and_government(self, text: str, state: State) -> None:
        assert aspects([Said(DONE, text)])["leaders"].state is state

    def test_a_promise_is_no_performance_of_duties(self) -> None:
        assert aspects([Said(PLAN, "压实党政主要负责人第一责任人职责。")])["leaders"].state is State.MISSING

    def test_a_sentence_counts_for_where_it_stands(self) -> None:
        (item,) = aspects([WHOLE[4]])["leaders"].evidence
        assert (item.unit, item.above, item.hint) == (0, True, False)
        assert item.cue in LEADERS

    def test_what_says_so_itself_comes_before_where_it_stands_and_hints(self) -> None:
        hint, above, own = Said(DONE, "主要领导带头。"), WHOLE[4], Said(DONE, "认真履行第一责任人职责。")
        assert [item.unit for item in aspects([hint, above, own, above])["leaders"].evidence] == [2, 1, 3, 0]

    def test_a_role_says_so_by_itself(self) -> None:
        (item,) = aspects([WHOLE[5]])["plans"].evidence
        assert (item.cue, item.above, item.hint) == ("", False, False)


GUIDE = """
version = 7
source = "某规定"
[[parts]]
key = "a"
name = "甲"
english = "A"
[[parts.aspects]]
key = "b"
name = "乙"
english = "B"
roles = ["问题"]
cues = ["缺…口"]
hints = ["难"]
without = ["不难"]
"""


class TestGuides:
    @pytest.mark.parametrize(
        ("text", "state"),
        [
            ("缺口大。", State.FOUND),
            ("缺人手的窗口。", State.FOUND),
            ("缺人，窗口少。", State.MISSING),
            ("办事难。", State.HINTED),
            ("办事不难，缺口小。", State.MISSING),
        ],
    )
    def test_gaps_hints_and_exceptions(self, text: str, state: State) -> None:
        guide = parse_guide(GUIDE, "guide")
        assert guide.version == 7
        (part,) = completeness([Said(PROBLEM, text)], guide).parts
        assert part.state is state
        assert completeness([Said(DONE, text)], guide).parts[0].state is State.MISSING

    def test_a_guide_of_ones_own_is_read(self, tmp_path: Path) -> None:
        path = tmp_path / "guide.toml"
        path.write_text(GUIDE, encoding="utf-8")
        assert read_guide(path).parts[0].aspects[0].name == "乙"

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            ("version = 7", ""),
            ("version = 7", "version ="),
            ('roles = ["问题"]', 'roles = ["缺点"]'),
            ('roles = ["问题"]', ""),
            ('hints = ["难"]', 'hint = ["难"]'),
            ('cues = ["缺…口"]', ""),
            ("[[parts.aspects]]", "[[parts.other]]"),
            ("[[parts]]", "[parts]"),
        ],
    )
    def test_one_that_says_what_it_must_not_is_refused_by_name(self, before: str, after: str) -> None:
        assert before in GUIDE
        with pytest.raises(GuideError, match=r"^mine\.toml: "):
            parse_guide(GUIDE.replace(before, after), "mine.toml")

    def test_one_without_parts_is_refused(self) -> None:
        with pytest.raises(GuideError, match="each with an aspect"):
            parse_guide('version = 1\nsource = ""\nparts = []', "mine.toml")

    def test_one_that_is_not_there_or_no_utf8_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(GuideError, match="No such file"):
            read_guide(tmp_path / "none.toml")
        (tmp_path / "gb.toml").write_bytes(GUIDE.encode("gb18030"))
        with pytest.raises(GuideError, match="UTF-8"):
            read_guide(tmp_path / "gb.toml")
