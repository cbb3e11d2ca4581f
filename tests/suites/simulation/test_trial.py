from dataclasses import replace
from pathlib import Path

import pytest

from gateway.decision.reason import Reason
from gateway.decision.verdict import Allow, Deny
from gateway.settings.values.configuration import Settings
from gateway.suites.simulation.persona import Persona
from gateway.suites.simulation.request import parse_request
from gateway.suites.simulation.sandbox import Sent
from gateway.suites.simulation.trial import Trial
from tests.suites.worlds import AT, get, load

ALICE = Persona("alice", "main", claims={"scope": "orders:read", "tenant": "acme"})
ORDER = get("/tenants/acme/orders/7")


@pytest.fixture(name="settings")
def make_settings(tmp_path: Path) -> Settings:
    return load(tmp_path)


def reason(trial: Trial, persona: Persona, path: str = "/tenants/acme/orders/7") -> str:
    """Return what a gateway answers; with and without an explanation, it is the same."""
    verdict = trial.ask_as(persona, get(path)).verdict
    decided = trial.decide_as(persona, get(path))
    if isinstance(verdict, Allow):
        assert isinstance(decided, Sent)
        assert decided.allow.route is verdict.route
        return "allow"
    assert isinstance(verdict, Deny)
    assert isinstance(decided, Deny)
    assert (decided.reason, decided.detail) == (verdict.reason, verdict.detail)
    return verdict.reason.code


def test_a_token_of_an_issuer_is_signed_and_holds(settings: Settings) -> None:
    explanation = Trial(settings, AT).ask_as(ALICE, ORDER)

    assert isinstance(explanation.verdict, Allow)
    assert explanation.token is not None
    assert explanation.token.claims.all == {
        "iss": "https://login.example/",
        "sub": "alice",
        "aud": "orders",
        "client_id": "alice-client",
        "iat": 1_780_000_000,
        "exp": 1_780_000_300,
        "jti": "alice-token",
        "scope": "orders:read",
        "tenant": "acme",
    }


@pytest.mark.parametrize("issuer", ["main", "partner", "ci"])
def test_every_kind_of_issuer_has_keys_and_gives_its_own_tokens(
    issuer: str, settings: Settings
) -> None:
    assert reason(Trial(settings, AT), Persona("p", issuer), "/any") == "allow"


@pytest.mark.parametrize(
    ("persona", "expected"),
    [
        (Persona("p"), "token_missing"),
        (Persona("p", "partner"), "issuer_not_accepted"),
        (Persona("p", "main", {"scope": "orders:admin", "tenant": "acme"}), "allow"),
        (Persona("p", "main", {"scope": "orders:read", "tenant": "other"}), "claim_rule_failed"),
        (Persona("p", "main", times={"exp": -30}), "token_expired"),
        (Persona("p", "main", times={"nbf": 31}), "token_not_yet_valid"),
        (Persona("p", "main", without=frozenset({"jti"})), "claim_missing"),
        (Persona("p", "main", header={"typ": "JWT"}), "token_type_mismatch"),
        (Persona("p", "main", algorithm="RS384"), "algorithm_not_allowed"),
        (Persona("p", "main", claims={"iss": "https://elsewhere.example"}), "issuer_unknown"),
        (Persona("p", "main", claims={"iss": "https://partner.example"}), "key_unknown"),
        (Persona("p", "main", claims={"aud": "shop"}), "audience_mismatch"),
        (Persona("p", "main"), "scope_missing"),
        (Persona("p", "main", attack="signature"), "signature_invalid"),
        (Persona("p", "main", attack="unknown_key"), "key_unknown"),
        (Persona("p", "main", attack="unsigned"), "algorithm_not_allowed"),
        (Persona("p", "main", attack="truncated"), "token_malformed"),
        (Persona("p", "main", attack="repeated"), "token_repeated"),
    ],
)
def test_a_persona_gets_what_its_token_deserves(
    persona: Persona, expected: str, settings: Settings
) -> None:
    assert reason(Trial(settings, AT), persona) == expected


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_a_token_is_signed_by_the_algorithm_that_is_asked_for(
    algorithm: str, settings: Settings
) -> None:
    persona = Persona("p", "main", algorithm=algorithm)

    explanation = Trial(settings, AT).ask_as(persona, get("/any"))

    assert isinstance(explanation.verdict, Allow)
    assert explanation.token is not None
    assert explanation.token.kid == f"main-{algorithm}"


def test_who_is_on_a_revocation_list_is_refused_and_nobody_else(settings: Settings) -> None:
    """The list is there, though nothing is fetched: without it everybody would be refused."""
    gone = Persona("gone", "main", revoked=("blocked",))
    trial = Trial(settings, AT, [gone, ALICE, Persona("nobody")])

    assert reason(trial, gone, "/any") == "token_revoked"
    assert reason(trial, ALICE, "/any") == "allow"


def test_times_are_seen_from_the_frozen_clock(settings: Settings) -> None:
    fresh = Persona("p", "main", times={"auth_time": -300})
    old = Persona("q", "main", times={"auth_time": -301})
    trial = Trial(settings, AT)

    assert reason(trial, fresh, "/fresh") == "allow"
    assert reason(trial, old, "/fresh") == "authentication_too_old"


def test_a_credential_of_the_request_itself_is_sent_too(settings: Settings) -> None:
    headers = [("authorization", "Basic YTpi")]
    request = parse_request("GET", "https://api.example.com/any", headers)
    trial = Trial(settings, AT)

    alone, beside = trial.ask_as(Persona("p"), request), trial.ask_as(ALICE, request)

    assert isinstance(alone.verdict, Deny)
    assert alone.verdict.reason is Reason.TOKEN_MISSING
    assert isinstance(beside.verdict, Deny)
    assert beside.verdict.reason is Reason.TOKEN_REPEATED


def test_keys_of_one_run_are_worth_nothing_in_the_next(settings: Settings) -> None:
    (credential,) = Trial(settings, AT).credentials_of(ALICE)
    other = Trial(settings, AT)
    other.credentials_of(ALICE)
    request = replace(ORDER, headers=(("Authorization", credential.decode()),))

    verdict = other.ask_as(Persona("p"), request).verdict

    assert isinstance(verdict, Deny)
    assert verdict.reason is Reason.SIGNATURE_INVALID
