"""A request is explained with the keys and lists that apply to its caller."""

import json
from pathlib import Path

import pytest
from jwt.algorithms import ECAlgorithm

from gateway.cli.explain.answer import Answer, explain_claims, explain_persona, explain_token
from gateway.cli.explain.caller import persona_of_claims
from gateway.decision.verdict import Allow, Deny
from gateway.http.rehearsal import Rehearsal
from gateway.settings.load import Loaded, load_settings
from gateway.suites.simulation.persona import Persona
from gateway.suites.simulation.request import parse_request
from tests.cli.explained import ISSUER, ORDER, SECRET, make_token, write_world
from tests.cli.peers import closed_port, http_peer
from tests.suites.samples.test_second_tokens import TWO
from tests.tokens import make_private

AT = 1_780_000_000.0
ASKED = parse_request("GET", ORDER)
PUBLIC = parse_request("GET", "https://api.example/healthz")
TOKEN = make_token(exp=int(AT) + 60)
JWK = ECAlgorithm.to_jwk(make_private("ES256").public_key(), as_dict=True)
KEYS = json.dumps({"keys": [{**JWK, "kid": "k1", "alg": "ES256"}]}).encode()
FAR = "file: blocked.json"


def rehearsal(directory: Path, keys: str = "jwks_file: keys.json", lists: str = FAR) -> Rehearsal:
    path = write_world(directory, keys, {FAR: lists})
    loaded = load_settings(path, {"CI_SECRET": SECRET})
    assert isinstance(loaded, Loaded), loaded
    return Rehearsal(loaded.settings)


def reason(answer: Answer) -> str:
    verdict = answer.explanation.verdict
    if isinstance(verdict, Allow):
        return "allow"
    assert isinstance(verdict, Deny)
    return verdict.reason.code


@pytest.mark.parametrize(
    ("persona", "expected"),
    [
        (Persona("p"), "token_missing"),
        (Persona("p", "main", {"scope": "orders:read", "tenant": "acme"}), "allow"),
        (Persona("p", "main", {"tenant": "acme"}), "scope_missing"),
        (Persona("p", "main", revoked=("blocked",)), "token_revoked"),
        # A persona is on the lists that it is said to be on, and on no other.
        (
            Persona("p", "main", {"sub": "mallory", "scope": "orders:read", "tenant": "acme"}),
            "allow",
        ),
    ],
)
def test_a_persona_is_held_against_keys_and_lists_of_its_own(
    persona: Persona, expected: str, tmp_path: Path
) -> None:
    answer = explain_persona(rehearsal(tmp_path), ASKED, AT, persona)

    assert (reason(answer), answer.missing) == (expected, ())
    assert bool(answer.notes) is (persona.issuer is not None)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [({}, "allow"), ({"jti": "gone"}, "token_revoked"), ({"exp": int(AT) - 10}, "token_expired")],
)
def test_claims_are_held_against_the_lists_in_files(
    changes: dict[str, object], expected: str, tmp_path: Path
) -> None:
    stage = rehearsal(tmp_path)
    claims = {"iss": ISSUER, "scope": "orders:read", "tenant": "acme", **changes}

    answer = explain_claims(stage, ASKED, AT, persona_of_claims(claims, stage.settings.issuers))

    assert reason(answer) == expected


def test_for_claims_no_url_is_asked(tmp_path: Path) -> None:
    nowhere = f"url: http://127.0.0.1:{closed_port()}/list"
    stage = rehearsal(tmp_path, f"jwks_url: http://127.0.0.1:{closed_port()}/jwks", nowhere)
    claims = {"iss": ISSUER, "scope": "orders:read", "tenant": "acme"}

    answer = explain_claims(stage, ASKED, AT, persona_of_claims(claims, stage.settings.issuers))

    assert (reason(answer), answer.missing) == ("allow", ())
    assert answer.notes[1:] == ("the revocation list blocked is behind a URL: not fetched",)


def test_a_list_that_cannot_be_read_is_missing(tmp_path: Path) -> None:
    stage = rehearsal(tmp_path)
    (tmp_path / "blocked.json").write_text("[]")
    claims = {"iss": ISSUER, "scope": "orders:read", "tenant": "acme"}

    answers = [
        explain_claims(stage, ASKED, AT, persona_of_claims(claims, stage.settings.issuers)),
        explain_token(stage, ASKED, AT, TOKEN, is_online=True),
    ]

    for answer in answers:
        assert answer.missing == (
            f"revocation list blocked: {tmp_path / 'blocked.json'}: not a JSON object",
        )


@pytest.mark.parametrize("is_online", [True, False])
def test_a_token_is_held_against_what_lies_on_this_machine(is_online: bool, tmp_path: Path) -> None:
    answer = explain_token(rehearsal(tmp_path), ASKED, AT, TOKEN, is_online=is_online)

    assert (reason(answer), answer.missing, answer.notes) == ("allow", (), ())


def test_a_token_is_held_against_what_is_fetched(tmp_path: Path) -> None:
    with http_peer(KEYS) as keys, http_peer(b'{"revoked": [{"jti": "token-1"}]}') as lists:
        stage = rehearsal(tmp_path, f"jwks_url: {keys}/jwks", f"url: {lists}/list")

        answer = explain_token(stage, ASKED, AT, TOKEN, is_online=True)

    assert (reason(answer), answer.missing, answer.notes) == ("token_revoked", (), ())


def test_offline_a_list_behind_a_url_revokes_nobody_and_is_named(tmp_path: Path) -> None:
    stage = rehearsal(tmp_path, lists=f"url: http://127.0.0.1:{closed_port()}/list")

    answer = explain_token(stage, ASKED, AT, TOKEN, is_online=False)

    assert (reason(answer), answer.missing) == ("allow", ())
    assert answer.notes == ("the revocation list blocked is behind a URL: not fetched",)


@pytest.mark.parametrize(("is_online", "why"), [(True, "cannot connect"), (False, "--offline")])
def test_keys_that_cannot_be_had_are_missing(is_online: bool, why: str, tmp_path: Path) -> None:
    stage = rehearsal(tmp_path, f"jwks_url: http://127.0.0.1:{closed_port()}/jwks")

    answer = explain_token(stage, ASKED, AT, TOKEN, is_online=is_online)

    assert reason(answer) == "keys_unavailable"
    (missing,) = answer.missing
    assert missing.startswith("keys of issuer main: ")
    assert why in missing


def test_keys_in_a_file_that_is_gone_are_missing(tmp_path: Path) -> None:
    stage = rehearsal(tmp_path)
    (tmp_path / "keys.json").unlink()

    answer = explain_token(stage, ASKED, AT, TOKEN, is_online=True)

    assert reason(answer) == "keys_unavailable"
    assert "No such file" in answer.missing[0]


def test_nothing_is_fetched_where_it_does_not_decide(tmp_path: Path) -> None:
    stage = rehearsal(tmp_path, f"jwks_url: http://127.0.0.1:{closed_port()}/jwks")

    answers = [
        explain_token(stage, PUBLIC, AT, TOKEN, is_online=True),
        explain_token(stage, ASKED, AT, None, is_online=True),
        explain_token(stage, ASKED, AT, make_token(iss="https://a.example"), is_online=True),
    ]

    assert [reason(answer) for answer in answers] == ["allow", "token_missing", "issuer_unknown"]
    assert [answer.missing for answer in answers] == [(), (), ()]


def test_a_key_that_a_fresh_set_lacks_is_unknown(tmp_path: Path) -> None:
    stage = rehearsal(tmp_path)
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [{**JWK, "kid": "k2"}]}))

    answer = explain_token(stage, ASKED, AT, TOKEN, is_online=True)

    assert (reason(answer), answer.missing) == ("key_unknown", ())


def test_a_persona_brings_the_second_token_that_a_route_requires(tmp_path: Path) -> None:
    """As far as can be: what is explained is the persona's own token."""
    path = tmp_path / "gateway.yaml"
    path.write_text(TWO)
    loaded = load_settings(path, {})
    assert isinstance(loaded, Loaded)
    asked = parse_request("GET", "https://some.example/t/acme")

    good = Persona("p", "main", {"scope": "read"})
    answer = explain_persona(Rehearsal(loaded.settings), asked, AT, good)
    weak = explain_persona(Rehearsal(loaded.settings), asked, AT, Persona("p", "main"))

    assert (reason(answer), reason(weak)) == ("allow", "scope_missing")
    assert len(answer.notes) == 2
    steps = [step.expected for step in answer.explanation.steps]
    assert "X-Workload-Token: mesh:call" in steps
