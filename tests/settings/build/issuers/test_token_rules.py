"""What an issuer's tokens must be, from its spelling in a file."""

from pathlib import Path

import pytest

from gateway.decision.policy import DEFAULT_SCOPES_FROM, ID_TOKEN_SIGNALS, Issuer, ScopeSource
from gateway.settings.text.fault import Code
from tests.lints.warned import warnings
from tests.settings.configs import assert_found, faults, load, one_issuer

MAIN = "issuer: https://a.example, discovery: true, audiences: [orders]"


def built(directory: Path, more: str) -> Issuer:
    return load(directory, one_issuer(f"{{{MAIN}{more}}}")).issuers["main"].issuer


# A fault code, and a configuration with a mark where the fault must point.
MISTAKES = [
    ("bad_value", one_issuer(f"{{{MAIN}, scopes_from: [scope, ¦a..b]}}")),
    ("bad_value", one_issuer(f"{{{MAIN}, scopes_from: [{{claim: ¦a..b, prefix: x}}]}}")),
    ("bad_value", one_issuer(f"{{{MAIN}, scopes_from: [{{claim: a, prefix: ¦'a b'}}]}}")),
    ("duplicate_value", one_issuer(f"{{{MAIN}, scopes_from: [roles, scope, ¦roles]}}")),
    ("duplicate_value", one_issuer(f"{{{MAIN}, ¦id_token_signals: [nonce, nonce]}}")),
    (
        "unknown_reference",
        one_issuer(f"{{{MAIN}, require: {{claims: {{a: {{equals: ¦'{{path.x}}'}}}}}}}}"),
    ),
]


@pytest.mark.parametrize(("codes", "text"), MISTAKES[:4] + MISTAKES[5:])
def test_each_mistake_about_tokens_is_found_at_its_place_and_nothing_else_is(
    codes: str, text: str, tmp_path: Path
) -> None:
    assert_found(tmp_path, codes, text)


def test_a_signal_is_named_once(tmp_path: Path) -> None:
    found = faults(tmp_path, one_issuer(f"{{{MAIN}, id_token_signals: [nonce, nonce]}}"))

    assert {fault.code for fault in found} == {Code.DUPLICATE_VALUE, Code.ID_TOKENS_ACCEPTED}


def test_by_default_scopes_are_where_they_always_were_and_every_signal_counts(
    tmp_path: Path,
) -> None:
    found = built(tmp_path, "")
    said = built(tmp_path, ", scopes_from: [scope, scp]")

    assert found.scopes_from is said.scopes_from is DEFAULT_SCOPES_FROM
    assert found.id_token_signals == set(ID_TOKEN_SIGNALS)
    assert found.claims == ()


def test_scopes_come_from_the_claims_that_are_named(tmp_path: Path) -> None:
    more = "scopes_from: [scp, roles, {claim: realm_access.roles, prefix: 'role:'}]"

    assert built(tmp_path, f", {more}").scopes_from == (
        ScopeSource(("scp",)),
        ScopeSource(("roles",)),
        ScopeSource(("realm_access", "roles"), "role:"),
    )


def test_rules_for_every_token_are_compiled(tmp_path: Path) -> None:
    more = "require: {claims: {hd: {equals: a.example}, not: [{amr: {contains: pwd}}]}}"

    [domain, group] = built(tmp_path, f", {more}").claims

    assert domain.holds({"hd": "a.example"}, {})
    assert not domain.holds({}, {})
    assert not group.holds({"amr": ["pwd"]}, {})


@pytest.mark.parametrize(
    ("more", "ignored"),
    [
        ("id_token_signals: [token_use, typ, azp]", "nonce, at_hash, c_hash"),
        ("id_token_signals: []", "nonce, at_hash, c_hash, token_use, typ, azp"),
    ],
)
def test_fewer_signals_are_a_warning_that_says_which_are_ignored(
    more: str, ignored: str, tmp_path: Path
) -> None:
    [fault] = load_warnings(tmp_path, more)

    assert fault.startswith(f"id_tokens_accepted: tokens with the signs {ignored} are not taken")


@pytest.mark.parametrize(
    "more",
    [
        "id_token_signals: [azp, typ, token_use, c_hash, at_hash, nonce]",
        "id_token_signals: [], profile: rfc9068",
    ],
)
def test_all_signals_are_no_warning_nor_are_fewer_where_the_type_decides(
    more: str, tmp_path: Path
) -> None:
    assert load_warnings(tmp_path, more) == []


def load_warnings(directory: Path, more: str) -> list[str]:
    found = warnings(directory, one_issuer(f"{{{MAIN}, {more}}}"))
    return [f"{fault.code}: {fault.message}" for fault in found]
