"""Speak with systemd: take the sockets it has opened, and tell it how we are."""

import errno
import os
import socket
import time
from collections.abc import Mapping, MutableMapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from gateway.settings.values.addresses import name_bind_errors
from gateway.settings.values.configuration import Address

# sd_listen_fds(3): where the first of the descriptors is.
_FIRST_DESCRIPTOR = 3

_ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Activated:
    """Listening sockets that were opened for us: those of the data port, and the admin port's."""

    data: tuple[socket.socket, ...] = ()
    admin: socket.socket | None = None


def take_sockets(environ: MutableMapping[str, str]) -> Activated:
    """Return the sockets that *environ* says we were started with (sd_listen_fds(3)).

    The one that is named ``admin`` (``FileDescriptorName=``) is the admin port's, all others
    are the data port's. Takes the variables away: they are for us, not for our children.
    Raises OSError where one is not a listening socket.
    """
    process, number = environ.pop("LISTEN_PID", ""), environ.pop("LISTEN_FDS", "")
    names = environ.pop("LISTEN_FDNAMES", "").split(":")
    if process != str(os.getpid()) or not number.isdecimal():
        return Activated()
    data: list[socket.socket] = []
    admin: socket.socket | None = None
    for index in range(int(number)):
        one = _take(_FIRST_DESCRIPTOR + index)
        if names[index : index + 1] != [_ADMIN]:
            data.append(one)
        elif admin is None:
            admin = one
        else:  # it must not become one of the data port's
            raise OSError(errno.EINVAL, f"systemd gave us more than one socket named {_ADMIN}")
    return Activated(tuple(data), admin)


def assign_sockets(
    sockets: Sequence[socket.socket], addresses: Sequence[Address]
) -> list[tuple[socket.socket, ...]]:
    """Return which of *sockets* are in the place of each of *addresses*: maybe none.

    All of them, where there is but one address: then the socket unit decides. Where there are
    several, each may speak TLS in its own way or not at all, so a socket must be on one of them.
    Raises OSError where one is not.
    """
    if len(addresses) == 1:
        return [tuple(sockets)]
    assigned: list[list[socket.socket]] = [[] for _ in addresses]
    places = [_places(address) for address in addresses] if sockets else []
    for one in sockets:
        own = one.getsockname()[:2]
        found = next((index for index, known in enumerate(places) if own in known), None)
        if found is None:
            words = f"systemd listens on {own[0]} port {own[1]}, which is none of `listen`"
            raise OSError(errno.EINVAL, words)
        assigned[found].append(one)
    _refuse_covered(sockets, addresses, assigned)
    return [tuple(one) for one in assigned]


def _refuse_covered(
    sockets: Sequence[socket.socket],
    addresses: Sequence[Address],
    assigned: Sequence[Sequence[socket.socket]],
) -> None:
    """Raise OSError where one of *sockets* takes the connections of an address without a socket.

    systemd opens `ListenStream=8080` for both families; we open an address for its own alone.
    """
    taken = {one.getsockname()[1] for one in sockets if _is_of_both_families(one)}
    for address, own in zip(addresses, assigned, strict=True):
        if not own and ":" not in address.host and address.port in taken:
            words = (
                f"systemd listens on [::] port {address.port} for IPv4, too, which leaves nothing"
                f" for {address.host}:{address.port} (listen): write BindIPv6Only=ipv6-only and a"
                " ListenStream= of IPv4 in the socket unit"
            )
            raise OSError(errno.EINVAL, words)


def _is_of_both_families(one: socket.socket) -> bool:
    return (
        one.family == socket.AF_INET6
        and one.getsockname()[0] == "::"
        and not one.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
    )


def _places(address: Address) -> set[tuple[str, int]]:
    with name_bind_errors(address, "listen"):
        found = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    return {(str(place[0]), int(place[1])) for *_, place in found}


def _take(descriptor: int) -> socket.socket:
    try:
        os.set_inheritable(descriptor, False)
        one = socket.socket(fileno=descriptor)
    except OSError as error:
        words = f"descriptor {descriptor}, which systemd should have given us, is not a socket"
        raise OSError(error.errno, words) from error
    if one.family not in {socket.AF_INET, socket.AF_INET6} or not _listens(one):
        one.close()
        words = f"descriptor {descriptor}, which systemd gave us, does not listen for TCP"
        raise OSError(errno.EINVAL, words)
    one.setblocking(False)
    return one


def _listens(one: socket.socket) -> bool:
    return one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) != 0


class Notifier:
    """Tells the service manager how we are (sd_notify(3)); nobody, where there is none."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        # A name that begins with @ is in the abstract namespace.
        self._address = "\0" + address[1:] if address.startswith("@") else address
        watchdog, process = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID")
        is_ours = process is None or process == str(os.getpid())
        self._watchdog_seconds = int(watchdog) / 1e6 if watchdog.isdecimal() and is_ours else 0.0

    @property
    def watchdog_pause_seconds(self) -> float | None:
        """Return how often to call ``alive``; None where nobody watches."""
        # Half of the time after which we would be killed, as sd_watchdog_enabled(3) advises.
        return self._watchdog_seconds / 2 or None

    def ready(self, status: str) -> None:
        """Say that we serve."""
        self._send("READY=1", f"STATUS={status}")

    def reloaded(self) -> None:
        """Say that we serve again: under another configuration, or the one before."""
        self._send("READY=1")

    def reloading(self) -> None:
        """Say that another configuration is being read; ``reloaded`` ends that."""
        # systemd's Type=notify-reload compares this with when it asked.
        microseconds = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._send("RELOADING=1", f"MONOTONIC_USEC={microseconds}")

    def stopping(self) -> None:
        """Say that we are about to end."""
        self._send("STOPPING=1", "STATUS=draining")

    def alive(self) -> None:
        """Say that the event loop goes on."""
        self._send("WATCHDOG=1")

    def _send(self, *lines: str) -> None:
        if not self._address:
            return
        # Whoever started us may have gone, or be slow: that is no reason not to serve.
        with (
            suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as one,
        ):
            one.sendto("\n".join(lines).encode(), self._address)
