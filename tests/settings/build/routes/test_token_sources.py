"""Where tokens may be is built, and what could never work or would open a gap is refused."""

from pathlib import Path

import pytest

from gateway.decision.identity import identity_aliases
from gateway.decision.routes.routing import Place, TokenSources
from tests.settings.configs import assert_found, config, faults, load

ISSUERS = """\
issuers:
  main: {issuer: "https://login.example.com/", discovery: true, audiences: [orders]}
  mesh: {issuer: "https://mesh.example.com/", discovery: true, audiences: [orders]}
"""


def one(rest: str, match: str = "{path: '/a/{x}'}") -> str:
    text = f"routes:\n  - {{name: a, match: {match}, upstream: orders, {rest}}}\n"
    return config(issuers=ISSUERS, routes=text)


def also(rest: str = "", header: str = "X-Workload-Token", issuers: str = "[mesh]") -> str:
    more = f", {rest}" if rest else ""
    required = f"{{issuers: [main], also: {{header: {header}, issuers: {issuers}{more}}}}}"
    return f"require: {required}"


def built(directory: Path, rest: str) -> TokenSources | None:
    (route,) = load(directory, one(rest)).policy.routes.routes
    return route.sources


def test_by_default_a_token_is_in_authorization_alone(tmp_path: Path) -> None:
    assert built(tmp_path, "require: {issuers: [main, mesh]}") is None
    written = "require: {issuers: [main, mesh]}, token_from: [authorization]"
    assert built(tmp_path, written) is None


def test_places_are_as_written(tmp_path: Path) -> None:
    sources = built(
        tmp_path,
        "require: {issuers: [main, mesh]}, upgrades: [websocket],"
        " token_from: [authorization, subprotocol, {header: X-Api-Token}]",
    )

    assert sources is not None
    assert sources.places == {Place.AUTHORIZATION, Place.SUBPROTOCOL, Place.HEADER}
    assert sources.fields == {b"x-api-token", b"sec-websocket-protocol"}
    assert sources.second is None


def test_a_second_token_has_rules_of_its_own_and_headers_that_no_client_may_send(
    tmp_path: Path,
) -> None:
    rest = (
        "audiences: [carts], scopes: [mesh:call], claims: {env: {equals: '{path.x}'}},"
        " identity: {headers: {X-Workload: sub}}"
    )
    settings = load(tmp_path, one(also(rest)))
    (route,) = settings.policy.routes.routes

    assert route.sources is not None
    second = route.sources.second
    assert second is not None
    assert (second.name, second.field) == ("X-Workload-Token", b"x-workload-token")
    assert second.issuers == {"mesh"}
    assert second.audiences == frozenset(("carts",))
    assert [test.text for test in second.claims] == ["env equals {path.x}"]
    assert b"x-workload" in identity_aliases(settings.policy.identity)


WRONG = {
    "a public route reads none": ("public: true, ¦token_from: [query]", "conflicting_keys"),
    "subprotocols without a WebSocket": (
        "require: {issuers: [main, mesh]}, token_from: [¦subprotocol]",
        "conflicting_keys",
    ),
    "a query": ("require: {issuers: [main, mesh]}, token_from: [¦query]", "token_in_query"),
    "a place twice": (
        "require: {issuers: [main, mesh]}, token_from: [authorization, ¦authorization]",
        "duplicate_value",
    ),
    "authorization as a header": (
        "require: {issuers: [main, mesh]}, token_from: [{header: ¦Authorization}]",
        "bad_value",
    ),
    "a cookie": (
        "require: {issuers: [main, mesh]}, token_from: [{header: ¦Cookie}]",
        "bad_value",
    ),
    "a field of the gateway": (
        "require: {issuers: [main, mesh]}, token_from: [{header: ¦x-gateway-subject}]",
        "bad_value",
    ),
    "no field name": (
        "require: {issuers: [main, mesh]}, token_from: [{header: ¦'a b'}]",
        "bad_value",
    ),
    "an underscore": (
        "require: {issuers: [main, mesh]}, token_from: [{header: ¦X_Api_Token}]",
        "bad_value",
    ),
    "an unknown place": (
        "require: {issuers: [main, mesh]}, token_from: [¦cookie]",
        "bad_value",
    ),
    "a second token in the field of the first": (
        also(header="¦Authorization"),
        "conflicting_keys",
    ),
    "or in another field of it": (
        f"{also(header='¦X-Api-Token')}, token_from: [{{header: x-api-token}}]",
        "conflicting_keys",
    ),
    "a second token with a bad field": (also(header="¦Sec-Token"), "bad_value"),
    "an optional first token": (
        "require: {optional: true, issuers: [main], ¦also: {header: X-W, issuers: [mesh]}}",
        "conflicting_keys",
    ),
    "an unknown issuer": (also(issuers="[mesh, ¦mash]"), "unknown_reference"),
    "an issuer twice": (also(issuers="[mesh, ¦mesh]"), "duplicate_value"),
    "the issuer of the first token and no rule": (
        also(issuers="¦[main, mesh]"),
        "conflicting_keys",
    ),
    "a bad identity header": (also("identity: {headers: {¦Cookie: sub}}"), "bad_value"),
    "one of the first token": (
        also("identity: {headers: {¦X-Gateway-Subject: sub}}"),
        "bad_value",
    ),
    "a bad claim": (also("identity: {headers: {X-A: ¦'a..b'}}"), "bad_value"),
    "one that is read as another": (
        also("identity: {headers: {X-A: sub, ¦X.A: sub}}"),
        "bad_value",
    ),
    "a path variable that is none": (
        also("claims: {env: {equals: ¦'{path.y}'}}"),
        "unknown_reference",
    ),
}


@pytest.mark.parametrize(("rest", "code"), WRONG.values(), ids=WRONG.keys())
def test_what_could_never_work_or_opens_a_gap_is_refused(
    tmp_path: Path, rest: str, code: str
) -> None:
    issuers = ISSUERS if "require" in rest else ""
    text = one(rest)
    assert_found(tmp_path, code, text if issuers else text.replace(ISSUERS, ""))


def test_one_issuer_may_issue_both_if_a_rule_tells_them_apart(tmp_path: Path) -> None:
    assert built(tmp_path, also("scopes: [mesh:call]", issuers="[main, mesh]")) is not None


def test_the_second_token_may_be_in_authorization_if_the_first_is_elsewhere(
    tmp_path: Path,
) -> None:
    rest = f"{also(header='Authorization')}, token_from: [{{header: X-User-Token}}]"

    sources = built(tmp_path, rest)

    assert sources is not None
    assert sources.second is not None
    assert sources.second.field == b"authorization"


@pytest.mark.parametrize(("grant", "codes"), [("", ["not_granted"] * 3), (", may: [identity]", [])])
def test_only_with_a_grant_a_file_names_fields_that_other_files_routes_lose(
    tmp_path: Path, grant: str, codes: list[str]
) -> None:
    """No service of any route receives them, nor what clients send in an identity header."""
    (tmp_path / "team.yaml").write_text(
        "routes:\n- name: team\n  match: {path: /team}\n  upstream: orders\n"
        "  token_from: [{header: X-Signature}]\n"
        "  require: {issuers: [main], also: {header: X-Other, issuers: [mesh],\n"
        "    identity: {headers: {X-Admin: sub}}}}\n"
    )
    included = f"include: [{{files: team.yaml{grant}}}]\n"

    found = faults(tmp_path, included + one("require: {issuers: [main, mesh]}"))

    assert [fault.code.value for fault in found] == codes
    assert [fault.place.line for fault in found] == ([5, 6, 7] if codes else [])
