"""Each step of a decision leads to the line of the configuration that asks for it."""

from pathlib import Path

import pytest

from gateway.suites.simulation.persona import Persona
from gateway.suites.simulation.step_places import place_of_step
from gateway.suites.simulation.trial import Trial
from tests.suites.worlds import AT, get, load_all

ALICE = Persona("alice", "main", {"scope": "orders:read", "tenant": "acme"})


def lines(directory: Path, persona: Persona, path: str) -> dict[str, str]:
    """Return by check the text of the line that asks for it."""
    loaded = load_all(directory)
    text = (directory / "gateway.yaml").read_text().splitlines()
    explanation = Trial(loaded.settings, AT).ask_as(persona, get(path))
    places = {step.check.value: place_of_step(step, loaded.places) for step in explanation.steps}
    return {
        check: text[place.line - 1][place.column - 1 :]
        for check, place in places.items()
        if place is not None
    }


def test_a_request_that_passes_leads_to_all_that_was_asked_for(tmp_path: Path) -> None:
    found = lines(tmp_path, ALICE, "/tenants/acme/orders/7")

    starts = {check: line.partition(":")[0] for check, line in found.items()}
    assert starts == {
        "route": "match",
        "credential": "require",
        "issuer": "issuer",
        "key": "main",
        "algorithm": "main",
        "accepted issuer": "issuers",
        "kind of token": "profile",
        "times": "main",
        "audience": "audiences",
        "revocation": "blocked",
        "scopes": "scopes",
        "claim rules": "tenant",
    }


@pytest.mark.parametrize(
    ("persona", "check", "line"),
    [
        (Persona("p", "main", algorithm="RS512"), "algorithm", "main:"),
        (Persona("p", "partner", algorithm="RS512"), "algorithm", "partner:"),
        (Persona("p", "main", times={"exp": -60}), "times", "main:"),
        (Persona("p", "main", times={"auth_time": -400}), "authentication", "max_age: 5m"),
    ],
)
def test_a_step_that_failed_leads_to_what_it_failed(
    persona: Persona, check: str, line: str, tmp_path: Path
) -> None:
    assert lines(tmp_path, persona, "/fresh")[check].startswith(line)


def test_what_nobody_asks_for_has_no_place(tmp_path: Path) -> None:
    assert lines(tmp_path, ALICE, "/nowhere") == {}
    assert "path" not in lines(tmp_path, ALICE, "/any")
    assert "issuer" not in lines(tmp_path, Persona("p", "main", {"iss": "x"}), "/any")
