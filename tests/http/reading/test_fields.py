"""The header section of a request: what may stand once, and what must not stand together."""

import pytest

from gateway.decision.reason import Reason
from gateway.http.reading.fields import Fields
from gateway.http.reading.names import (
    AUTHORIZATION,
    CONNECTION,
    CONTENT_LENGTH,
    DROP,
    EXPECT,
    HOST,
    REFUSED,
    TRANSFER_ENCODING,
    UPGRADE,
    VIA,
    X_FORWARDED_FOR,
    RequestNames,
)
from gateway.settings.values.configuration import UnderscoreNames


def make_fields(*special: tuple[int, bytes]) -> Fields:
    fields = Fields()
    for kind, value in special:
        fields.add_special(kind, value)
    return fields


FAULTY = {
    "two_hosts": [(HOST, b"a"), (HOST, b"a")],  # 9112.1
    "empty_host": [(HOST, b"")],
    "blank_host": [(HOST, b" \t")],
    "two_lengths": [(CONTENT_LENGTH, b"1"), (CONTENT_LENGTH, b"1")],  # 9112.8
    "length_list": [(CONTENT_LENGTH, b"1, 1")],
    "length_with_sign": [(CONTENT_LENGTH, b"+1")],  # CVE-2023-38697
    "length_with_underscore": [(CONTENT_LENGTH, b"1_0")],
    "no_length": [(CONTENT_LENGTH, b"")],  # CVE-2023-40225
    "long_length": [(CONTENT_LENGTH, b"0" * 19)],  # CVE-2021-40346
    "other_coding": [(TRANSFER_ENCODING, b"gzip")],  # 9112.7
    "coding_list": [(TRANSFER_ENCODING, b"chunked, identity")],  # CVE-2024-1135
    "two_codings": [(TRANSFER_ENCODING, b"chunked"), (TRANSFER_ENCODING, b"chunked")],
    "refused_name": [(REFUSED, b"")],
}


@pytest.mark.parametrize("special", FAULTY.values(), ids=FAULTY)
def test_doubtful_fields_are_faults(special: list[tuple[int, bytes]]) -> None:
    fault = make_fields(*special).fault

    assert fault is not None
    assert fault.reason is Reason.REQUEST_MALFORMED


def test_the_first_fault_is_the_one_that_is_told() -> None:
    fields = make_fields((HOST, b""), (CONTENT_LENGTH, b"x"))

    assert fields.fault is not None
    assert fields.fault.detail == "the Host field is empty"


def test_fields_with_a_meaning_are_taken_in() -> None:
    fields = make_fields(
        (HOST, b" a.test "), (CONTENT_LENGTH, b"12"), (AUTHORIZATION, b"Bearer x "),
        (CONNECTION, b"a"), (CONNECTION, b"b"), (UPGRADE, b"x"), (VIA, b"1.0 p"), (VIA, b"1.1 q"),
        (EXPECT, b"100-Continue"), (X_FORWARDED_FOR, b"1.2.3.4"), (DROP, b"y"),
    )  # fmt: skip

    assert fields.fault is None
    assert (fields.host, fields.content_length) == (b"a.test", 12)
    assert fields.authorization == (b"Bearer x",)
    assert (fields.connection, fields.upgrade, fields.via) == (b"a,b", b"x", b"1.0 p, 1.1 q")
    assert fields.expects_continue
    assert fields.incoming is not None
    assert fields.incoming.x_for == [b"1.2.3.4"]
    assert fields.special_count == 11


def test_of_many_credentials_two_are_kept() -> None:
    """6750.3: two are refused already; more would only cost time and memory."""
    fields = make_fields(*((AUTHORIZATION, b"Bearer %d" % number) for number in range(1000)))

    assert fields.authorization == (b"Bearer 0", b"Bearer 999")
    assert fields.special_count == 1000


@pytest.mark.parametrize(
    ("kind", "value", "is_plain"),
    [
        (DROP, b"x", True),
        (CONNECTION, b"keep-alive", True),
        (CONNECTION, b"close", True),  # what is left of it is looked at when the head is complete
        (UPGRADE, b"h2c", True),
        (CONTENT_LENGTH, b"0", False),
        (VIA, b"1.1 p", False),
    ],
)
def test_only_what_changes_nothing_leaves_a_section_plain(
    kind: int, value: bytes, is_plain: bool
) -> None:
    assert make_fields((kind, value)).is_plain is is_plain


@pytest.mark.parametrize(
    ("underscore_names", "kept"),
    [
        (UnderscoreNames.KEEP, [b"\r\nX_One: ", b"1", b"\r\nX-Two: ", b"2"]),
        (UnderscoreNames.DROP, [b"\r\nX-Two: ", b"2"]),
        (UnderscoreNames.REJECT, [b"\r\nX-Two: ", b"2"]),
    ],
)
def test_fields_judged_again_lose_what_is_not_forwarded_any_more(
    underscore_names: UnderscoreNames, kept: list[bytes]
) -> None:
    fields = Fields()
    fields.lines = [b"\r\nX_One: ", b"1", b"\r\nX-User: ", b"mallory", b"\r\nX-Two: ", b"2"]
    fields.joined = b"".join(fields.lines)

    fields.judge_again(RequestNames(frozenset([b"x-user"]), underscore_names))

    assert fields.lines == kept
    assert fields.joined is None
    assert fields.fault is None


def test_a_forwarded_field_is_found_by_its_name_in_any_case() -> None:
    fields = Fields()
    fields.lines = [b"\r\nUser-Agent: ", b"first", b"\r\nuser-agent: ", b"second", b"\r\nX: ", b"1"]

    assert fields.first(b"user-agent") == b"first"
    assert fields.first(b"x") == b"1"
    assert fields.first(b"referer") == b""
    assert Fields().first(b"x") == b""


@pytest.mark.parametrize(
    ("upgrade", "connection", "expected"),
    [
        (b"h2c", b"Upgrade, HTTP2-Settings", (False, b"", b"")),
        (b"h2c", b"upgrade , x-hop, Keep-Alive", (False, b"", b"x-hop")),
        (b"h2c, TLS/1.2", b"Upgrade", (False, b"", b"")),
        (b", ,", b"Upgrade", (False, b"", b"")),
        (b"WebSocket", b"Upgrade", (True, b"WebSocket", b"Upgrade")),
        (b"h2c, websocket", b"Upgrade", (True, b"websocket", b"Upgrade")),
        (b"chat,websocket", b"Upgrade", (True, b"chat,websocket", b"Upgrade")),
        (b"websocket/13", b"Upgrade", (True, b"websocket/13", b"Upgrade")),
        (b'"h2c"', b"Upgrade", (True, b'"h2c"', b"Upgrade")),
        (b"h2c\x00", b"Upgrade", (True, b"h2c\x00", b"Upgrade")),
        (b"a b", b"Upgrade", (True, b"a b", b"Upgrade")),
    ],
)
def test_of_an_offered_upgrade_what_is_not_spoken_is_ignored(
    upgrade: bytes, connection: bytes, expected: tuple[bool, bytes, bytes]
) -> None:
    """RFC 9110 §7.8; what is no list of protocols is left to be refused."""
    fields = make_fields((UPGRADE, upgrade), (CONNECTION, connection))

    is_spoken = fields.choose_upgrade(frozenset([b"websocket", b"chat"]))

    assert (is_spoken, fields.upgrade, fields.connection) == expected


def test_what_a_session_forwards_is_made_once_and_anew_after_a_reload() -> None:
    fields = Fields()
    fields.lines = [b"\r\nX-CSRF: ", b"1", b"\r\nX-Tenant: ", b"forged", b"\r\nA: ", b"b"]
    fields.joined = b"".join(fields.lines)
    session = object()

    forwarded = fields.for_session(session, ())
    assert forwarded.joined == b"\r\nX-Tenant: forged\r\nA: b"
    assert (forwarded.session, fields.session) == (session, None)
    assert fields.for_session(session, ()) is forwarded
    assert fields.for_session(session, (b"Bearer x",)).authorization == (b"Bearer x",)
    assert fields.authorization == ()
    assert fields.lines[:2] == [b"\r\nX-CSRF: ", b"1"]

    fields.judge_again(RequestNames(frozenset((b"x-tenant",))))
    assert fields.for_session(session, ()).lines == [b"\r\nA: ", b"b"]


def test_gathered_tokens_are_gathered_anew_after_a_reload() -> None:
    """What was the first token by former rules may be none by the new ones."""
    fields = Fields()
    fields.authorization = (b"Basic x",)
    fields.credentials = ((b"x-token", b"t"),)
    gathered = fields.gathered((b"Bearer t",), (), fields.credentials)

    assert (gathered.authorization, gathered.also) == ((b"Bearer t",), ())
    assert gathered.received_authorization == (b"Basic x",)
    assert fields.authorization == (b"Basic x",)
    gathered.judge_again(RequestNames(frozenset()))

    assert (gathered.authorization, gathered.also) == ((b"Basic x",), None)
    assert gathered.credentials == ((b"x-token", b"t"),)


def test_a_field_that_a_reload_makes_one_of_a_token_goes_no_further() -> None:
    fields = Fields()
    fields.lines = [b"\r\nX-Token: ", b"t", b"\r\nSec-WebSocket-Protocol: ", b"a, bearer.p"]

    fields.judge_again(
        RequestNames(frozenset(), credentials=frozenset((b"x-token", b"sec-websocket-protocol")))
    )

    assert fields.lines == [b"\r\nSec-WebSocket-Protocol: ", b"a"]
    assert fields.credentials == ((b"x-token", b"t"), (b"sec-websocket-protocol", b"p"))


def test_a_response_is_for_one_caller_if_the_target_had_its_token() -> None:
    fields = Fields()
    assert not fields.is_private
    fields.credentials = ((b"x-token", b"t"),)
    assert not fields.is_private
    fields.credentials = ((b"?access_token", b"t"),)
    assert fields.is_private


def test_a_response_is_for_one_caller_if_no_cache_can_know_that_it_had_a_token() -> None:
    """RFC 9111 §3.5: caches know Authorization, but no field of ours."""
    sent = ((b"x-token", b"t"),)
    with_token = Fields().gathered((b"Bearer t",), (), sent)
    with_authorization = Fields()
    with_authorization.authorization = (b"Bearer a",)

    assert with_token.is_private
    assert not with_authorization.gathered((b"Bearer a",), (b"Bearer t",), sent).is_private
    assert not Fields().gathered((), (), ()).is_private
