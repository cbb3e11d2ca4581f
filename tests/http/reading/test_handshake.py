"""Handshakes of WebSocket: what each side has to say before bytes pass unseen (RFC 6455 §4)."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.utils import accept_key

from gateway.http.reading.fields import Fields
from gateway.http.reading.handshake import (
    accept_value,
    check_agreement,
    check_opening,
    is_websocket,
)

KEY = ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
VERSION = ("Sec-WebSocket-Version", "13")
ACCEPT = ("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")

Lines = tuple[tuple[str, str], ...]


def flat(*lines: tuple[str, str]) -> list[bytes]:
    return [
        piece
        for name, value in lines
        for piece in (b"\r\n%b: " % name.encode(), value.encode("latin-1"))
    ]


def offered(*lines: tuple[str, str], connection: bytes = b"Upgrade") -> Fields:
    fields = Fields()
    fields.lines = flat(*lines)
    fields.connection = connection
    fields.upgrade = b"websocket"
    return fields


@given(st.binary(min_size=16, max_size=16))
def test_the_accept_value_is_the_one_that_clients_compute(nonce: bytes) -> None:
    key = base64.b64encode(nonce)

    assert accept_value(key).decode() == accept_key(key.decode())
    assert check_opening("GET", offered(("Sec-WebSocket-Key", key.decode()), VERSION)) is None


@pytest.mark.parametrize("name", [b"websocket", b"WebSocket", b"WEBSOCKET"])
def test_the_protocols_name_has_no_case(name: bytes) -> None:
    assert is_websocket(name)
    assert not is_websocket(b"h2c")
    assert not is_websocket(name + b", h2c")


OPENINGS: dict[str, tuple[Lines, bool]] = {
    "as_it_should_be": ((KEY, VERSION), True),
    "another_case": ((("sec-websocket-KEY", KEY[1]), ("sec-websocket-version", "13")), True),
    "spaces_around": ((("Sec-WebSocket-Key", f" {KEY[1]}\t"), VERSION), True),
    "an_unknown_version": ((KEY, ("Sec-WebSocket-Version", "8")), True),
    "no_key": ((VERSION,), False),
    "two_keys": ((KEY, KEY, VERSION), False),
    "an_empty_key": ((("Sec-WebSocket-Key", ""), VERSION), False),
    "a_short_key": ((("Sec-WebSocket-Key", "c2hvcnQ="), VERSION), False),
    "a_key_of_15_bytes": ((("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAA"), VERSION), False),
    "a_key_of_17_bytes": ((("Sec-WebSocket-Key", "A" * 23 + "="), VERSION), False),
    "a_key_of_18_bytes": ((("Sec-WebSocket-Key", "A" * 24), VERSION), False),
    "a_key_in_base64url": ((("Sec-WebSocket-Key", "-_AAAAAAAAAAAAAAAAAAAA=="), VERSION), False),
    "a_key_with_a_space": ((("Sec-WebSocket-Key", "AAAAAAAAAA AAAAAAAAAAA=="), VERSION), False),
    "two_keys_in_one": ((("Sec-WebSocket-Key", f"{KEY[1]}, {KEY[1]}"), VERSION), False),
    "no_version": ((KEY,), False),
    "two_versions": ((KEY, VERSION, ("Sec-WebSocket-Version", "8")), False),
    "two_versions_in_one": ((KEY, ("Sec-WebSocket-Version", "13, 8")), False),
    "a_version_in_words": ((KEY, ("Sec-WebSocket-Version", "thirteen")), False),
    "an_empty_version": ((KEY, ("Sec-WebSocket-Version", "")), False),
}


@pytest.mark.parametrize(("lines", "holds"), OPENINGS.values(), ids=OPENINGS)
def test_a_client_says_one_key_and_one_version(lines: Lines, holds: bool) -> None:
    """RFC 6455 §4.2.1."""
    assert (check_opening("GET", offered(*lines)) is None) is holds


@pytest.mark.parametrize("method", ["POST", "HEAD", "OPTIONS", "PUT"])
def test_a_handshake_is_a_get(method: str) -> None:
    """RFC 6455 §4.1, point 2."""
    assert check_opening(method, offered(KEY, VERSION)) is not None


def test_what_the_connection_field_takes_away_was_not_said() -> None:
    """RFC 9110 §7.6.1: the service would get a handshake without a key."""
    fields = offered(KEY, VERSION, connection=b"Upgrade, sec-websocket-key")

    assert check_opening("GET", fields) is not None


CHAT = ("Sec-WebSocket-Protocol", "chat")
DEFLATE = ("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits")
OFFER: Lines = (KEY, VERSION, ("Sec-WebSocket-Protocol", "chat, superchat"), DEFLATE)

AGREEMENTS: dict[str, tuple[Lines, Lines, bool]] = {
    "plain": ((KEY, VERSION), (ACCEPT,), True),
    "nothing_of_what_was_offered": (OFFER, (ACCEPT,), True),
    "the_second_protocol": (OFFER, (ACCEPT, ("Sec-WebSocket-Protocol", "superchat")), True),
    "offered_in_two_fields": (
        (KEY, VERSION, CHAT, ("Sec-WebSocket-Protocol", "v2")),
        (ACCEPT, ("Sec-WebSocket-Protocol", "v2")),
        True,
    ),
    "an_extension_with_other_parameters": (
        OFFER,
        (ACCEPT, ("Sec-WebSocket-Extensions", "permessage-deflate; server_max_window_bits=10")),
        True,
    ),
    "no_accept": ((KEY, VERSION), (), False),
    "two_accepts": ((KEY, VERSION), (ACCEPT, ACCEPT), False),
    "the_accept_of_another_key": (
        (KEY, VERSION),
        (("Sec-WebSocket-Accept", accept_key("AAAAAAAAAAAAAAAAAAAAAA==")),),
        False,
    ),
    "the_key_itself": ((KEY, VERSION), (("Sec-WebSocket-Accept", KEY[1]),), False),
    "an_accept_in_another_case": (
        (KEY, VERSION),
        (("Sec-WebSocket-Accept", ACCEPT[1].lower()),),
        False,
    ),
    "a_protocol_that_was_not_offered": (
        OFFER,
        (ACCEPT, ("Sec-WebSocket-Protocol", "other")),
        False,
    ),
    "a_protocol_where_none_was_offered": ((KEY, VERSION), (ACCEPT, CHAT), False),
    "a_protocol_in_another_case": (OFFER, (ACCEPT, ("Sec-WebSocket-Protocol", "Chat")), False),
    "two_protocols": (OFFER, (ACCEPT, CHAT, CHAT), False),
    "two_protocols_in_one": (
        OFFER,
        (ACCEPT, ("Sec-WebSocket-Protocol", "chat, superchat")),
        False,
    ),
    "an_empty_protocol": (OFFER, (ACCEPT, ("Sec-WebSocket-Protocol", "")), False),
    "an_extension_that_was_not_offered": (
        OFFER,
        (ACCEPT, ("Sec-WebSocket-Extensions", "permessage-deflate, x-secret")),
        False,
    ),
    "an_extension_where_none_was_offered": ((KEY, VERSION), (ACCEPT, DEFLATE), False),
    "two_fields_of_extensions": (OFFER, (ACCEPT, DEFLATE, DEFLATE), False),
    "another_version": (
        (KEY, ("Sec-WebSocket-Version", "8")),
        (ACCEPT, ("Sec-WebSocket-Version", "8")),
        False,
    ),
}


@pytest.mark.parametrize(("offer", "answer", "holds"), AGREEMENTS.values(), ids=AGREEMENTS)
def test_a_service_agrees_to_what_was_offered_and_proves_that_it_read_it(
    offer: Lines, answer: Lines, holds: bool
) -> None:
    """RFC 6455 §4.1: what a client checks of the answer."""
    assert (check_agreement(offered(*offer), flat(*answer)) is None) is holds
