"""Host and port -> a bound socket."""

import socket

from fazhi.model.errors import FazhiError


class ListenError(FazhiError):
    """An address that cannot be listened on."""

    def __init__(self, host: str, port: int, error: OSError) -> None:
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        super().__init__(f"cannot listen on {place} ({error.strerror}): name another port or host, or free this one")


def bind(host: str, port: int) -> socket.socket:
    """A socket bound to the host's first address, IPv4 before IPv6; it does not listen yet. Raises ListenError."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = min(found, key=lambda entry: entry[0] != socket.AF_INET)
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise ListenError(host, port, error) from error
    return listener
