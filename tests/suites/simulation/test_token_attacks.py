"""What a persona does to its token is refused, each for its own reason, on every kind of route."""

from pathlib import Path

import pytest

from gateway.decision.verdict import Deny
from gateway.suites.simulation.persona import Persona
from gateway.suites.simulation.token_attacks import ATTACKS
from gateway.suites.simulation.trial import Trial
from tests.suites.worlds import AT, ESTATE, get, load

REASONS = {
    "signature": "signature_invalid",
    "unknown_key": "key_unknown",
    "unsigned": "algorithm_not_allowed",
    "truncated": "token_malformed",
    "repeated": "token_repeated",
}


def test_every_attack_is_tested() -> None:
    assert set(REASONS) == set(ATTACKS)


@pytest.mark.parametrize("issuer", ["main", "partner", "ci"])
@pytest.mark.parametrize("attack", ATTACKS)
def test_no_attack_gets_through(attack: str, issuer: str, tmp_path: Path) -> None:
    text = ESTATE.replace("require: {}", "require: {optional: true}")
    trial = Trial(load(tmp_path, text), AT)

    verdict = trial.ask_as(Persona("p", issuer, attack=attack), get("/any")).verdict

    assert isinstance(verdict, Deny)
    assert verdict.reason.code == REASONS[attack]
