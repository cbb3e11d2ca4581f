"""What a client is granted of what it wishes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.issuer.clients import Client
from gateway.issuer.personas import PERSONAS, Persona
from gateway.issuer.requests.granting import (
    IDENTITY_SCOPES,
    find_unknown_scopes,
    grant_by_person,
    grant_to_client,
    narrow,
    supported_scopes,
)
from gateway.issuer.requests.parameters import OAuthError
from gateway.issuer.requests.wishes import DEFAULT_LIFETIME_SECONDS, Wishes
from gateway.issuer.tokens.grant import Authentication, Grant

ALICE = PERSONAS["alice"]
MACHINE = Client("machine", "A machine", frozenset(), persona=ALICE)
WEB = Client("web", "The web", frozenset())
NOTHING = Wishes(None, (), None)
LOGIN = Authentication(1_000, "urn:development:one-factor", "sid-1")

scopes = st.lists(st.sampled_from([*supported_scopes(), "root"]), unique=True).map(tuple)
wishes = st.builds(
    Wishes,
    st.none() | scopes,
    st.lists(st.sampled_from(["a", "b"]), unique=True).map(tuple),
    st.none() | st.integers(1, 100),
)


def test_a_machine_that_wishes_nothing_gets_all_that_it_may_have() -> None:
    grant = grant_to_client(MACHINE, NOTHING, "demo-api")

    assert grant == Grant("machine", ALICE, ("demo-api",), ALICE.scopes, DEFAULT_LIFETIME_SECONDS)


def test_a_machine_gets_what_it_wishes_or_nothing() -> None:
    granted = grant_to_client(MACHINE, Wishes(("orders:read",), ("x",), 60), "demo-api")
    refused = grant_to_client(MACHINE, Wishes(("orders:read", "openid"), (), None), "demo-api")

    assert granted == Grant("machine", ALICE, ("x",), ("orders:read",), 60)
    assert isinstance(refused, OAuthError)
    assert refused.code == "invalid_scope"


def test_a_client_without_scopes_of_its_own_gets_nothing_by_itself() -> None:
    refused = grant_to_client(WEB, NOTHING, "demo-api")

    assert isinstance(refused, OAuthError)
    assert refused.code == "unauthorized_client"


@given(wishes, st.sampled_from(list(PERSONAS.values())))
def test_nobody_grants_what_they_do_not_have_or_what_was_not_asked(
    wish: Wishes, persona: Persona
) -> None:
    grant = grant_by_person(WEB, persona, LOGIN, wish, "demo-api")

    assert set(grant.scopes) <= {*IDENTITY_SCOPES, *persona.scopes}
    assert wish.scopes is None or set(grant.scopes) <= set(wish.scopes)
    assert grant.audiences
    assert grant.authentication is LOGIN


@given(wishes, wishes)
def test_a_later_request_never_gets_more(first: Wishes, later: Wishes) -> None:
    """RFC 6749 §6, RFC 8707 §2.2."""
    grant = grant_by_person(WEB, ALICE, LOGIN, first, "demo-api")

    narrowed = narrow(grant, later)

    if isinstance(narrowed, OAuthError):
        assert narrowed.code in ("invalid_scope", "invalid_target")
    else:
        assert set(narrowed.scopes) <= set(grant.scopes)
        assert set(narrowed.audiences) <= set(grant.audiences)
        assert (narrowed.persona, narrowed.authentication) == (ALICE, LOGIN)


@pytest.mark.parametrize(
    ("asked", "known"), [(None, True), (("openid", "orders:admin"), True), (("root",), False)]
)
def test_a_scope_that_nobody_can_have_is_an_error(
    asked: tuple[str, ...] | None, known: bool
) -> None:
    assert (find_unknown_scopes(Wishes(asked, (), None)) is None) is known
