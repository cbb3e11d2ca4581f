"""Other kinds of JWT, as vendors make them, are told from access tokens."""

from typing import Any

import pytest

from gateway.decision.keys import KeySet
from gateway.decision.policy import ID_TOKEN_SIGNALS, Issuer, ScopeSource
from gateway.decision.reason import Reason
from gateway.decision.token import Claims, SignedToken
from gateway.decision.tokens.claims import check_claims, read_claims
from gateway.decision.tokens.kinds import find_other_kind
from tests.decision.policies import NOW, issuer

TIMES = {"iat": NOW, "exp": NOW + 300}
CLIENT = "client-of-the-user"
API = "the-api"
AUDIENCE = "audience"  # no sign of an ID token: only the audience tells it apart

# The name of a vendor, its ID token, and the sign by which it is refused.
ID_TOKENS: list[tuple[str, dict[str, Any], str]] = [
    ("Keycloak", {"aud": CLIENT, "azp": CLIENT, "typ": "ID", "sid": "s", "acr": "1"}, "typ"),
    ("Keycloak, as a browser asks", {"aud": CLIENT, "azp": CLIENT, "typ": "ID", "nonce": "n"},
     "nonce"),
    ("Keycloak, a refresh token", {"aud": "realm", "azp": CLIENT, "typ": "Refresh",
     "scope": "openid"}, "typ"),
    ("Keycloak, an offline token", {"aud": "realm", "typ": "Offline", "scope": "openid"}, "typ"),
    ("Keycloak, a logout token", {"aud": CLIENT, "typ": "Logout", "events": {}}, "events"),
    ("Auth0", {"aud": CLIENT, "sid": "s", "nickname": "ann"}, AUDIENCE),
    ("Auth0, as a browser asks", {"aud": CLIENT, "nonce": "n", "sid": "s"}, "nonce"),
    ("Entra v1", {"aud": CLIENT, "tid": "t", "oid": "o", "ver": "1.0", "amr": ["pwd"]}, AUDIENCE),
    ("Entra v2", {"aud": CLIENT, "tid": "t", "oid": "o", "ver": "2.0", "nonce": "n"}, "nonce"),
    ("Okta", {"aud": CLIENT, "at_hash": "h", "ver": 1, "amr": ["pwd"], "idp": "i"}, "at_hash"),
    ("Cognito", {"aud": CLIENT, "token_use": "id", "cognito:username": "ann"}, "token_use"),
    ("Cognito, as a browser asks", {"aud": CLIENT, "token_use": "id", "at_hash": "h"}, "at_hash"),
    ("Google, of a user", {"aud": CLIENT, "azp": CLIENT, "at_hash": "h", "hd": "a.example"},
     "at_hash"),
    ("Google, by gcloud", {"aud": CLIENT, "azp": CLIENT, "email": "ann@a.example"}, "azp"),
    ("Zitadel", {"aud": [CLIENT, "project"], "azp": CLIENT, "at_hash": "h", "amr": ["pwd"]},
     "at_hash"),
    ("authentik", {"aud": CLIENT, "azp": CLIENT, "acr": "goauthentik.io", "nonce": "n"}, "nonce"),
    ("authentik, without a nonce", {"aud": CLIENT, "azp": CLIENT, "uid": "u"}, "azp"),
    ("Dex", {"aud": CLIENT, "at_hash": "h", "c_hash": "c", "email": "ann@a.example"}, "at_hash"),
    ("Dex, by another client", {"aud": [CLIENT, "other"], "azp": CLIENT, "c_hash": "h"}, "c_hash"),
    ("Hydra", {"aud": [CLIENT], "at_hash": "h", "rat": NOW, "sid": "s"}, "at_hash"),
    ("Supabase, as an issuer", {"aud": CLIENT, "nonce": "n", "email": "ann@a.example"}, "nonce"),
]  # fmt: skip

# What people use as access tokens, and with which settings if the defaults refuse it.
ACCESS_TOKENS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("Keycloak", {"aud": [API, "account"], "azp": CLIENT, "typ": "Bearer", "scope": "openid"}, {}),
    ("Keycloak, a client's own", {"aud": API, "azp": API, "typ": "Bearer", "scope": "email"}, {}),
    ("Keycloak, without typ", {"aud": API, "azp": CLIENT}, {}),
    ("Auth0, of a user", {"aud": [API, "https://a.auth0.com/userinfo"], "azp": CLIENT,
     "scope": "openid"}, {}),
    ("Auth0, a machine's", {"aud": API, "azp": CLIENT, "gty": "client-credentials"}, {}),
    ("Entra v1, a daemon's", {"aud": API, "appid": API, "oid": "o", "tid": "t"}, {}),
    ("Entra v2, of a user", {"aud": API, "azp": CLIENT, "azpacr": "0", "scp": "read"}, {}),
    ("Entra v2, a daemon's", {"aud": API, "azp": CLIENT, "azpacr": "1", "oid": "o"}, {}),
    ("Entra v2, a daemon's for itself, with a role",
     {"aud": API, "azp": API, "azpacr": "1", "roles": ["Reader"]},
     {"scopes_from": (ScopeSource(("scp",)), ScopeSource(("roles",)))}),
    ("Okta", {"aud": API, "cid": CLIENT, "scp": ["read"]}, {}),
    ("Cognito", {"client_id": CLIENT, "token_use": "access", "scope": "read"},
     {"audiences": None}),
    ("Google, of a service account", {"aud": API, "azp": "1234", "email": "a@b.example"}, {}),
    ("Google IAP", {"aud": API, "azp": API, "email": "a@b.example"},
     {"id_token_signals": frozenset(ID_TOKEN_SIGNALS) - {"azp"}}),
    ("Zitadel", {"aud": [API, "project"], "jti": "V2_1", "client_id": CLIENT}, {}),
    ("authentik", {"aud": API, "azp": API, "nonce": "n", "scope": "openid", "uid": "u"},
     {"id_token_signals": frozenset(ID_TOKEN_SIGNALS) - {"nonce"}}),
    ("Dex", {"aud": API, "at_hash": "h", "nonce": "n"},
     {"id_token_signals": frozenset({"token_use", "typ", "azp"})}),
    ("Hydra", {"aud": [API], "client_id": CLIENT, "scp": ["read"], "ext": {}}, {}),
    ("Firebase", {"aud": API, "auth_time": NOW, "user_id": "u", "firebase": {}}, {}),
    ("Supabase", {"aud": API, "role": "authenticated", "session_id": "s", "aal": "aal1"}, {}),
    ("GitHub Actions", {"aud": API, "repository": "o/r", "event_name": "push", "jti": "j"}, {}),
    ("Kubernetes", {"aud": [API], "kubernetes.io": {"namespace": "n"}, "nbf": NOW}, {}),
    ("SPIFFE", {"aud": [API], "sub": "spiffe://a.example/w"}, {}),
]  # fmt: skip


def judged(payload: dict[str, Any], trusted: Issuer, typ: str | None = "jwt") -> str | None:
    """Return why *trusted* refuses the token, or None."""
    claims = read_claims({"sub": "u", **TIMES, **payload}, trusted, {})
    assert isinstance(claims, Claims)
    deny = check_claims(SignedToken(trusted, KeySet(()), "k", typ, claims, b"", b""), trusted, NOW)
    if deny is None:
        return None
    if deny.reason is Reason.AUDIENCE_MISMATCH:
        return AUDIENCE
    assert deny.reason is Reason.TOKEN_TYPE_MISMATCH
    return deny.detail.rpartition(": ")[2]


@pytest.mark.parametrize(
    ("payload", "sign"), [one[1:] for one in ID_TOKENS], ids=[one[0] for one in ID_TOKENS]
)
def test_an_id_token_of_each_vendor_is_refused(payload: dict[str, Any], sign: str) -> None:
    """8725.11"""
    assert judged(payload, issuer(audiences=frozenset({API}))) == sign


@pytest.mark.parametrize(
    ("payload", "sign"),
    [one[1:] for one in ID_TOKENS if one[2] != AUDIENCE],
    ids=[one[0] for one in ID_TOKENS if one[2] != AUDIENCE],
)
def test_it_is_refused_where_audiences_are_unchecked_too_unless_its_signs_are_turned_off(
    payload: dict[str, Any], sign: str
) -> None:
    """8725.11"""
    assert judged(payload, issuer(audiences=None)) == sign
    unsigned = issuer(audiences=None, id_token_signals=frozenset())
    assert judged(payload, unsigned) == ("events" if sign == "events" else None)


@pytest.mark.parametrize(
    ("payload", "settings"),
    [one[1:] for one in ACCESS_TOKENS],
    ids=[one[0] for one in ACCESS_TOKENS],
)
def test_what_people_use_as_an_access_token_passes(
    payload: dict[str, Any], settings: dict[str, Any]
) -> None:
    assert judged(payload, issuer(**{"audiences": frozenset({API}), **settings})) is None


@pytest.mark.parametrize(
    ("payload", "sign"),
    [
        ({"aud": API, "azp": API}, "azp"),
        ({"aud": [API], "azp": API}, "azp"),
        ({"aud": API, "client_id": API}, "azp"),
        ({"aud": API, "azp": API, "scope": ""}, "azp"),
        ({"aud": API, "azp": API, "scope": "read"}, None),
        ({"aud": [API, "other"], "azp": API}, None),
        ({"aud": API, "azp": CLIENT}, None),
        ({"aud": API, "azp": None}, None),
        ({"aud": API, "azp": [API]}, None),
        ({"aud": API}, None),
        ({"aud": API, "typ": ["ID"]}, None),
        ({"aud": API, "typ": "Bearer"}, None),
        ({"aud": API, "token_use": "access"}, None),
    ],
)
def test_a_token_for_its_own_client_without_scopes_is_an_id_token(
    payload: dict[str, Any], sign: str | None
) -> None:
    assert judged(payload, issuer(audiences=frozenset({API}))) == sign


@pytest.mark.parametrize("payload", [one[1] for one in ID_TOKENS if one[2] != AUDIENCE])
def test_the_type_of_an_access_token_has_the_last_word(payload: dict[str, Any]) -> None:
    """9068.1"""
    assert judged(payload, issuer(audiences=None), "at+jwt") is None


@pytest.mark.parametrize("name", ["events", "token_introspection"])
def test_events_and_introspection_are_never_access_tokens(name: str) -> None:
    trusted = issuer(id_token_signals=frozenset())

    assert find_other_kind({name: {}}, trusted, frozenset(), ("read",)) == name
