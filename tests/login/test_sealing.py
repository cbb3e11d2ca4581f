"""Only what was sealed with a key of the ring, for this purpose and in this context, opens."""

from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.login.sealing import KEY_BYTES, MAX_TEXT, KeyRing, Purpose

FIRST, SECOND, THIRD = (bytes([n]) * KEY_BYTES for n in range(3))
RING = KeyRing([FIRST, SECOND])
PLAIN = b"the tokens of a session"

purposes = st.sampled_from(Purpose)
plains = st.binary(max_size=300)


def seal(plain: bytes = PLAIN, purpose: Purpose = Purpose.LOGIN, context: bytes = b"") -> str:
    return RING.seal(purpose, plain, context)


@given(purposes, plains, st.binary(max_size=40))
def test_what_was_sealed_opens(purpose: Purpose, plain: bytes, context: bytes) -> None:
    text = RING.seal(purpose, plain, context)

    assert RING.open(purpose, text, context) == plain
    assert RING.open(purpose, text.encode(), context) == plain
    assert len(text) == -(-(len(plain) + 33) * 4 // 3)


@given(plains, purposes, purposes)
def test_it_opens_for_no_other_purpose(plain: bytes, purpose: Purpose, other: Purpose) -> None:
    assume(purpose is not other)

    assert RING.open(other, seal(plain, purpose)) is None


@given(st.binary(max_size=9), st.binary(max_size=9))
def test_it_opens_in_no_other_context(context: bytes, other: bytes) -> None:
    assume(context != other)

    assert RING.open(Purpose.LOGIN, seal(context=context), other) is None


@given(plains, st.data())
def test_no_octet_may_change(plain: bytes, data: st.DataObject) -> None:
    octets = bytearray(urlsafe_b64decode(seal(plain) + "=="))
    octets[data.draw(st.integers(0, len(octets) - 1))] ^= data.draw(st.integers(1, 255))

    assert RING.open(Purpose.LOGIN, urlsafe_b64encode(octets).rstrip(b"=")) is None


@given(plains, st.data())
def test_no_character_may_change(plain: bytes, data: st.DataObject) -> None:
    """Also not one that decodes to the same octets: a deny list would not know it."""
    text = seal(plain)
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters())
    assume(text[at] != other)

    assert RING.open(Purpose.LOGIN, text[:at] + other + text[at + 1 :]) is None


@given(plains, st.data())
def test_a_text_that_was_cut_does_not_open(plain: bytes, data: st.DataObject) -> None:
    text = seal(plain)
    begin = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(begin, len(text)))
    assume(end - begin < len(text))

    assert RING.open(Purpose.LOGIN, text[begin:end]) is None


@given(plains, plains, st.data())
def test_parts_of_two_texts_do_not_open(one: bytes, two: bytes, data: st.DataObject) -> None:
    first, second = seal(one), seal(two)
    mixed = (
        first[: data.draw(st.integers(1, len(first) - 1))]
        + second[data.draw(st.integers(1, len(second) - 1)) :]
    )
    assume(mixed not in {first, second})

    assert RING.open(Purpose.LOGIN, mixed) is None


@given(plains, st.text(max_size=3))
def test_nothing_may_be_added(plain: bytes, more: str) -> None:
    assume(more)
    text = seal(plain)

    assert RING.open(Purpose.LOGIN, text + more) is None
    assert RING.open(Purpose.LOGIN, more + text) is None


@given(st.text() | st.binary() | st.text(st.characters(categories=["Cs"])))
def test_anything_else_is_nothing(text: str | bytes) -> None:
    assert RING.open(Purpose.SESSION_COOKIE, text) is None


@pytest.mark.parametrize("text", ["A", "AAAA", "AQAAAAA", "AQ" + "A" * 60])
def test_a_text_with_no_room_for_its_parts_is_nothing(text: str) -> None:
    assert RING.open(Purpose.LOGIN, text) is None


def test_a_text_over_the_limit_is_not_opened() -> None:
    longest = MAX_TEXT * 3 // 4 - 33

    assert RING.open(Purpose.LOGIN, seal(bytes(longest))) == bytes(longest)
    assert RING.open(Purpose.LOGIN, seal(bytes(longest + 1))) is None


def test_an_earlier_key_opens_and_the_first_seals() -> None:
    before, during, after = KeyRing([FIRST]), KeyRing([SECOND, FIRST]), KeyRing([SECOND])
    old, new = before.seal(Purpose.LOGIN, PLAIN), during.seal(Purpose.LOGIN, PLAIN)

    assert during.open(Purpose.LOGIN, old) == PLAIN
    assert before.open(Purpose.LOGIN, new) is None
    assert after.open(Purpose.LOGIN, new) == PLAIN


def test_a_key_that_was_removed_opens_nothing_any_more() -> None:
    assert KeyRing([SECOND, THIRD]).open(Purpose.LOGIN, seal()) is None


def test_a_text_of_another_key_under_the_id_of_a_known_one_does_not_open() -> None:
    known = urlsafe_b64decode(seal() + "==")
    unknown = urlsafe_b64decode(KeyRing([THIRD]).seal(Purpose.LOGIN, PLAIN) + "==")
    text = urlsafe_b64encode(known[:5] + unknown[5:]).rstrip(b"=")

    assert len(text) == len(seal())
    assert RING.open(Purpose.LOGIN, text) is None


def test_the_same_text_is_sealed_differently_each_time() -> None:
    assert len({seal() for _ in range(100)}) == 100


def test_a_nonce_that_repeats_tells_nothing_of_texts_that_differ() -> None:
    """RFC 8452: with AES-GCM the two bodies would differ in exactly the bits of the texts."""
    ring = KeyRing([FIRST], random=bytes)
    one, two = (
        urlsafe_b64decode(ring.seal(Purpose.LOGIN, plain) + "==")[17:]
        for plain in (b"0" * 32, b"1" * 32)
    )

    assert bytes(a ^ b for a, b in zip(one, two, strict=True))[:32] != b"\x01" * 32
    assert ring.seal(Purpose.LOGIN, b"a") == ring.seal(Purpose.LOGIN, b"a")


def test_the_key_itself_seals_nothing() -> None:
    """Each purpose has a key of its own, which follows from that of the ring."""
    octets = urlsafe_b64decode(seal() + "==")
    with pytest.raises(InvalidTag):
        AESGCMSIV(FIRST).decrypt(octets[5:17], octets[17:], octets[:5])


@pytest.mark.parametrize("length", [0, 16, 31, 33, 64])
def test_a_key_of_another_length_is_an_error(length: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        KeyRing([FIRST, bytes(length)])


def test_a_ring_without_keys_is_an_error() -> None:
    with pytest.raises(ValueError, match="needs a key"):
        KeyRing([])


def test_a_ring_tells_none_of_its_keys() -> None:
    assert FIRST.hex() not in repr(vars(RING))
    assert repr(FIRST) not in repr(vars(RING))
