"""Sent keys verify what they verified before, and show no secret."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decision.keys import KeySet
from gateway.decision.token import CompactToken
from gateway.decision.tokens.signature import verify_signature
from gateway.keyring.public_key import key_octets
from gateway.supervisor.portable_keys import pack_keys, unpack_keys
from tests.tokens import ALGORITHMS, as_key, make_key, make_private, sign_octets

KINDS = (
    "RSA", "ES256", "ES384", "ES512", "Ed25519", "Ed448", "ML-DSA-44", "ML-DSA-65", "ML-DSA-87",
    "HMAC",
)  # fmt: skip


def carry(keys: KeySet) -> KeySet:
    """Return *keys* as another process has them."""
    return unpack_keys(pickle.loads(pickle.dumps(pack_keys(keys))))


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_of_each_kind_comes_over_with_its_name_and_algorithms(kind: str) -> None:
    key = as_key(make_private(kind), "k1")

    (carried,) = carry(KeySet((key,))).keys

    assert (carried.kid, carried.algorithms) == ("k1", key.algorithms)
    assert carried.fitting == key.fitting
    assert key_octets(carried.material) == key_octets(key.material)


def test_a_key_without_a_name_and_the_order_of_keys_come_over() -> None:
    named = (("RSA", None), ("ES256", "b"), ("ES256", "a"), ("Ed25519", None))
    keys = KeySet(tuple(as_key(make_private(kind), kid) for kind, kid in named))

    carried = carry(keys)

    assert [key.kid for key in carried.keys] == [None, "b", "a", None]


def test_an_empty_set_comes_over() -> None:
    assert carry(KeySet(())).keys == ()


def test_a_secret_that_looks_like_a_public_key_stays_a_secret() -> None:
    octets = key_octets(make_private("RSA").public_key())

    (carried,) = carry(KeySet((as_key(octets),))).keys

    assert carried.material == octets
    assert carried.fitting == {"HS256", "HS384", "HS512"}


@pytest.mark.parametrize("algorithm", ["HS256", "ES256"])
def test_no_octets_of_a_key_are_in_what_a_log_would_show(algorithm: str) -> None:
    _, keys = make_key(algorithm)
    shown = repr(pack_keys(keys))

    octets = key_octets(keys.keys[0].material)
    assert repr(octets)[2:-1] not in shown
    assert "octets" not in shown
    assert "k1" in shown


def test_the_same_keys_are_packed_alike_and_others_are_not() -> None:
    first, second = make_key("ES256")[1], make_key("ES256", which=1)[1]

    assert pack_keys(first) == pack_keys(carry(first)) != pack_keys(second)


SETS = st.lists(
    st.tuples(st.sampled_from(ALGORITHMS), st.integers(0, 1), st.sampled_from(["a", "b", None])),
    max_size=4,
)


@given(
    SETS,
    st.sampled_from(ALGORITHMS),
    st.integers(0, 1),
    st.sampled_from(["a", "b", None]),
    st.booleans(),
)
def test_a_token_is_judged_by_keys_that_were_carried_over_as_by_those_themselves(
    held: list[tuple[str, int, str | None]],
    algorithm: str,
    which: int,
    kid: str | None,
    is_broken: bool,
) -> None:
    keys = KeySet(tuple(make_key(name, kid, number)[1].keys[0] for name, number, kid in held))
    token = token_of(algorithm, which, kid, is_broken)

    assert verify_signature(token, carry(keys)) == verify_signature(token, keys)


def token_of(algorithm: str, which: int, kid: str | None, is_broken: bool) -> CompactToken:
    private, _ = make_key(algorithm, kid, which)
    signing_input = b"a header.a payload"
    signature = sign_octets(private, algorithm, signing_input)
    if is_broken:
        signature = bytes([signature[0] ^ 1]) + signature[1:]
    return CompactToken({}, algorithm, kid, None, b"a payload", signing_input, signature)
