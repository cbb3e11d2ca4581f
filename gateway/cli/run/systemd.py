"""Take over the sockets that systemd opened, and notify it of the state of the gateway."""

import errno
import os
import socket
import time
from collections.abc import Mapping, MutableMapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from gateway.settings.values.addresses import name_bind_errors
from gateway.settings.values.configuration import Address

# sd_listen_fds(3): the first descriptor.
_FIRST_DESCRIPTOR = 3

_ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Activated:
    """Listening sockets that systemd opened: those of the data port, and that of the admin port."""

    data: tuple[socket.socket, ...] = ()
    admin: socket.socket | None = None


def take_sockets(environ: MutableMapping[str, str]) -> Activated:
    """Return the sockets that *environ* says the process was started with (sd_listen_fds(3)).

    The one named ``admin`` (``FileDescriptorName=``) is for the admin port, all others are for the
    data port. Remove the variables, which are not for child processes. Raise OSError if one is not
    a listening socket.
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
        else:  # a second one must not serve the data port
            raise OSError(errno.EINVAL, f"systemd passed more than one socket named {_ADMIN}")
    return Activated(tuple(data), admin)


def assign_sockets(
    sockets: Sequence[socket.socket], addresses: Sequence[Address]
) -> list[tuple[socket.socket, ...]]:
    """Return, for each of *addresses*, the *sockets* that replace it: none, one or several.

    A single address is replaced by all of them: the socket unit decides. Of several addresses, each
    may have its own TLS or none, so every socket must be on one of them; raise OSError otherwise.
    """
    if len(addresses) == 1:
        return [tuple(sockets)]
    assigned: list[list[socket.socket]] = [[] for _ in addresses]
    places = [_places(address) for address in addresses] if sockets else []
    for one in sockets:
        own = one.getsockname()[:2]
        found = next((index for index, known in enumerate(places) if own in known), None)
        if found is None:
            words = f"systemd listens on {own[0]} port {own[1]}, which is not in `listen`"
            raise OSError(errno.EINVAL, words)
        assigned[found].append(one)
    _refuse_covered(sockets, addresses, assigned)
    return [tuple(one) for one in assigned]


def _refuse_covered(
    sockets: Sequence[socket.socket],
    addresses: Sequence[Address],
    assigned: Sequence[Sequence[socket.socket]],
) -> None:
    """Raise OSError if one of *sockets* takes the connections of an address without a socket.

    systemd opens `ListenStream=8080` for IPv4 and IPv6; the gateway opens each address for its own
    family only.
    """
    taken = {one.getsockname()[1] for one in sockets if _is_of_both_families(one)}
    for address, own in zip(addresses, assigned, strict=True):
        if not own and ":" not in address.host and address.port in taken:
            words = (
                f"systemd listens on [::] port {address.port} for IPv4 too, so nothing would reach"
                f" {address.host}:{address.port} (listen): write BindIPv6Only=ipv6-only and a"
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
        words = f"descriptor {descriptor}, which systemd should have passed, is not a socket"
        raise OSError(error.errno, words) from error
    if one.family not in {socket.AF_INET, socket.AF_INET6} or not _listens(one):
        one.close()
        words = f"descriptor {descriptor}, which systemd passed, does not listen for TCP"
        raise OSError(errno.EINVAL, words)
    one.setblocking(False)
    return one


def _listens(one: socket.socket) -> bool:
    return one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) != 0


class Notifier:
    """Notifies the service manager of our state (sd_notify(3)), if there is one."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        # A name with a leading @ is in the abstract namespace.
        self._address = "\0" + address[1:] if address.startswith("@") else address
        watchdog, process = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID")
        is_ours = process is None or process == str(os.getpid())
        self._watchdog_seconds = int(watchdog) / 1e6 if watchdog.isdecimal() and is_ours else 0.0

    @property
    def watchdog_pause_seconds(self) -> float | None:
        """Return the pause between two calls of ``alive``; None if there is no watchdog."""
        # Half the watchdog timeout, as sd_watchdog_enabled(3) advises.
        return self._watchdog_seconds / 2 or None

    def ready(self, status: str) -> None:
        """Notify that the gateway serves."""
        self._send("READY=1", f"STATUS={status}")

    def reloaded(self) -> None:
        """Notify that a reload has ended, whatever its outcome."""
        self._send("READY=1")

    def reloading(self) -> None:
        """Notify that a reload begins; ``reloaded`` ends it."""
        # systemd's Type=notify-reload compares this with the time of its request.
        microseconds = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._send("RELOADING=1", f"MONOTONIC_USEC={microseconds}")

    def stopping(self) -> None:
        """Notify that the gateway drains."""
        self._send("STOPPING=1", "STATUS=draining")

    def alive(self) -> None:
        """Notify the watchdog that the event loop runs."""
        self._send("WATCHDOG=1")

    def _send(self, *lines: str) -> None:
        if not self._address:
            return
        # The service manager may be gone or slow; the gateway serves all the same.
        with (
            suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as one,
        ):
            one.sendto("\n".join(lines).encode(), self._address)
