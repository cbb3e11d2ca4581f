"""Ask the kernel about a connection: what arrived, whether the peer left; and reset one."""

import asyncio
import fcntl
import os
import socket
import struct
import termios
from contextlib import suppress
from typing import Final

# Linux struct tcp_info: tcpi_bytes_acked is a __u64 at offset 120 (RFC 4898,
# tcpEStatsAppHCThruOctetsAcked). It counts the SYN as one byte.
_ACKED_OFFSET: Final = 120
_SYN: Final = 1

# Linux enum tcp_states; struct tcp_info begins with it.
_CLOSED: Final = 7  # by a reset, or because nothing was acknowledged for too long
_PEER_HAS_ENDED: Final = frozenset((8, 9, 11))  # CLOSE_WAIT, LAST_ACK, CLOSING

_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)  # struct linger: on, for no time


def acknowledged_bytes(transport: asyncio.BaseTransport) -> int | None:
    """Return how many payload bytes the peer's kernel has acknowledged, or None if unknown.

    It is unknown for TLS, whose records are larger than their payload.
    """
    if transport.get_extra_info("sslcontext") is not None:
        return None
    return acknowledged_wire_bytes(transport)


def acknowledged_wire_bytes(transport: asyncio.BaseTransport) -> int | None:
    """Return how many bytes the peer's kernel has acknowledged, those of TLS included."""
    sock = transport.get_extra_info("socket")
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _ACKED_OFFSET + 8)
    except (AttributeError, OSError):
        return None
    if len(info) < _ACKED_OFFSET + 8:
        return None
    acknowledged: int
    (acknowledged,) = struct.unpack_from("=Q", info, _ACKED_OFFSET)
    # Some kernels, such as that of a sandbox, leave it at 0 and do not count at all.
    return acknowledged - _SYN if acknowledged >= _SYN else None


def unacknowledged_bytes(transport: asyncio.BaseTransport) -> int:
    """Return how many bytes in our kernel's buffer are unacknowledged; 0 if that is unknown."""
    sock = transport.get_extra_info("socket")
    try:
        held = fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(4))
    except (AttributeError, OSError):
        return 0
    count: int
    (count,) = struct.unpack("=i", held)
    return count


def has_left(transport: asyncio.BaseTransport, *, by_half_close: bool) -> bool:
    """Return whether the peer has reset the connection or, *by_half_close*, sends no more.

    A transport reports the end only after it has read everything before it, and reading may be
    paused. The kernel knows as soon as the end has arrived. False if the kernel does not tell.
    """
    sock = transport.get_extra_info("socket")
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
    except (AttributeError, OSError):
        return False
    state = info[0] if info else 0
    return state == _CLOSED or (by_half_close and state in _PEER_HAS_ENDED)


def read_leftover(transport: asyncio.BaseTransport, most_bytes: int) -> bytes:
    """Return what the peer sent before a reset, and the transport did not read.

    Call it only while the connection is being lost: later its descriptor may be that of another
    connection.
    """
    if transport.get_extra_info("sslcontext") is not None:
        return b""
    sock = transport.get_extra_info("socket")
    try:
        return os.read(sock.fileno(), most_bytes)
    except (AttributeError, OSError):
        return b""


def reset(transport: asyncio.WriteTransport) -> None:
    """Close the connection by a reset, so that the peer takes nothing for complete."""
    sock = transport.get_extra_info("socket")
    if sock is not None:
        with suppress(OSError):  # it is closed already
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.abort()
