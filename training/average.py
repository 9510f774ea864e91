"""The weights of every step -> their exponential moving average, kept in each checkpoint beside them."""

from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

AVERAGE = "average.safetensors"


class Average(TrainerCallback):
    """A second network that follows the trained one; make it before the Trainer wraps the first."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        self._trained = network
        self._averaged = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(decay))  # type: ignore[no-untyped-call]

    @property
    def network(self) -> Any:
        """The network of averaged weights."""
        return self._averaged.module

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Follow one step; the first is copied."""
        self._averaged.update_parameters(self._trained)

    def save(self, checkpoint: Path) -> None:
        """Write the average and the number of its steps."""
        tensors = {name: tensor.contiguous() for name, tensor in self._averaged.state_dict().items()}
        save_file(tensors, str(checkpoint / AVERAGE))

    def load(self, checkpoint: Path) -> None:
        """Take up the average of a checkpoint."""
        self._averaged.load_state_dict(load_file(str(checkpoint / AVERAGE)))
