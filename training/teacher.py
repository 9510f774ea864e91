"""A trained model -> its soft answers to the training windows, learnt beside the labels.

Hinton, Vinyals and Dean 2015, Distilling the Knowledge in a Neural Network (arXiv:1503.02531). All is answered before
the fit, by the exported model on every core, for the batches are drawn before it too.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from fazhi.model.checkpoint import load_predictor
from fazhi.model.encode import Encoder
from fazhi.model.predict import Predictor
from fazhi.training.config import ConfigError, TrainConfig
from fazhi.training.examples import TrainingBatch
from fazhi.training.sources import Sources
from fazhi.training.start import check_encoding, check_unseen, origin


def teacher_version(config: TrainConfig) -> str:
    """Which model teaches, by its version; empty without one."""
    return origin(_as_start(config))


def load_teacher(config: TrainConfig, sources: Sources, encoder: Encoder) -> Predictor | None:
    """The teacher, if the settings name one; it is held to what a start is, and ConfigError says where it fails."""
    if not config.teacher:
        return None
    try:
        check_unseen(_as_start(config), sources)
        check_encoding(_as_start(config), encoder)
    except ConfigError as error:
        raise ConfigError(f"teacher: {str(error).removeprefix('start: ')}") from error
    return load_predictor(Path(config.teacher))


def _as_start(config: TrainConfig) -> TrainConfig:
    return replace(config, start=config.teacher)


def teach(teacher: Predictor, passes: list[list[TrainingBatch]]) -> list[list[TrainingBatch]]:
    """The same batches, each window with the teacher's logits of its units."""

    def answered(batch: TrainingBatch) -> TrainingBatch:
        logits = teacher.run([labelled.window for labelled in batch])
        return [replace(labelled, taught=scores) for labelled, scores in zip(batch, logits, strict=True)]

    with ThreadPoolExecutor(teacher.engine.lanes) as lanes:
        return [list(lanes.map(answered, batches)) for batches in passes]
