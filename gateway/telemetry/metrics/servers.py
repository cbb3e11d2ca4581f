"""Count the outcomes of requests to each server of an upstream."""

from collections.abc import Iterator, Sequence
from enum import IntEnum

from prometheus_client import Metric

from gateway.telemetry.metrics.families import Row, counter, gauge

_SERVER = ("upstream", "server")


class ServerState(IntEnum):
    """The state of an address of a server; if two processes disagree, the larger counts."""

    UP = 0
    EJECTED = 1  # requests to it failed
    UNHEALTHY = 2  # its checks fail

    @property
    def word(self) -> str:
        """Return what people read."""
        return self.name.lower()


# Current values, in contrast to totals.
_GAUGES = ("connections", "in_flight")
_COUNTS = (
    "opened",
    "reused",
    "failures",
    "ejections",
    "checks",
    "failed_checks",
    "lookups",
    "failed_lookups",
)


class ServerMetrics:
    """The counts of one server; *name* is its authority, as configured.

    A name with several addresses is one server here: addresses come and go, and each would be
    another label for ever. *addresses* are the current ones, and *details* say why some are
    unhealthy. These, *connections* and *in_flight* are updated on request.
    """

    __slots__ = (*_COUNTS, *_GAUGES, "addresses", "details", "name")

    opened: int  # connections
    reused: int  # connections, for one more request
    failures: int  # failed requests, and connections that could not be opened
    ejections: int
    checks: int
    failed_checks: int
    lookups: int
    failed_lookups: int
    connections: int
    in_flight: int

    def __init__(self, name: str) -> None:
        self.name = name
        for count in (*_COUNTS, *_GAUGES):
            setattr(self, count, 0)
        self.addresses: dict[str, ServerState] = {}
        self.details: dict[str, str] = {}

    def settle(self) -> None:
        """Keep only the totals: the process is gone."""
        for count in _GAUGES:
            setattr(self, count, 0)
        self.addresses = {}
        self.details = {}

    def add(self, other: "ServerMetrics") -> None:
        """Add the counts of *other*; of two states of an address, the worse one counts."""
        for count in (*_COUNTS, *_GAUGES):
            setattr(self, count, getattr(self, count) + getattr(other, count))
        for address, state in other.addresses.items():
            self.addresses[address] = max(state, self.addresses.get(address, state))
        self.details = {**other.details, **self.details}


def server_families(servers: Sequence[tuple[str, ServerMetrics]]) -> Iterator[Metric]:
    """Yield the families about servers, each with the name of its upstream."""
    for name, words, count in (
        ("requests", "Requests sent to the server.", None),
        ("failures", "Failed requests to the server.", "failures"),
        ("ejections", "Times that the server was ejected.", "ejections"),
        ("checks", "Health checks of the server.", "checks"),
        ("failed_checks", "Failed health checks of the server.", "failed_checks"),
        ("lookups", "Look-ups of the server's name.", "lookups"),
        ("failed_lookups", "Failed look-ups of the server's name.", "failed_lookups"),
    ):
        yield counter(f"gateway_upstream_server_{name}", words, _rows(servers, count), _SERVER)
    for name, words in (
        ("connections", "Open connections to the server."),
        ("in_flight", "Requests to the server in flight."),
    ):
        yield gauge(f"gateway_upstream_server_{name}", words, _rows(servers, name), _SERVER)
    yield gauge(
        "gateway_upstream_server_addresses",
        "Addresses of the server, by state.",
        [
            ((upstream, server.name, state.word), list(server.addresses.values()).count(state))
            for upstream, server in servers
            for state in ServerState
        ],
        (*_SERVER, "state"),
    )


def _rows(servers: Sequence[tuple[str, ServerMetrics]], count: str | None) -> list[Row]:
    return [
        (
            (upstream, server.name),
            server.opened + server.reused if count is None else getattr(server, count),
        )
        for upstream, server in servers
    ]
