"""Write responses that are public: metadata documents and CORS preflights."""

from typing import Final

from gateway.decision.verdict import Publish
from gateway.http.writing.http_date import http_date

# Clients fetch it after a challenge, and it changes only with the configuration. Pages of any
# origin may read it: clients in browsers need it, and it has no secrets.
_DOCUMENT: Final = (
    b"\r\nDate: %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
    b"Cache-Control: public, max-age=300\r\nAccess-Control-Allow-Origin: *\r\n"
    b"X-Content-Type-Options: nosniff\r\nX-Request-Id: %b"
)

_PREFLIGHT: Final = b"\r\nDate: %b\r\nX-Request-Id: %b%b"


def published_fields(publish: Publish, request_id: bytes, now: float) -> bytes:
    """Return the fields of the response for *publish*; each begins with a line end."""
    date = http_date(int(now))
    if publish.route is None:
        return _DOCUMENT % (date, len(publish.document), request_id)
    return _PREFLIGHT % (date, request_id, publish.fields)
