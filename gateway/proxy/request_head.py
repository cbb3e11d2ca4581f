"""Write the head that the service gets: serialised anew from what was understood."""

from gateway.decision.verdict import Allow
from gateway.proxy.names import without_named
from gateway.proxy.request import Request


def render_request_head(
    request: Request,
    allow: Allow,
    request_id: bytes,
    forwarding: bytes,
    via: bytes,
    *,
    keep_authorization: bool,
) -> bytes:
    """Return the head, one framing field and one Host in it.

    Order matters: what the client's Connection field names is taken out before the identity
    and forwarding fields are added, so that it can never name them (RFC 9110 §7.6.1).
    """
    lines = request.lines
    if request.connection:
        lines = without_named(lines, request.connection)
    parts = [
        b"%b %b HTTP/1.1\r\nHost: %b" % (request.method.encode(), allow.target, request.host),
        *lines,
    ]
    if request.is_chunked:
        parts.append(b"\r\nTransfer-Encoding: chunked")
    elif request.content_length is not None:
        parts.append(b"\r\nContent-Length: %d" % request.content_length)
    if keep_authorization:
        parts.append(b"\r\nAuthorization: " + request.authorization[0])
    if request.wants_upgrade:
        parts.append(b"\r\nConnection: Upgrade\r\nUpgrade: " + request.upgrade)
    if request.via:
        via = b"%b, %b" % (request.via, via)
    parts.append(
        b"\r\n%bX-Request-Id: %b\r\n%bVia: %b\r\n\r\n"
        % (allow.identity_fields, request_id, forwarding, via)
    )
    return b"".join(parts)
