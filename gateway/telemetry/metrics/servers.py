"""Count what becomes of the requests to each server of an upstream."""

from collections.abc import Iterator, Sequence
from enum import IntEnum

from prometheus_client import Metric

from gateway.telemetry.metrics.families import Row, counter, gauge

_SERVER = ("upstream", "server")


class ServerState(IntEnum):
    """How an address of a server stands; of two that disagree, the larger counts."""

    UP = 0
    EJECTED = 1  # requests to it failed
    UNHEALTHY = 2  # its checks fail

    @property
    def word(self) -> str:
        """Return what people read."""
        return self.name.lower()


# What is so many now, not so many ever.
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
    """What one server did for requests; *name* is its authority, as the configuration has it.

    A name that has several addresses is one server here: addresses come and go, and each would
    be another label for ever. *addresses* are those it has now, and *details* say of some what
    is wrong with them. Those, *connections* and *in_flight* are written when somebody asks.
    """

    __slots__ = (*_COUNTS, *_GAUGES, "addresses", "details", "name")

    opened: int  # connections
    reused: int  # connections, for one more request
    failures: int  # requests that came to nothing, and connections that did not stand
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
        """Keep only what goes on counting once the process is gone."""
        for count in _GAUGES:
            setattr(self, count, 0)
        self.addresses = {}
        self.details = {}

    def add(self, other: "ServerMetrics") -> None:
        """Count what *other* counted, too; where one finds fault with an address, that counts."""
        for count in (*_COUNTS, *_GAUGES):
            setattr(self, count, getattr(self, count) + getattr(other, count))
        for address, state in other.addresses.items():
            self.addresses[address] = max(state, self.addresses.get(address, state))
        self.details = {**other.details, **self.details}


def server_families(servers: Sequence[tuple[str, ServerMetrics]]) -> Iterator[Metric]:
    """Yield the families about servers, each with the name of its upstream."""
    for name, words, count in (
        ("requests", "Requests sent to the server.", None),
        ("failures", "Requests to the server that came to nothing.", "failures"),
        ("ejections", "Times that the server was left out.", "ejections"),
        ("checks", "Health checks of the server.", "checks"),
        ("failed_checks", "Health checks of the server that failed.", "failed_checks"),
        ("lookups", "Times that the server's name was looked up.", "lookups"),
        ("failed_lookups", "Look-ups of the server's name that failed.", "failed_lookups"),
    ):
        yield counter(f"gateway_upstream_server_{name}", words, _rows(servers, count), _SERVER)
    for name, words in (
        ("connections", "Connections to the server now open."),
        ("in_flight", "Requests to the server now under way."),
    ):
        yield gauge(f"gateway_upstream_server_{name}", words, _rows(servers, name), _SERVER)
    yield gauge(
        "gateway_upstream_server_addresses",
        "Addresses of the server, by how they stand.",
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
