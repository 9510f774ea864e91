"""What tests share: invented reports as a corpus, a tiny random encoder, a model trained on both, a fake engine."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors

from fazhi.data.schema import LabelledUnit, format_line
from fazhi.model.decision import Decision
from fazhi.model.encode import Batch, EncodeConfig, Encoder
from fazhi.model.engine import Logits
from fazhi.model.labels import Role, Topic
from fazhi.model.predict import Predictor
from fazhi.model.segment import segment

os.environ["HF_HUB_OFFLINE"] = "1"  # before any test imports the hub library: tests use no network
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # torch's: networks this small are slower on several

for name in ("ARGS", "MAKEFLAGS", "MAKEOVERRIDES"):  # of `make test`; not for the targets that tests call
    os.environ.pop(name, None)

SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
PAD, _, CLS, SEP, _ = range(len(SPECIALS))

# One unit a line: role, topics, text; a line that begins with + goes on in the same line of the document.
REPORTS: dict[str, tuple[str, str]] = {
    "A01": (
        "train",
        """
        其他 | 云溪县2022年法治政府建设情况报告
        其他 | 2022年，在上级司法行政部门的指导下，
        其他 | 一、主要工作及成效
        成效 | （一）强化组织领导。
        + 成效 普法 | 组织会前学法4次，学习宪法、民法典等法律。
        成效 执法 | （二）规范行政执法。
        + 成效 执法 | 开展执法案卷评查，抽查案卷86宗；
        + 成效 复议 | 办理行政复议案件12件，审结11件。
        成效 审批 | 推进一件事集成办理，上线政务服务事项35项。
        其他 | 二、存在的问题
        问题 执法 | 部分乡镇执法人员力量不足，持证上岗率不高。
        问题 普法 | 法治宣传的形式比较单一。
        其他 | 三、下一步打算
        计划 审批 | 将进一步压减行政许可的办理时限。
        计划 复议 执法 | 加强行政执法监督，提高行政应诉水平。
        """,
    ),
    "B01": (
        "train",
        """
        其他 | 望山市市场监管局2023年度法治工作总结
        成效 | 一年来，我局扎实推进依法行政各项工作。
        其他 | 一、工作开展情况
        成效 执法 | 查处各类违法案件45件，罚没款32万元。
        成效 执法 普法 | 落实“谁执法谁普法”责任制，开展以案释法16场。
        成效 审批 | 企业开办压缩至一个工作日。
        成效 复议 | 负责人出庭应诉3次，出庭率达100%！
        其他 | 二、不足之处
        问题 | 一是法律顾问的作用发挥不够。
        问题 复议 | 二是个别案件被复议机关撤销。
        其他 | 三、明年计划
        计划 普法 | 明年拟举办法治讲座6期。
        计划 审批 | 继续推行告知承诺制。
        其他 | 2024年1月8日
        """,
    ),
    "A02": (
        "dev",
        """
        其他 | 澄湖区2021年法治政府建设工作报告
        其他 | 现将有关情况报告如下：
        其他 | 一、主要做法
        成效 普法 | 举办宪法宣传周活动，发放资料2000余份。
        成效 审批 | 权责清单动态调整，承接审批事项58项。
        成效 执法 | 双随机抽查企业420户次。
        成效 复议 | 受理复议申请9件，调解结案5件。
        其他 | 二、存在问题
        问题 执法 | 执法全过程记录制度落实不严。
        问题 审批 | 窗口服务还有薄弱环节；
        问题 | 规范性文件清理不及时。
        其他 | 三、下步安排
        计划 普法 | 力争培养法律明白人300名。
        计划 复议 | 将健全府院联动机制。
        计划 | 我区将补齐制度短板。
        """,
    ),
    "linshan-2023": (
        "test",
        """
        其他 | 林山县教育局2023年法治政府建设年度报告
        成效 | 2023年，我局坚持依法治教，各项工作取得明显进步。
        其他 | 一、2023年工作总结
        成效 普法 | 青少年法治教育实践基地接待学生5100人次。
        成效 执法 | 联合整治校外培训机构，责令整改27家。
        成效 审批 | 民办学校设立许可实现全程网办。
        成效 复议 | 全年无行政诉讼败诉案件。
        其他 | 二、困难和短板
        问题 普法 | 教师学法的积极性有待提高。
        问题 执法 | 基层监管手段缺乏。
        其他 | 三、2024年思路
        计划 执法 审批 | 拟修订裁量基准，精简证明事项。
        计划 普法 | 要把法治课纳入教学安排。
        """,
    ),
}


def read_report(report: str, line_end: str) -> tuple[str, list[LabelledUnit]]:
    """Give the text of an invented report and its labelled units, at the places where segmentation finds them."""
    text = ""
    labels: list[tuple[Role, tuple[Topic, ...]]] = []
    for line in report.strip().splitlines():
        names, _, sentence = line.strip().partition(" | ")
        role, *topics = names.removeprefix("+ ").split()
        text += ("" if names.startswith("+ ") or not text else line_end) + sentence
        labels.append((Role(role), tuple(topic for topic in Topic if topic in topics)))
    units = [
        LabelledUnit(unit.start, unit.end, unit.text, unit.heading, role, topics)
        for unit, (role, topics) in zip(segment(text + line_end), labels, strict=True)
    ]
    return text + line_end, units


def write_corpus(root: Path, reports: Mapping[str, tuple[str, str]], line_end: str = "\n") -> Path:
    """Write authored/ and seeds/ below `root`: test documents are seeds."""
    for folder, splits in (("authored", ("train", "dev")), ("seeds", ("test",))):
        (root / folder / "documents").mkdir(parents=True)
        (root / folder / "labels").mkdir()
        index = ""
        for name, (split, report) in reports.items():
            if split in splits:
                text, units = read_report(report, line_end)
                labels = "".join(format_line(unit) + "\n" for unit in units)
                (root / folder / "documents" / f"{name}.txt").write_bytes(text.encode("utf-8"))
                (root / folder / "labels" / f"{name}.jsonl").write_bytes(labels.encode("utf-8"))
                entry = {"id": name, "split": split, "units": len(units), "chars": len(text), "note": "invented"}
                index += json.dumps(entry, ensure_ascii=False) + "\n"
        (root / folder / "index.jsonl").write_text(index, encoding="utf-8")
    return root


@pytest.fixture
def corpus(tmp_path: Path) -> Callable[..., Path]:
    """Write a small valid corpus folder, `authored` and `seeds`, and give its root."""

    def write(reports: Mapping[str, tuple[str, str]] = REPORTS, line_end: str = "\n") -> Path:
        return write_corpus(tmp_path / "data", reports, line_end)

    return write


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the root of the corpus that `tiny_model` was trained on; not to be written to."""
    return write_corpus(tmp_path_factory.mktemp("tiny") / "data", REPORTS)


class FakeEngine:
    """Logits from token ids alone: a unit's own, and all of its window that the mask lets through."""

    lanes = 1

    def __init__(self) -> None:
        self.batches: list[Batch] = []

    def run(self, batch: Batch) -> tuple[Logits, Logits]:
        self.batches.append(batch)
        own = [(batch.ids * (batch.owners == place)).sum(axis=1) for place in range(batch.units)]
        window = (batch.ids * batch.mask).sum(axis=1, keepdims=True)
        mixed = np.stack(own, axis=1) * 31 + window  # [windows, units]
        logits = np.stack([mixed * factor % 101 / 12 - 4 for factor in (3, 5, 7, 11, 13, 17, 19, 23)], axis=-1)
        return logits[..., :4].astype(np.float32), logits[..., 4:].astype(np.float32)


@pytest.fixture
def fake_engine() -> FakeEngine:
    """An engine without a model, whose answers do not depend on what else is in a batch; keeps its batches."""
    return FakeEngine()


@pytest.fixture(scope="session")
def tiny_tokenizer() -> Tokenizer:
    """A tokenizer with one piece for each character of the invented reports; others are unknown to it."""
    characters = sorted({character for _, report in REPORTS.values() for character in report if character > " "})
    vocabulary = {piece: number for number, piece in enumerate((*SPECIALS, *characters))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", CLS), ("[SEP]", SEP)]
    )
    tokenizer.add_special_tokens(list(SPECIALS))
    return tokenizer


@pytest.fixture(scope="session")
def make_encoder(tiny_tokenizer: Tokenizer) -> Callable[..., Encoder]:
    """Give an Encoder over the tiny tokenizer, with the budgets asked for."""

    def make(**budgets: int) -> Encoder:
        return Encoder(tiny_tokenizer, EncodeConfig(**budgets, cls=CLS, sep=SEP, pad=PAD))

    return make


@pytest.fixture
def fake_predictor(make_encoder: Callable[..., Encoder], fake_engine: FakeEngine) -> Predictor:
    """The tiny tokenizer, the fake engine and the plainest decision rule."""
    return Predictor(make_encoder(), fake_engine, Decision())


@pytest.fixture(scope="session")
def tiny_encoder_folder(tiny_tokenizer: Tokenizer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a two-layer random BERT as transformers keeps one: config, safetensors and tokenizer files."""
    import torch
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("tiny") / "encoder"
    shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    settings = BertConfig(vocab_size=tiny_tokenizer.get_vocab_size(), pad_token_id=PAD, **shape)
    with torch.random.fork_rng():
        torch.manual_seed(5)
        BertModel(settings).save_pretrained(folder)
    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), SPECIALS, strict=True))
    PreTrainedTokenizerFast(tokenizer_object=tiny_tokenizer, model_max_length=512, **names).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_model(tiny_encoder_folder: Path, tiny_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train a few steps on the invented reports and give the finished model folder; copy it before changing it."""
    from fazhi.training.config import build_config
    from fazhi.training.sources import read_sources
    from fazhi.training.train import Places, train

    settings = {"max_steps": 4, "passes": 1, "bf16": "off", "most_int8_loss": 100.0, "margin": 1}
    config = build_config({**settings, "encoder": str(tiny_encoder_folder)})
    artifacts = tmp_path_factory.mktemp("artifacts")
    train(config, read_sources(tiny_data, config), Places(artifacts / "model", artifacts))
    return artifacts / "model"
