"""A document of our own is the same for everybody."""

from gateway.decision.verdict import Publish
from gateway.http.writing.published import published_fields
from tests.decision.policies import route
from tests.proxy.messages import parse_head

ID = b"0123456789abcd-000000001"
DOCUMENT = b'{"resource":"https://api.example.com/"}'


def test_the_document_is_json_that_any_page_may_read_and_keep_for_a_while() -> None:
    """9728.1."""
    fields = published_fields(Publish(DOCUMENT), ID, 784111777.9)

    answer = parse_head(b"HTTP/1.1 200 OK" + fields + b"\r\n\r\n")
    assert answer.one(b"content-type") == b"application/json"
    assert answer.one(b"content-length") == b"%d" % len(DOCUMENT)
    assert answer.one(b"access-control-allow-origin") == b"*"
    assert answer.one(b"cache-control") == b"public, max-age=300"
    assert answer.one(b"date") == b"Sun, 06 Nov 1994 08:49:37 GMT"
    assert answer.one(b"x-request-id") == ID


def test_what_pages_may_do_has_no_body() -> None:
    """9110.10."""
    publish = Publish(b"", route(), b"\r\nVary: Origin")

    assert published_fields(publish, ID, 784111777.9) == (
        b"\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nX-Request-Id: %b\r\nVary: Origin" % ID
    )
    assert (publish.status, publish.document) == (204, b"")
