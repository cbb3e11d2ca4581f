"""Responses of the gateway's own, made for one request."""

import pytest

from gateway.http.writing.own_response import render_own_response

ID = b"x" * 24


def render(status: int, *fields: tuple[str, str], body: bytes = b"", **changes: object) -> bytes:
    known = {"is_head": False, "close": False} | changes
    return render_own_response(status, fields, body, ID, 784111777.0, **known)  # type: ignore[arg-type]


def test_a_response_is_whole_and_never_stored() -> None:
    more = b"\r\nVary: Origin"
    fields = (("Location", "/x"), ("set-cookie", "a=1"), ("Set-Cookie", "b=2"))

    assert render(302, *fields, body=b"hello", more=more, close=True) == (
        b"HTTP/1.1 302 Found\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nLocation: /x\r\n"
        b"set-cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 5\r\nCache-Control: no-store\r\n"
        b"X-Request-Id: " + ID + b"\r\nVary: Origin\r\nConnection: close\r\n\r\nhello"
    )


@pytest.mark.parametrize("name", ["Date", "content-length", "CACHE-CONTROL", "Connection"])
def test_what_is_written_anyway_is_not_written_twice(name: str) -> None:
    assert render(200, (name, "public")) == render(200)


def test_no_body_where_there_is_none() -> None:
    assert b"Content-Length" not in render(204)
    assert render(200, body=b"ab", is_head=True) + b"ab" == render(200, body=b"ab")


@pytest.mark.parametrize("value", ["a\r\nb: c", "a\nb", "a\0", "ä", "a\tb"])
def test_a_value_that_is_not_one_line_of_ascii_is_an_error(value: str) -> None:
    with pytest.raises(ValueError, match="Location"):
        render(302, ("Location", value))
