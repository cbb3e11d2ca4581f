"""Ask the kernel how many bytes of a connection the peer's kernel has acknowledged."""

import asyncio
import fcntl
import socket
import struct
import termios
from typing import Final

# Linux struct tcp_info: tcpi_bytes_acked is a __u64 at offset 120 (RFC 4898,
# tcpEStatsAppHCThruOctetsAcked). It counts the SYN as one byte.
_OFFSET: Final = 120
_SYN: Final = 1


def acknowledged_bytes(transport: asyncio.BaseTransport) -> int | None:
    """Return the number of payload bytes acknowledged on *transport*, or None if unknown.

    TLS records are larger than what they carry, so nothing is said of TLS connections.
    """
    if transport.get_extra_info("sslcontext") is not None:
        return None
    return acknowledged_wire_bytes(transport)


def acknowledged_wire_bytes(transport: asyncio.BaseTransport) -> int | None:
    """Return the number of bytes acknowledged on *transport*, those of TLS itself included."""
    sock = transport.get_extra_info("socket")
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _OFFSET + 8)
    except (AttributeError, OSError):
        return None
    if len(info) < _OFFSET + 8:
        return None
    acknowledged: int
    (acknowledged,) = struct.unpack_from("=Q", info, _OFFSET)
    # A kernel of another make, such as that of a sandbox, may leave it at 0 and not count at all.
    return acknowledged - _SYN if acknowledged >= _SYN else None


def unacknowledged_bytes(transport: asyncio.BaseTransport) -> int:
    """Return how many bytes our kernel holds that were not acknowledged; 0 if that is unknown."""
    sock = transport.get_extra_info("socket")
    try:
        held = fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(4))
    except (AttributeError, OSError):
        return 0
    count: int
    (count,) = struct.unpack("=i", held)
    return count
