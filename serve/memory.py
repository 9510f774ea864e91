"""How the C library hands out memory. Knows nothing of the service."""

import ctypes
import sys

ARENAS = 2
_M_ARENA_MAX = -8  # mallopt(3)


def share_arenas() -> None:
    """Have all threads allocate from few arenas, where there is glibc: each of many keeps what it has freed."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt:
        mallopt(_M_ARENA_MAX, ARENAS)
