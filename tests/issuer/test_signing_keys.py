"""Keys, their public halves, and how long they are published."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey, RSAKey

from gateway.issuer.signing_keys import (
    MAX_RETIRED_KEYS,
    KeyRing,
    SigningAlgorithm,
    make_signing_key,
)

NOW_SECONDS = 1_000.0
KEYS = [make_signing_key(SigningAlgorithm.ES256) for _ in range(MAX_RETIRED_KEYS + 3)]


@pytest.mark.parametrize(
    ("algorithm", "jwk_class"), [(SigningAlgorithm.ES256, ECKey), (SigningAlgorithm.RS256, RSAKey)]
)
def test_a_key_is_named_by_its_rfc_7638_thumbprint(
    algorithm: SigningAlgorithm, jwk_class: type[ECKey] | type[RSAKey]
) -> None:
    key = make_signing_key(algorithm)

    assert jwk_class.import_key(dict(key.public_jwk)).thumbprint() == key.kid


@pytest.mark.parametrize("algorithm", list(SigningAlgorithm))
def test_a_published_key_has_no_private_member(algorithm: SigningAlgorithm) -> None:
    key = make_signing_key(algorithm)

    assert set(key.public_jwk).isdisjoint({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
    assert key.public_jwk["use"] == "sig"
    assert key.public_jwk["alg"] == algorithm.value


def test_after_a_rotation_the_new_key_leads_and_the_old_one_stays() -> None:
    ring = KeyRing(KEYS[0]).rotate(KEYS[1], NOW_SECONDS, grace_seconds=60)

    assert ring.current is KEYS[1]
    assert _kids(ring, NOW_SECONDS) == [KEYS[1].kid, KEYS[0].kid]


@pytest.mark.parametrize(("age_seconds", "published"), [(59.9, True), (60, False), (61, False)])
def test_a_retired_key_is_published_until_its_grace_is_over(
    age_seconds: float, published: bool
) -> None:
    ring = KeyRing(KEYS[0]).rotate(KEYS[1], NOW_SECONDS, grace_seconds=60)

    assert (KEYS[0].kid in _kids(ring, NOW_SECONDS + age_seconds)) is published


@given(
    st.lists(st.integers(0, 100), max_size=len(KEYS) - 1),
    st.integers(1, 300),
)
def test_any_rotations_leave_the_newest_key_first_and_few_keys(
    steps: list[int], grace_seconds: int
) -> None:
    ring, now = KeyRing(KEYS[0]), NOW_SECONDS
    for key, step_seconds in zip(KEYS[1:], steps, strict=False):
        now += step_seconds
        ring = ring.rotate(key, now, grace_seconds)

    kids = _kids(ring, now)
    assert kids[0] == KEYS[len(steps)].kid
    assert len(kids) == len(set(kids)) <= MAX_RETIRED_KEYS + 1


def test_a_private_key_does_not_show_in_a_repr() -> None:
    assert "private_key" not in repr(KEYS[0])


def _kids(ring: KeyRing, now: float) -> list[str]:
    return [jwk["kid"] for jwk in ring.published_jwks(now)["keys"]]
