"""`python -m fazhi.serve`, like `fazhi serve`: options and FAZHI_* in, a running service and its exit code out."""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import TYPE_CHECKING

from fazhi.model.errors import FazhiError

if TYPE_CHECKING:
    from fazhi.serve.config import ServeConfig

OPTIONS = ("model", "host", "port", "workers", "keys")


def run(config: "ServeConfig") -> int:
    """Serve until a signal ends it, and give the exit code; raises FazhiError if it cannot begin."""
    from fazhi.serve import logs
    from fazhi.serve.listen import bind

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})  # until there is somebody to heed it
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    logs.configure(config.log_level)
    with bind(config.host, config.port) as listener:
        if config.workers > 1:
            from fazhi.serve.workers import supervise

            return supervise(config, listener)
        from fazhi.serve.server import serve

        serve(config, listener)
        return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the options and run; a failure that the caller can mend is one line."""
    try:
        from fazhi.serve.config import ServeConfig, read_config

        parser = argparse.ArgumentParser("fazhi.serve", description="Every other setting is an environment variable.")
        for name in OPTIONS:
            parser.add_argument(
                f"--{name}", help=f"{ServeConfig.model_fields[name].description} [FAZHI_{name.upper()}]"
            )
        return run(read_config(**vars(parser.parse_args(arguments))))
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("fazhi"):
            raise
        print(f"fazhi: {error.name} is not installed; run pip install 'fazhi[serve]'", file=sys.stderr)
    except FazhiError as error:
        print(f"fazhi: {error}", file=sys.stderr)
    return 2


def _leave(_: int, __: FrameType | None) -> None:
    """End a service that has not begun."""
    raise SystemExit(0)


if __name__ == "__main__":
    sys.exit(main())
