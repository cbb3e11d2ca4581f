"""Write a request as a client sends it, and read what the service receives."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from gateway.decision.decide import find_route
from gateway.decision.head import RequestHead
from gateway.decision.policy import Policy
from gateway.decision.routes.host import canonical_host
from gateway.decision.routes.routing import Match, Place, Route
from gateway.http.reading.request import Request
from gateway.http.rehearsal import H2Head, Rehearsal
from gateway.suites.simulation.request import SimulatedRequest

Field = tuple[bytes, bytes]

AUTHORIZATION = b"Authorization"


@dataclass(frozen=True, slots=True)
class ForwardedRequest:
    """The request head that the service receives, with its *target* and *fields*."""

    head: bytes = field(repr=False)
    target: str
    fields: tuple[tuple[str, str], ...]

    def values(self, name: str) -> tuple[str, ...]:
        """Return the values of all fields called *name*, in any case of letters."""
        lower = name.lower()
        return tuple(value for known, value in self.fields if known.lower() == lower)


def write_head(request: SimulatedRequest, *fields: Field) -> bytes:
    """Return the head of *request*, with *fields* before its own."""
    own = ((name.encode(), value.encode()) for name, value in request.headers)
    lines = [
        b"%b %b HTTP/1.1" % (request.method.encode(), request.target),
        b"Host: " + request.authority.encode(),
        *(name + b": " + value for name, value in (*fields, *own)),
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def as_h2(head: bytes, has_body: bool) -> H2Head:
    """Return *head*, of a well-formed request of HTTP/1.1, as a client sends it over HTTP/2."""
    line, *rest = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    method, target, _ = line.split(b" ")
    parts = [one.partition(b": ") for one in rest]
    fields = tuple((name.lower(), value.strip(b" \t")) for name, _, value in parts)
    pseudo = (
        (b":method", method),
        (b":scheme", b"https"),
        (b":authority", next(value for name, value in fields if name == b"host")),
        (b":path", target),
    )
    return H2Head((*pseudo, *(one for one in fields if one[0] != b"host")), has_body)


def read_as_sent(rehearsal: Rehearsal, asked: SimulatedRequest, head: bytes) -> Request:
    """Return the request with *head*, as it comes: over HTTP/2 if *asked* is a call of gRPC."""
    return rehearsal.read_h2(as_h2(head, True)) if asked.is_grpc else rehearsal.read(head)


def authorization(*credentials: bytes) -> tuple[Field, ...]:
    """Return one Authorization field for each of *credentials*."""
    return tuple((AUTHORIZATION, credential) for credential in credentials)


def token_field(route: Route) -> bytes:
    """Return the name of the field from which *route* takes the first token.

    That is Authorization, unless the route takes tokens from a field of its own and not from there.
    """
    sources = route.sources
    if sources is None or sources.field is None or Place.AUTHORIZATION in sources.places:
        return AUTHORIZATION
    return sources.field


def carry(
    credentials: Iterable[bytes], request: SimulatedRequest, policy: Policy
) -> tuple[Field, ...]:
    """Return the fields with *credentials*, where the route of *request* reads them."""
    host = canonical_host(request.authority.encode()) or ""
    match = find_route(RequestHead(request.method, host, request.target, ()), policy)
    name = token_field(match.route) if isinstance(match, Match) else AUTHORIZATION
    return tuple((name, credential) for credential in credentials)


def read_head(head: bytes) -> ForwardedRequest:
    """Return the request that the service reads from *head*."""
    line, *rest = head.removesuffix(b"\r\n\r\n").decode("utf-8", "backslashreplace").split("\r\n")
    fields = tuple((name, value) for name, _, value in (one.partition(": ") for one in rest))
    return ForwardedRequest(head, line.split(" ")[1], fields)
