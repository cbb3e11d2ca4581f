"""Write responses that are public: metadata documents and CORS preflights."""

from typing import Final

from gateway.decision.verdict import Publish
from gateway.http.writing.http_date import http_date

# Clients fetch it after a challenge, and it changes only with the configuration. Pages of any
# origin may read it: clients in browsers need it, and it has no secrets.
_HEAD: Final = (
    b"HTTP/1.1 200 OK\r\nDate: %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
    b"Cache-Control: public, max-age=300\r\nAccess-Control-Allow-Origin: *\r\n"
    b"X-Content-Type-Options: nosniff\r\nX-Request-Id: %b\r\n%b\r\n"
)


_PREFLIGHT: Final = b"HTTP/1.1 204 No Content\r\nDate: %b\r\nX-Request-Id: %b%b\r\n%b\r\n"


def render_published(
    publish: Publish, request_id: bytes, now: float, is_head: bool, close: bool
) -> bytes:
    """Return the whole response for *publish*."""
    if publish.route is None:
        return render_document(publish.document, request_id, now, is_head, close)
    connection = b"Connection: close\r\n" if close else b""
    return _PREFLIGHT % (http_date(int(now)), request_id, publish.fields, connection)


def render_document(
    document: bytes, request_id: bytes, now: float, is_head: bool, close: bool
) -> bytes:
    """Return the whole response; for HEAD without the body (RFC 9110 §9.3.2)."""
    connection = b"Connection: close\r\n" if close else b""
    head = _HEAD % (http_date(int(now)), len(document), request_id, connection)
    return head if is_head else head + document
