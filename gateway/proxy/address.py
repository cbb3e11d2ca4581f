"""Say from which address a request came."""

from gateway.http.reading.forwarding import client_address
from gateway.http.reading.request import Request
from gateway.proxy.exchange.answering import Client
from gateway.proxy.port import Port


def address_of(port: Port, client: Client, request: Request) -> bytes:
    """Return the peer's address, or what trusted proxies say it is."""
    incoming = request.fields.incoming
    if incoming is None or not port.trusted_proxies:
        return client.peer_bytes
    return client_address(client.peer, incoming.x_for, port.trusted_proxies).encode()
