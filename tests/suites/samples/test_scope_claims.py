"""Scopes, where an issuer's tokens have them."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decision.policy import DEFAULT_SCOPES_FROM, ScopeSource
from gateway.decision.tokens.scopes import read_scopes
from gateway.suites.samples.scope_claims import Sources, with_scopes, without_scopes

ROLES = ScopeSource(("realm", "roles"), "role:")
BASE = {"sub": "alice"}


@pytest.mark.parametrize(
    ("sources", "tested", "claims"),
    [
        (DEFAULT_SCOPES_FROM, [], {"scope": "read role:a"}),
        (DEFAULT_SCOPES_FROM, [("scope",)], {"scp": "read role:a"}),
        (DEFAULT_SCOPES_FROM, [("scope",), ("scp",)], {"scope": "read role:a"}),
        ((ROLES,), [], {"realm": {"roles": ["a"]}}),
        ((ROLES, ScopeSource(("scp",))), [], {"scp": "read", "realm": {"roles": ["a"]}}),
        ((ScopeSource(("roles",)),), [], {"roles": ["read", "role:a"]}),
    ],
)
def test_each_scope_is_in_the_first_claim_that_can_have_it(
    sources: Sources, tested: list[tuple[str, ...]], claims: Mapping[str, object]
) -> None:
    assert with_scopes(BASE, sources, ["read", "role:a"], tested) == {**BASE, **claims}


def test_all_claims_with_scopes_are_taken_away() -> None:
    claims = {**BASE, "scope": "a", "scp": ["b"], "realm": {"roles": ["c"], "x": 1}}

    assert without_scopes(claims, (*DEFAULT_SCOPES_FROM, ROLES)) == {**BASE, "realm": {"x": 1}}


SOURCES = st.lists(
    st.builds(
        ScopeSource,
        st.sampled_from([("scope",), ("scp",), ("roles",), ("realm", "roles")]),
        st.sampled_from(["", "a", "role:"]),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda source: source.path,
).map(tuple)


@given(SOURCES, st.sets(st.sampled_from(["a", "ab", "read", "role:", "role:a"])))
def test_the_token_has_these_scopes_and_no_others(sources: Sources, scopes: set[str]) -> None:
    """All of them if a claim without a prefix can have them."""
    found = set(read_scopes(with_scopes(BASE, sources, sorted(scopes)), sources))

    assert found <= scopes
    if any(not source.prefix for source in sources):
        assert found == scopes
