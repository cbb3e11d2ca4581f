"""What is written down of an exchange."""

from typing import Protocol

from gateway.decision.routes.routing import Route
from gateway.decision.token import SignedToken
from gateway.decision.verdict import Allow, Deny
from gateway.http.reading.request import Request
from gateway.http.reading.trace_context import Trace
from gateway.proxy.exchange.answering import Client
from gateway.proxy.streams.tunnel import Tunnel
from gateway.proxy.streams.upload import Upload


class Recorded(Protocol):
    """An exchange, as far as it is written down."""

    client: Client
    id: bytes
    request: Request
    trace: Trace | None
    allow: Allow | None
    deny: Deny | None
    status: int
    started_at: float
    sent_at: float
    sent_bytes: int
    upload: Upload | None
    tunnel: Tunnel | None
    upstream_seconds: float | None
    waited: bool


def route_of(exchange: Recorded) -> Route | None:
    """Return the route that allowed the request, or else refused it."""
    allow, deny = exchange.allow, exchange.deny
    return allow.route if allow is not None else deny.route if deny is not None else None


def token_of(exchange: Recorded) -> SignedToken | None:
    """Return the token that was judged, if there was one whose signature held."""
    allow = exchange.allow
    # Nobody is vouched for where a refusal is only reported, but a signature may have held.
    judged = (None if allow is None else allow.would_deny) or allow or exchange.deny
    return None if judged is None else judged.token


def sizes_of(exchange: Recorded) -> tuple[int, int]:
    """Return how many body bytes went to the client, and how many came from it."""
    if exchange.tunnel is not None:
        return exchange.tunnel.from_server_bytes, exchange.tunnel.from_client_bytes
    upload = exchange.upload
    return exchange.sent_bytes, 0 if upload is None else upload.received_bytes
