"""Write the request head that the upstream gets, and its trailers: from what was understood."""

import re
from typing import Final

from gateway.decision.verdict import Allow
from gateway.http.reading.field_collector import Section
from gateway.http.reading.fields import Fields
from gateway.http.reading.forwarding import Networks, appended, is_trusted, replaced
from gateway.http.reading.names import RequestNames, trailers_only, without_named
from gateway.http.reading.request import Request
from gateway.http.reading.trace_context import Trace
from gateway.http.writing.rewriting import Named, choose_host, rewrite_target, without_edited
from gateway.settings.values.rewrite import Rewrite

# The scheme of any credential in the field: a proxy in front may have joined two (`Basic …,
# Bearer …`), and a client may put other characters before it (`"Bearer …"`).
_BEARER: Final = re.compile(rb"(?:\A|,)[^A-Za-z,]*bearer", re.IGNORECASE)


def render_request_head(  # noqa: PLR0913, PLR0917 - one argument for each part of the head
    request: Request,
    allow: Allow,
    request_id: bytes,
    forwarding: bytes,
    forward_token: bool,
    trace: Trace | None,
    rewrite: Rewrite | None = None,
    server: Named | None = None,
) -> bytes:
    """Return the head, with one Host and at most one framing field in it.

    *forwarding* are whole lines. The order matters: the fields that the client's Connection names
    are removed before others are added, so that it cannot remove those (RFC 9110 §7.6.1).
    *server* is used by a *rewrite* of Host to the server's name.
    """
    fields = request.fields
    target, host, added = allow.target, fields.host, b""
    joined = fields.joined
    if joined is None or rewrite is not None:
        lines = fields.lines
        if fields.connection:
            lines = without_named(lines, fields.connection)
        if rewrite is not None:
            target, host = rewrite_target(target, rewrite), choose_host(host, rewrite, server)
            lines = without_edited(lines, rewrite.request_fields)
            added = rewrite.request_fields.lines
        joined = b"".join(lines)
        if not request.is_plain:
            added += _framing(request) + _hops(request)
    is_unchecked = allow.route.public or allow.would_deny is not None
    if (forward_token or is_unchecked) and _keeps_authorization(fields, forward_token):
        added += b"\r\nAuthorization: " + fields.authorization[0]
    if trace is not None:
        added += trace.lines
    return b"%b %b HTTP/1.1\r\nHost: %b%b%b\r\n%bX-Request-Id: %b\r\n%b\r\n" % (
        request.method.encode(),
        target,
        host,
        joined,
        added,
        allow.identity_fields,
        request_id,
        forwarding,
    )


def render_request_trailers(
    trailers: Section, request: Request, names: RequestNames, rewrite: Rewrite | None
) -> bytes:
    """Return those of the *trailers* of *request* that the upstream gets, each after a line end.

    None of them may stand for a field that is only believed in a head: a server may merge the two
    (RFC 9110 §6.5.1). So what is dropped or written anew in a head is dropped, whatever its
    spelling, and so is what the request's Connection names or its route removes or sets.
    """
    lines: list[bytes] = []
    for name, value in trailers:
        kind = names[name]
        if type(kind) is bytes:
            lines += (kind, value)
    lines = trailers_only(without_named(lines, request.fields.connection))
    if rewrite is not None:
        lines = without_edited(lines, rewrite.request_fields)
    return b"".join(lines)


class Peer:
    """The other end of a client's connection, and the fields that tell upstreams of it.

    *proto* is what it speaks: http or https. If its *address* is in one of the *trusted*
    networks, its own forwarding fields are believed. *via* is the gateway's part of Via.
    """

    __slots__ = ("_host", "_lines", "_via", "address", "address_bytes", "is_trusted", "proto")

    def __init__(self, address: str, proto: bytes, trusted: Networks, via: bytes) -> None:
        self.address = address
        self.address_bytes = address.encode()
        self.is_trusted = is_trusted(address, trusted)
        self.proto = proto
        self._via = via
        # The Host of the last plain request, and its forwarding fields.
        self._host = self._lines = b""

    def forwarding(self, request: Request) -> bytes:
        """Return the fields that say for whom and by whom it is forwarded, as whole lines."""
        host = request.fields.host
        # A plain request has no forwarding fields of its own, so only its Host can differ.
        if request.is_plain and host == self._host:
            return self._lines
        lines = self._render(request.fields)
        if request.is_plain:
            self._host = host
            self._lines = lines
        return lines

    def _render(self, fields: Fields) -> bytes:
        if self.is_trusted and fields.incoming is not None:
            lines = appended(self.address, self.proto, fields.host, fields.incoming)
        else:
            lines = replaced(self.address, self.proto, fields.host)
        # RFC 9110 §7.6.3: the proxies before us stay named.
        via = b"%b, %b" % (fields.via, self._via) if fields.via else self._via
        return b"%bVia: %b\r\n" % (lines, via)


def _framing(request: Request) -> bytes:
    fields = request.fields
    if fields.is_chunked:
        return b"\r\nTransfer-Encoding: chunked"
    if fields.content_length is not None:
        return b"\r\nContent-Length: %d" % fields.content_length
    if request.wants_upgrade:
        return b"\r\nConnection: Upgrade\r\nUpgrade: " + fields.upgrade
    return b""


def _hops(request: Request) -> bytes:
    """Return Max-Forwards; only OPTIONS decrements it (RFC 9110 §7.6.2)."""
    hops = request.fields.max_forwards
    if hops is None:
        return b""
    return b"\r\nMax-Forwards: %d" % (hops - 1 if request.method == "OPTIONS" else hops)


def _keeps_authorization(fields: Fields, forward_token: bool) -> bool:
    """Return whether the upstream gets the Authorization field.

    A bearer token is not forwarded unless the configuration says so. Other schemes are forwarded
    on a public route and in report mode, such as the client secret for a token endpoint.
    """
    if len(fields.authorization) != 1:
        return False
    return forward_token or _BEARER.search(fields.authorization[0]) is None
