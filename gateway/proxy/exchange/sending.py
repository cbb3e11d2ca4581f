"""Write the head that a request has on its way to a service."""

from typing import Protocol

from gateway.decision.verdict import Allow
from gateway.http.reading.request import Request
from gateway.http.reading.trace_context import Trace
from gateway.http.writing.request_head import render_request_head
from gateway.proxy.exchange.answering import Client
from gateway.proxy.port import Port
from gateway.proxy.upstream.connection import ServerConnection


class Sent(Protocol):
    """An exchange whose request is allowed."""

    client: Client
    id: bytes
    port: Port
    request: Request
    trace: Trace | None


def render_head(exchange: Sent, server: ServerConnection, allow: Allow) -> bytes:
    """Return the head that *server* gets."""
    port, request, route = exchange.port, exchange.request, allow.route
    forwarding = exchange.client.forwarding(request)
    if port.vouch is not None and allow.token is not None:
        forwarding += port.vouch(allow.token, route.upstream)
    return render_request_head(
        request,
        allow,
        exchange.id,
        forwarding,
        port.forward_token,
        exchange.trace,
        port.routes[route.index].options.rewrite,
        server.home,
    )
