"""Scopes, from the claims that an issuer puts them into."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decision.policy import DEFAULT_SCOPES_FROM, ScopeSource
from gateway.decision.rules.scopes import compile_scopes
from gateway.decision.tokens.scopes import MalformedClaimError, list_texts, read_scopes

SCOPE, SCP = DEFAULT_SCOPES_FROM
ROLES = ScopeSource(("roles",))
NESTED = ScopeSource(("realm_access", "roles"), "role:")


@pytest.mark.parametrize(
    ("sources", "payload", "scopes"),
    [
        (DEFAULT_SCOPES_FROM, {"scope": "a b", "scp": ["b", "c"]}, ("a", "b", "c")),
        ((SCOPE, SCP), {"scope": " a  b ", "scp": None}, ("a", "b")),
        ((SCP,), {"scope": "a", "scp": "b"}, ("b",)),
        ((SCP,), {"scope": 5, "scp": "b"}, ("b",)),
        ((SCOPE, SCP, ROLES), {"scope": "a", "roles": ["b", "a", "c"]}, ("a", "b", "c")),
        ((ROLES, SCOPE), {"scope": "a", "roles": "b c"}, ("b", "c", "a")),
        ((ROLES,), {"roles": ["a b", "zoë", 'q"', "back\\", "", 5, None, ["c"], "d"]}, ("d",)),
        ((ROLES,), {"roles": "a zoë \t b"}, ("a", "b")),
        ((ROLES,), {"roles": {"a": True}}, ()),
        ((ROLES,), {"roles": 5}, ()),
        ((ROLES,), {}, ()),
        ((NESTED,), {"realm_access": {"roles": ["a", "b"]}}, ("role:a", "role:b")),
        ((NESTED,), {"realm_access": ["a"], "realm_access.roles": ["b"]}, ()),
        ((ScopeSource(("scope",), "x:"),), {"scope": "a  b"}, ("x:a", "x:b")),
    ],
)
def test_scopes_are_the_items_of_every_claim_in_order(
    sources: tuple[ScopeSource, ...], payload: dict[str, Any], scopes: tuple[str, ...]
) -> None:
    assert read_scopes(payload, sources) == scopes


@pytest.mark.parametrize("sources", [DEFAULT_SCOPES_FROM, (SCOPE, SCP, ROLES)])
@pytest.mark.parametrize("value", [5, True, {}, ["a b"], ["a", 5]])
@pytest.mark.parametrize("name", ["scope", "scp"])
def test_the_claims_for_scopes_have_nothing_else(
    sources: tuple[ScopeSource, ...], name: str, value: object
) -> None:
    with pytest.raises(MalformedClaimError, match=name):
        read_scopes({name: value}, sources)


@pytest.mark.parametrize("value", ["a", {"a": 1}, ["a", 1]])
def test_a_list_of_texts_has_nothing_else(value: object) -> None:
    with pytest.raises(MalformedClaimError, match="aud"):
        list_texts(value, "aud")


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(JSON)
def test_every_scope_from_another_claim_can_be_named_in_a_rule(value: object) -> None:
    for scope in read_scopes({"roles": value}, (ScopeSource(("roles",), "role:"),)):
        assert compile_scopes(scope).holds(frozenset({scope}))
        assert scope != "role:"
