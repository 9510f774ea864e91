"""What a command's user is told when it fails: one clear line and an exit code. Knows no command."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from fazhi.model.errors import FazhiError


@contextmanager
def one_clear_line(extra: str = "train") -> Iterator[None]:
    """Log to stderr, and turn the failures a user can mend into one line and exit code 2; `extra` is what is needed."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    logging.getLogger("fazhi").setLevel(logging.INFO)
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # one process, no fork: threads are onnxruntime's
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("fazhi"):
            raise
        typer.echo(
            f"fazhi: {error.name} is not installed; this command needs the {extra} extra: pip install 'fazhi[{extra}]'",
            err=True,
        )
        raise typer.Exit(2) from error
    except FazhiError as error:
        typer.echo(f"fazhi: {error}", err=True)
        raise typer.Exit(2) from error
