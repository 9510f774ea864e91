"""The real service with a trained model in a process of its own, and authored reports to give to it."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fazhi.model.segment import segment
from tests.load.service import COMMAND, Program, free_port


@contextmanager
def serving(model: Path) -> Iterator[str]:
    """Serve the model with a database that is dropped afterwards; gives the address of the page."""
    with tempfile.TemporaryDirectory(prefix="fazhi-page-") as folder:
        port = free_port()
        environment = {name: value for name, value in os.environ.items() if not name.startswith("FAZHI_")} | {
            "FAZHI_MODEL": str(model.resolve()),
            "FAZHI_PORT": str(port),
            "FAZHI_DATABASE": f"sqlite:///{folder}/feedback.db",
        }
        program = Program(COMMAND, environment, port, Path(folder) / "service.log")
        try:
            program.wait_ready("/health/ready")
            yield f"http://127.0.0.1:{port}/"
        finally:
            program.terminate()


def authored(data: Path, name: str, units: int | None = None) -> str:
    """An authored report, or as much of it as holds so many units."""
    text = (data / "authored" / "documents" / f"{name}.txt").read_bytes().decode()
    return text[: segment(text)[units - 1].end] if units else text
