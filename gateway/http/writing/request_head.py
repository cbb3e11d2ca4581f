"""Write the head that the service gets: serialised anew from what was understood."""

import re
from typing import Final

from gateway.decision.verdict import Allow
from gateway.http.reading.fields import Fields
from gateway.http.reading.forwarding import appended, replaced
from gateway.http.reading.names import without_named
from gateway.http.reading.request import Request
from gateway.http.reading.trace_context import Trace
from gateway.http.writing.rewriting import Named, choose_host, rewrite_target, without_edited
from gateway.settings.values.rewrite import Rewrite

# The scheme of any credential, for a proxy in front may have joined two fields into one (`Basic …,
# Bearer …`); and behind signs that a client put there by mistake (`"Bearer …"`).
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

    *forwarding* are whole lines. Order matters: what the client's Connection field names is
    taken out before anything is added, so that it can name nothing of ours (RFC 9110 §7.6.1).
    *server* is who gets it, for a *rewrite* that names it.
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


def render_forwarding(
    request: Request, peer: str, is_trusted: bool, proto: bytes, via: bytes
) -> bytes:
    """Return the fields that say who asked, and through whom, as whole lines.

    *peer* is the other end of the connection; *is_trusted* says whether what it claims is
    believed. *via* is what we add to Via.
    """
    fields = request.fields
    if is_trusted and fields.incoming is not None:
        lines = appended(peer, proto, fields.host, fields.incoming)
    else:
        lines = replaced(peer, proto, fields.host)
    # RFC 9110 §7.6.3: who was there before stays named.
    return b"%bVia: %b\r\n" % (lines, b"%b, %b" % (fields.via, via) if fields.via else via)


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
    """Return how many hops are left; only OPTIONS counts them (RFC 9110 §7.6.2)."""
    hops = request.fields.max_forwards
    if hops is None:
        return b""
    return b"\r\nMax-Forwards: %d" % (hops - 1 if request.method == "OPTIONS" else hops)


def _keeps_authorization(fields: Fields, forward_token: bool) -> bool:
    """Return whether the service gets the Authorization field.

    A bearer token stays here unless the configuration asks for it. On a public route, and where
    a refusal is only reported, other schemes are the service's own affair: a token endpoint's
    client secret, say.
    """
    if len(fields.authorization) != 1:
        return False
    return forward_token or _BEARER.search(fields.authorization[0]) is None
