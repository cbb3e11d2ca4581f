"""The text of responses: the first line, and a whole response of our own."""

import pytest

from gateway.http.writing.status_line import STATUS_LINES, render_response


@pytest.mark.parametrize(
    ("status", "line"),
    [
        (200, b"HTTP/1.1 200 OK"),
        (404, b"HTTP/1.1 404 Not Found"),
        (103, b"HTTP/1.1 103 Early Hints"),
        (599, b"HTTP/1.1 599 "),
    ],
)
def test_a_status_has_the_phrase_of_the_standard_or_none(status: int, line: bytes) -> None:
    """RFC 9112 §4: the space stays where the phrase is missing."""
    assert STATUS_LINES[status] == line


def test_unknown_statuses_are_not_remembered() -> None:
    before = len(STATUS_LINES)

    assert STATUS_LINES[299] == b"HTTP/1.1 299 "

    assert len(STATUS_LINES) == before


def test_the_end_of_the_connection_is_told_before_the_last_fields() -> None:
    fields, more = b"\r\nContent-Length: 2", b"\r\nRateLimit: 100%b"

    assert render_response(413, fields, b"hi", True, more) == (
        b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\nConnection: close"
        b"\r\nRateLimit: 100%b\r\n\r\nhi"
    )
    assert render_response(414, fields, b"", False, b"") == (
        b"HTTP/1.1 414 URI Too Long\r\nContent-Length: 2\r\n\r\n"
    )
