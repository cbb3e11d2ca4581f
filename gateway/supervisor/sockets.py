"""Open the listening sockets of all workers, one set for each."""

import socket
from collections.abc import Sequence

from gateway.proxy.listener.acceptor import BACKLOG
from gateway.settings.values.addresses import name_bind_errors
from gateway.settings.values.configuration import Address

Sockets = tuple[socket.socket, ...]
"""The sockets of one configured address: one for each IP address of its host name."""

WorkerSockets = tuple[Sockets, ...]
"""The sockets of one worker, for each configured address."""


def open_sockets(address: Address, workers: int) -> list[Sockets]:
    """Open sockets on *address* for all *workers*; raise OSError if one is unavailable.

    They share one port (SO_REUSEPORT), and the system distributes connections among them. The
    supervisor keeps them open: while a worker restarts, its connections wait in the backlog.
    """
    opened: list[Sockets] = []
    try:
        with name_bind_errors(address, "listen"):
            _refuse_shared_port(address)
            for _ in range(workers):
                opened.append(_open(address, opened[0] if opened else None))
    except OSError:
        close_sockets(opened)
        raise
    return opened


def share_sockets(sockets: Sequence[socket.socket], workers: int) -> list[Sockets]:
    """Return the same *sockets*, which systemd opened, for each of the *workers*."""
    others = [tuple(one.dup() for one in sockets) for _ in range(workers - 1)]
    return [tuple(sockets), *others]


def spread_sockets(each: Sequence[Sequence[Sockets]]) -> list[WorkerSockets]:
    """Return the sockets of each worker; *each* has, for every address, those of all workers."""
    return list(zip(*each, strict=True))


def close_sockets(opened: Sequence[Sockets]) -> None:
    """Close all sockets here; they stay open in the workers that inherited them."""
    for sockets in opened:
        for one in sockets:
            one.close()


def _refuse_shared_port(address: Address) -> None:
    """Raise OSError if another process listens there, because it would share the port.

    The system lets any process of the same user share a port that was opened this way, and gives it
    half of the connections: two gateways that are started by mistake would both seem to work.
    """
    for family, kind, protocol, place in _places(address):
        if place[1] == 0:
            continue
        with socket.socket(family, kind, protocol) as probe:
            _prepare(probe, family)
            probe.bind(place)


def _open(address: Address, like: Sockets | None) -> Sockets:
    opened: list[socket.socket] = []
    try:
        for index, (family, kind, protocol, place) in enumerate(_places(address)):
            one = socket.socket(family, kind, protocol)
            opened.append(one)
            _prepare(one, family)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            port = place[1]
            if port == 0 and (like or index > 0):  # use the one that the system chose for the first
                port = (like or opened)[0].getsockname()[1]
            one.bind((place[0], port, *place[2:]))
            one.listen(BACKLOG)
            one.setblocking(False)
    except OSError:
        close_sockets([tuple(opened)])
        raise
    return tuple(opened)


def _prepare(one: socket.socket, family: int) -> None:
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        # As asyncio does: an IPv6 socket accepts no IPv4 connections.
        one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)


_Place = tuple[int, int, int, tuple[str, int] | tuple[str, int, int, int]]


def _places(address: Address) -> list[_Place]:
    found = socket.getaddrinfo(
        address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    places: list[_Place] = []
    for family, kind, protocol, _, place in found:
        one = (family, kind, protocol, place)
        if one not in places:
            places.append(one)  # type: ignore[arg-type]  # typeshed allows for other families
    return places


def inherit(descriptors: Sequence[Sequence[int]]) -> WorkerSockets:
    """Return the sockets that this process inherited, by their *descriptors*.

    They are not duplicated: as long as a copy is open, the system accepts connections.
    """
    return tuple(tuple(map(_inherit, of_address)) for of_address in descriptors)


def _inherit(descriptor: int) -> socket.socket:
    one = socket.socket(fileno=descriptor)
    one.set_inheritable(False)
    return one
