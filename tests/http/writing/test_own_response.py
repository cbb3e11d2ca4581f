"""Responses of the gateway's own, made for one request."""

import pytest

from gateway.http.writing.own_response import has_no_body, own_response_fields

ID = b"x" * 24


def render(status: int, *fields: tuple[str, str], length: int = 0) -> bytes:
    return own_response_fields(status, fields, length, ID, 784111777.0)


def test_a_response_is_never_stored_and_has_a_date_an_id_and_a_length() -> None:
    fields = (("Location", "/x"), ("set-cookie", "a=1"), ("Set-Cookie", "b=2"))

    assert render(302, *fields, length=5) == (
        b"\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nLocation: /x\r\n"
        b"set-cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 5\r\nCache-Control: no-store\r\n"
        b"X-Request-Id: " + ID
    )


@pytest.mark.parametrize("name", ["Date", "content-length", "CACHE-CONTROL", "Connection"])
def test_what_is_written_anyway_is_not_written_twice(name: str) -> None:
    assert render(200, (name, "public")) == render(200)


@pytest.mark.parametrize("status", [204, 304])
def test_no_length_where_there_is_no_body(status: int) -> None:
    assert b"Content-Length" not in render(status)
    assert has_no_body(status)
    assert not has_no_body(200)


@pytest.mark.parametrize("value", ["a\r\nb: c", "a\nb", "a\0", "ä", "a\tb"])
def test_a_value_that_is_not_one_line_of_ascii_is_an_error(value: str) -> None:
    with pytest.raises(ValueError, match="Location"):
        render(302, ("Location", value))
