"""A document of our own is a whole answer, the same for everybody."""

import pytest

from gateway.decision.verdict import Publish
from gateway.http.writing.published import render_document, render_published
from tests.decision.policies import route
from tests.proxy.messages import Message, parse_head

ID = b"0123456789abcd-000000001"
DOCUMENT = b'{"resource":"https://api.example.com/"}'


def render(*, is_head: bool = False, close: bool = False) -> Message:
    text = render_document(DOCUMENT, ID, 784111777.9, is_head, close)
    head, _, body = text.partition(b"\r\n\r\n")
    parsed = parse_head(head + b"\r\n\r\n")
    return Message(parsed.start, parsed.fields, body)


def test_the_document_is_json_that_any_page_may_read_and_keep_for_a_while() -> None:
    """9728.1."""
    answer = render()

    assert answer.status == 200
    assert answer.one(b"content-type") == b"application/json"
    assert answer.one(b"content-length") == b"%d" % len(DOCUMENT)
    assert answer.one(b"access-control-allow-origin") == b"*"
    assert answer.one(b"cache-control") == b"public, max-age=300"
    assert answer.one(b"date") == b"Sun, 06 Nov 1994 08:49:37 GMT"
    assert answer.one(b"x-request-id") == ID
    assert answer.body == DOCUMENT


def test_an_answer_to_head_has_the_same_head_and_no_body() -> None:
    """9110.10."""
    assert render(is_head=True).fields == render().fields
    assert render(is_head=True).body == b""


@pytest.mark.parametrize("close", [True, False])
def test_the_end_of_the_connection_is_told(close: bool) -> None:
    assert render(close=close).has(b"connection") is close


def test_what_pages_may_do_has_no_body() -> None:
    """9110.10."""
    publish = Publish(b"", route(), b"\r\nVary: Origin")

    head = render_published(publish, ID, 784111777.9, False, False)

    assert head == (
        b"HTTP/1.1 204 No Content\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nX-Request-Id: %b"
        b"\r\nVary: Origin\r\n\r\n" % ID
    )
    closing = render_published(publish, ID, 784111777.9, True, True)
    assert closing == head.removesuffix(b"\r\n") + b"Connection: close\r\n\r\n"


def test_a_document_is_rendered_as_one() -> None:
    assert render_published(Publish(DOCUMENT), ID, 0.0, False, True) == render_document(
        DOCUMENT, ID, 0.0, False, True
    )
