"""In a run, an issuer that introspects says that its own tokens are active, and no others."""

from pathlib import Path

import pytest

from gateway.decision.reason import Reason
from gateway.decision.token import SignedToken
from gateway.decision.verdict import Allow, Deny
from gateway.settings.load import Loaded, load_settings
from gateway.suites.simulation.answers import as_opaque, simulate_answers
from gateway.suites.simulation.minting import make_draft
from gateway.suites.simulation.persona import Persona
from gateway.suites.simulation.trial import Trial
from tests.settings.build.issuers.introspected import introspected
from tests.settings.configs import ENVIRON
from tests.suites.worlds import AT, get

ALICE = Persona("alice", "idp")


@pytest.fixture
def trial(tmp_path: Path) -> Trial:
    path = tmp_path / "gateway.yaml"
    path.write_text(introspected())
    loaded = load_settings(path, ENVIRON)
    assert isinstance(loaded, Loaded), loaded
    return Trial(loaded.settings, AT)


def reason(trial: Trial, persona: Persona) -> Reason | None:
    verdict = trial.ask_as(persona, get("/orders/7")).verdict
    if isinstance(verdict, Allow):
        return None
    assert isinstance(verdict, Deny)
    return verdict.reason


def test_a_persona_of_such_an_issuer_has_an_opaque_token(trial: Trial) -> None:
    (credential,) = trial.credentials_of(ALICE)

    assert credential.startswith(b"Bearer ")
    assert b"." not in credential
    assert reason(trial, ALICE) is None


@pytest.mark.parametrize(
    ("persona", "expected"),
    [
        (Persona("p", "idp", claims={"aud": "other"}), Reason.AUDIENCE_MISMATCH),
        (Persona("p", "idp", times={"exp": -60}), Reason.TOKEN_EXPIRED),
        (Persona("p", "idp", claims={"cnf": {"jkt": "x"}}), Reason.PROOF_INVALID),
        (Persona("p", "idp", without=frozenset({"iss"})), None),
        (Persona("p", "idp", without=frozenset({"exp"})), None),
    ],
)
def test_its_claims_are_the_answer(persona: Persona, expected: Reason | None, trial: Trial) -> None:
    assert reason(trial, persona) is expected


def test_a_token_that_its_issuer_did_not_make_is_not_active(trial: Trial) -> None:
    issuer = trial.settings.issuers["idp"].issuer
    draft = make_draft(ALICE, issuer, trial.keys, AT)
    find = simulate_answers(trial.keys.sets)
    policy = trial.settings.policy
    good = as_opaque(draft.sign())

    assert isinstance(find(good, issuer, policy, AT), SignedToken)
    for forged in (good[:-8] + b"AAAAAAAA", b"made-up", draft.sign()[:-8] + b"AAAAAAAA"):
        answer = find(forged, issuer, policy, AT)
        assert isinstance(answer, Deny)
        assert answer.reason is Reason.TOKEN_INACTIVE
