"""A client's connection that was just accepted: counted, refused, or left to its protocol."""

import asyncio
from time import time
from typing import Any, Final, cast

from gateway.decision.reason import Reason
from gateway.decision.verdict import Deny
from gateway.http.writing.refusal import render_refusal
from gateway.http.writing.request_head import Peer
from gateway.limits.bucket_key import network_of
from gateway.proxy.client.clients import Clients, Connection
from gateway.proxy.client.connection import ClientConnection
from gateway.proxy.h2.connection import H2Connection
from gateway.proxy.port import Port
from gateway.proxy.transport.framing import REFUSAL
from gateway.tls.server_side import HTTP_2

# While reading is paused, this much input may wait to be decrypted: two TLS records.
_ENCRYPTED_BYTES: Final = 32 * 1024


class NewConnection(asyncio.BufferedProtocol):
    """Stands for a connection until it is open, which with TLS is the end of the handshake.

    Then another protocol has it: HTTP/1.1, or HTTP/2 if the client has chosen that in its
    handshake. What belongs to the *port* is that of the latest reload: a handshake may outlast one.

    It reads nothing. It is buffered because the others are: uvloop keeps the methods that it calls
    until another protocol has replaced the very same ones.
    """

    __slots__ = (
        "__weakref__",  # Clients knows connections in their TLS handshake by it
        "_clients",
        "_port",
    )

    def __init__(self, port: Port, clients: Clients[Connection]) -> None:
        self._port = port
        self._clients = clients

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Serve the client, or refuse it if there are too many."""
        opened = cast(asyncio.Transport, transport)
        port, clients = self._port.latest(), self._clients
        peer = _find_peer(opened, port)
        if peer.proto == b"https":
            cast(Any, opened).set_read_buffer_limits(_ENCRYPTED_BYTES)
        network = network_of(peer.address_bytes)
        excess = self._find_excess(port, peer, network)
        speaks_http2 = _has_chosen_http2(opened)
        client: ClientConnection | H2Connection
        if speaks_http2 and excess is None:
            client = H2Connection(port, clients, opened, peer)
        else:
            client = ClientConnection(port, clients, opened, peer)
        clients.end_handshake(self)
        clients.add(client, network)
        port.metrics.connections_open += 1
        port.metrics.connections_total += 1
        opened.set_protocol(client)
        if isinstance(client, H2Connection):
            client.begin(b"")
        elif excess is None:
            client.serve()
        else:
            clients.refuse(client)  # it no longer counts, however long it lingers
            client.refuse(REFUSAL if speaks_http2 else _render_refusal(port, excess))

    def _find_excess(self, port: Port, peer: Peer, network: bytes) -> str | None:
        """Return why there is no room for one more connection, of *peer*, or None; and count it."""
        limits, clients = port.limits, self._clients
        if clients.served >= limits.connections:
            port.metrics.connections_refused += 1
            return "too many connections"
        most = limits.connections_per_address
        if most is not None and clients.count(network) >= most and not peer.is_trusted:
            port.metrics.connections_refused_by_address += 1
            return "too many connections from this address"
        return None


def _find_peer(transport: asyncio.Transport, port: Port) -> Peer:
    peername = transport.get_extra_info("peername")
    address = peername[0].removeprefix("::ffff:") if peername else ""
    proto = b"http" if transport.get_extra_info("sslcontext") is None else b"https"
    return Peer(address, proto, port.trusted_proxies, port.via)


def _has_chosen_http2(transport: asyncio.Transport) -> bool:
    """Return whether the client has chosen HTTP/2 in its TLS handshake (RFC 9113 §3.2)."""
    side = transport.get_extra_info("ssl_object")
    return side is not None and side.selected_alpn_protocol() == HTTP_2


def _render_refusal(port: Port, detail: str) -> bytes:
    deny = Deny(Reason.OVERLOADED, detail)
    return render_refusal(deny, next(port.request_ids), time(), is_head=False, close=True)
