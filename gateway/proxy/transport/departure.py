"""Ask the kernel whether the peer of a connection has left, and what it left behind."""

import asyncio
import os
import socket
from typing import Final

# Linux enum tcp_states; struct tcp_info begins with it.
_CLOSED: Final = 7  # by a reset, or nothing was acknowledged for too long
_PEER_HAS_ENDED: Final = frozenset((8, 9, 11))  # CLOSE_WAIT, LAST_ACK, CLOSING


def has_left(transport: asyncio.BaseTransport, *, by_half_close: bool) -> bool:
    """Return whether the peer has reset the connection or, *by_half_close*, sends no more.

    A transport says so only once all that came before was read, and that may be paused. The
    kernel knows as soon as the end has arrived. Where it says nothing, nobody has left.
    """
    sock = transport.get_extra_info("socket")
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
    except (AttributeError, OSError):
        return False
    state = info[0] if info else 0
    return state == _CLOSED or (by_half_close and state in _PEER_HAS_ENDED)


def left_behind(transport: asyncio.BaseTransport, most_bytes: int) -> bytes:
    """Return what the peer sent before a reset, and the transport did not read.

    Only while the connection is being lost: later its descriptor may be another connection's.
    """
    if transport.get_extra_info("sslcontext") is not None:
        return b""
    sock = transport.get_extra_info("socket")
    try:
        return os.read(sock.fileno(), most_bytes)
    except (AttributeError, OSError):
        return b""
