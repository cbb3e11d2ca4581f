"""What a request for a ticket asks for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.ticket_calls import WantedTicket, read_wanted


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (b"", WantedTicket()),
        (b" \r\n", WantedTicket()),
        (b"{}", WantedTicket()),
        (b'{"route": "a"}', WantedTicket("a")),
        (b'{"path": "/a", "route": "b"}', WantedTicket("b", "/a")),
    ],
)
def test_a_body_names_a_route_or_a_path_or_nothing(body: bytes, wanted: WantedTicket) -> None:
    assert read_wanted(body) == wanted


@pytest.mark.parametrize(
    "body",
    [
        *(b"null", b"[]", b'"a"', b"{", b'{"a": "b"}', b'{"path": ""}', b'{"path": null}'),
        *(b"\xff", b'{"route": ["a"]}', b"[" * 4000),
        # Half of a character cannot be encoded; nothing but ASCII is in the path of a request.
        *(b'{"path": "/\\ud800"}', b'{"path": "/\xc3\xa9"}'),
    ],
)
def test_another_body_is_none(body: bytes) -> None:
    assert read_wanted(body) is None


@given(st.binary(max_size=40))
def test_any_body_is_read_or_refused(body: bytes) -> None:
    assert isinstance(read_wanted(body), WantedTicket | None)
