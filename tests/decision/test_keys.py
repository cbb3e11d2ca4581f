"""Keys: which of them could have signed, and none of them shows itself."""

import pytest

from gateway.decision.algorithms import fitting_algorithms
from gateway.decision.keys import Key, KeySet
from tests.tokens import make_key


def key(kid: str | None, *algorithms: str) -> Key:
    return Key(kid, frozenset(algorithms), b"secret material")


A, B, C = key("a", "ES256"), key("b", "ES256", "RS256"), key("c", "RS256")
A_RSA = key("a", "RS256")
UNNAMED = key(None, "ES256")


@pytest.mark.parametrize(
    ("keys", "kid", "algorithm", "candidates"),
    [
        ((A, B, C), "a", "ES256", (A,)),
        ((A, B, C), "b", "RS256", (B,)),
        ((A, B, C), "a", "RS256", ()),
        ((A, B, C), "d", "ES256", ()),
        ((A, B, C), None, "ES256", (A, B)),
        ((A, B, C), None, "PS256", ()),
        ((A, A_RSA), "a", "RS256", (A_RSA,)),
        ((A, A_RSA), "a", "ES256", (A,)),
        ((A, UNNAMED), "a", "ES256", (A,)),
        ((A, UNNAMED), "x", "ES256", ()),
        ((A, UNNAMED), None, "ES256", (A, UNNAMED)),
        ((UNNAMED,), "x", "ES256", (UNNAMED,)),
        ((UNNAMED,), None, "ES256", (UNNAMED,)),
        ((UNNAMED,), "x", "RS256", ()),
        ((), None, "ES256", ()),
        ((), "a", "ES256", ()),
    ],
)
def test_a_key_could_have_signed_by_its_kind_and_its_name(
    keys: tuple[Key, ...], kid: str | None, algorithm: str, candidates: tuple[Key, ...]
) -> None:
    """7517.4, 8725.2: where names exist, the token's must be one of them."""
    assert KeySet(keys).candidates(kid, algorithm) == candidates


def test_key_sets_are_compared_by_identity() -> None:
    """What was verified with one is not taken as verified with another of the same keys."""
    _, one = make_key("ES256")

    assert one == one  # noqa: PLR0124
    assert one != KeySet(one.keys)
    assert len({one, KeySet(one.keys)}) == 2


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "ES512", "EdDSA", "HS256"])
def test_a_key_fits_the_algorithms_of_its_material_whatever_its_description_says(
    algorithm: str,
) -> None:
    """8725.2, CVE-2016-10555, CVE-2022-29217."""
    _, keys = make_key(algorithm)
    (good,) = keys.keys
    careless = Key("k", frozenset({"none", "HS256", "RS256"}), good.material)

    assert careless.fitting == good.fitting == fitting_algorithms(good.material)
    assert algorithm in careless.fitting
    assert Key("k", frozenset({"HS256"}), "text").fitting == frozenset()


def test_no_key_shows_its_material() -> None:
    assert "secret" not in repr(KeySet((A, UNNAMED)))
