"""The model's copy: one width, one script, one form of punctuation; numbers survive."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from fazhi.model import normalize as module
from fazhi.model.normalize import normalize


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("製度 羣眾 複議 説户衞", "制度群众复议说户卫"),
        ("行政審批製度改革，銜接機製", "行政审批制度改革，衔接机制"),
        ("領導乾部答覆批覆，覆蓋面", "领导干部答复批复，覆盖面"),
        ("瞭解計畫，瞭望", "了解计划，瞭望"),
        ("着力 著力 显著 著名", "着力着力显著著名"),
        ("抽査検験", "抽查检验"),
        ("打坏 重复", "打坏重复"),
    ],
)
def test_traditional_and_variant_characters(text: str, expected: str) -> None:
    assert normalize(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("完成清理,开展评查;好!对?", "完成清理，开展评查；好！对？"),
        ("(一)强化领导:", "（一）强化领导："),
        ('「雙隨機」"放管服"『三項』', "“双随机”“放管服”‘三项’"),
        ("〔2023〕[6]【7】", "【2023】【6】【7】"),
        ("︵一︶﹁甲﹂", "（一）“甲”"),
        ("按照要求，，完成。。", "按照要求，完成。"),
        ("目录……4 … ...", "目录……4……"),
        ("二○二二年", "二〇二二年"),
        ("等... 等…… 等。。。 等…", "等……等……等……等……"),
    ],
)
def test_punctuation_has_one_form(text: str, expected: str) -> None:
    assert normalize(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("达96.4%,共3,860件", "达96.4%，共3,860件"),
        ("９６．４％，３，８６０件", "96.4%，3,860件"),
        ("1,234,567", "1,234,567"),
        ("2015—2020年 2015－2020年", "2015-2020年2015-2020年"),
        ("16：47", "16:47"),
        ("12,5", "12，5"),
        ("①建机制 ⑴ ㈠ １．", "①建机制（1）（一）1."),
    ],
)
def test_numbers_survive(text: str, expected: str) -> None:
    assert normalize(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("　法治 政府\t建设\n", "法治政府建设"),
        ("PM2.5  API v2 接口", "PM2.5 API v2接口"),
        ("编辑部&nbsp;校核&amp;nbsp;处&ensp", "编辑部校核处"),
        ("法\u200b治\ufeff政\u00ad府\x00\x07", "法治政府"),
        ("\ud800法\udfff治\ue000\ufffd", "法治"),
        ("", ""),
        ("\u200b \x00", ""),
    ],
)
def test_space_and_what_cannot_be_seen(text: str, expected: str) -> None:
    assert normalize(text) == expected


@pytest.mark.parametrize(
    "text", ["沈重覆", "藉藉", "… …", "&lt&nbsp;；", "&amp ；nbsp", "3 ,860", "16 ：47", "。 。 。", "&&amp;amp;nbsp;"]
)
def test_texts_that_once_changed_twice(text: str) -> None:
    once = normalize(text)
    assert normalize(once) == once


def test_every_single_character_is_settled_at_once() -> None:
    for code in [*range(0x10000), *module._fold()]:
        once = normalize(chr(code))
        assert normalize(once) == once, hex(code)


@pytest.mark.parametrize("piece", ["&amp;", '"', "“", "…", ".", " ", "，", "3,860", "覆", "&", "1：", "答覆"])
def test_long_monotonous_text(piece: str) -> None:
    once = normalize(piece * (500_000 // len(piece)))
    assert normalize(once) == once


def test_converter_is_made_lazily_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    real = module.OpenCC
    monkeypatch.setattr(module, "OpenCC", lambda config: made.append(config) or real(config))
    module._fold.cache_clear()
    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(normalize, ["製度"] * 100)) == {"制度"}
    warm = len(made)
    normalize("複議")
    assert made == ["t2s"] * warm
    assert warm <= 4
