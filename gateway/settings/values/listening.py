"""Say which listener cannot have its address, and why."""

import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from gateway.settings.values.configuration import Address

# Below it, ports are for those who may; the system's administrator can move the limit.
_FIRST_FREE_PORT: Final = 1024


@contextmanager
def naming(address: Address, key: str) -> Iterator[None]:
    """Have an OSError in this block say that *address* cannot be had, which stands under *key*."""
    try:
        yield
    except OSError as error:
        host = f"[{address.host}]" if ":" in address.host else address.host
        words = f"cannot listen on {host}:{address.port} ({key}): {_why(error, address.port)}"
        raise OSError(error.errno, words) from error


def _why(error: OSError, port: int) -> str:
    if isinstance(error, socket.gaierror):
        return "its name is not known"
    match error.errno:
        case errno.EADDRINUSE:
            return "address already in use"
        case errno.EADDRNOTAVAIL:
            return "not an address of this machine"
        case errno.EAFNOSUPPORT:
            return "this machine has no IPv6"
        case errno.EACCES if port < _FIRST_FREE_PORT:
            return f"permission denied: a port below {_FIRST_FREE_PORT} needs CAP_NET_BIND_SERVICE"
        case _:
            return (error.strerror or type(error).__name__).lower()
