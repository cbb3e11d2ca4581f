"""The credentials of an upstream: one token, from one server, for a client that authenticates."""

from pathlib import Path

import pytest

from gateway.settings.load import Loaded, load_settings
from gateway.settings.values.clients import ClientAuthentication, OAuthClient
from gateway.settings.values.configuration import ServiceCredentials, ServiceGrant
from tests.settings.build.clients.upstream_credentials import with_credentials
from tests.settings.configs import ENVIRON, ISSUERS, ROUTES, assert_found, faults, load

URL = "https://login.example.com/token"

MISTAKES = [
    # exactly one
    ("missing_key", with_credentials("¦{}").replace("credentials: ¦", "¦credentials: ")),
    (
        "missing_key",
        with_credentials("own", issuer="").replace("client_credentials", "¦client_credentials"),
    ),
    ("conflicting_keys", with_credentials("own", **{"¦token_url": f'"{URL}"'})),
    # where the token is
    ("unknown_reference", with_credentials("own", issuer="¦mian")),
    ("insecure_url", with_credentials("own", issuer="", token_url='¦"http://login.example.com/t"')),
    ("bad_value", with_credentials("own", issuer="", token_url='¦"login.example.com"')),
    ("bad_value", with_credentials("own", issuer="", token_url=f'¦"{URL}#x"')),
    ("missing_file", with_credentials("own", issuer="", token_url=f'"{URL}"', tls="{ca: ¦no.pem}")),
    # what is asked for
    ("duplicate_value", with_credentials("own", scopes="[a, ¦a]")),
    ("bad_value", with_credentials("own", resource="¦/orders")),
    ("bad_value", with_credentials("own", resource='¦"https://orders/#a"')),
    ("bad_value", with_credentials("own", audience='¦"Bücher"')),
    # the client
    ("bad_value", with_credentials("own", client_auth="¦none", client_secret="")),
    ("bad_value", with_credentials("exchange", client_auth="¦none", client_secret="")),
    ("bad_value", with_credentials("own", client_secret="¦secret")),
]


@pytest.mark.parametrize(("code", "text"), MISTAKES)
def test_each_mistake_is_found_at_its_place_and_nothing_else_is(
    code: str, text: str, tmp_path: Path
) -> None:
    assert_found(tmp_path, code, text)


def test_a_service_never_receives_two_tokens(tmp_path: Path) -> None:
    text = with_credentials("own", "identity: {forward_token: true}\n")

    found = [one for one in faults(tmp_path, text) if one.code == "conflicting_keys"]

    assert [one.place.line for one in found] == [5]
    assert "remove one of the two" in found[0].message


def test_both_grants_at_once_are_a_fault(tmp_path: Path) -> None:
    client = '{issuer: main, client_id: a, client_secret: "${CLIENT_SECRET}"}'
    text = with_credentials(f"{{client_credentials: {client}, ¦token_exchange: {client}}}")

    assert_found(tmp_path, "conflicting_keys", text)


def test_an_issuer_without_metadata_has_no_token_endpoint(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text('{"keys": []}')
    text = with_credentials("own").replace("discovery: true", "jwks_url: https://a.test/keys")

    (fault,) = faults(tmp_path, text)

    assert "`discovery: true` there, or `token_url` here" in fault.message


PUBLIC = """\
routes:
  - {name: a, match: {path_prefix: /a/}, upstream: orders, ¦public: true}
"""
OPTIONAL = """\
routes:
  - {name: a, match: {path_prefix: /a/}, upstream: orders, ¦require: {optional: true}}
"""
REPORTING = """\
routes:
  - {name: a, match: {path_prefix: /a/}, upstream: ¦orders, require: {}, mode: report}
"""


@pytest.mark.parametrize("routes", [PUBLIC, OPTIONAL, REPORTING])
def test_a_route_without_a_caller_s_token_cannot_exchange_it(routes: str, tmp_path: Path) -> None:
    text = with_credentials("exchange", routes=routes)
    errors = [
        one for one in faults(tmp_path, text.replace("¦", "")) if one.code == "conflicting_keys"
    ]
    line = next(number for number, line in enumerate(text.splitlines(), 1) if "¦" in line)

    assert [one.place.line for one in errors] == [line]
    assert load(tmp_path, with_credentials("own", routes=routes.replace("¦", ""))).upstreams


def test_an_issuer_that_only_reports_cannot_vouch_for_an_exchange(tmp_path: Path) -> None:
    text = with_credentials("exchange").replace("discovery: true", "discovery: true, mode: report")

    assert [one.code for one in faults(tmp_path, text) if one.severity.value == "error"] == [
        "conflicting_keys"
    ]


def test_what_is_written_is_what_is_asked_for(tmp_path: Path) -> None:
    more = {"scopes": "[a, b]", "audience": "orders", "resource": "'https://orders.test/'"}
    settings = load(tmp_path, with_credentials("own", timeout="2s", **more))

    assert settings.upstreams["orders"].credentials == ServiceCredentials(
        ServiceGrant.CLIENT_CREDENTIALS,
        OAuthClient("gateway", ClientAuthentication.BASIC, ENVIRON["CLIENT_SECRET"]),
        "main",
        None,
        ("a", "b"),
        "orders",
        "https://orders.test/",
        timeout_seconds=2.0,
    )


def test_8693_3_an_exchange_asks_for_an_access_token_or_a_jwt(tmp_path: Path) -> None:
    for kind in ("access_token", "jwt"):
        settings = load(tmp_path, with_credentials("exchange", requested_token_type=kind))
        asked = settings.upstreams["orders"].credentials
        assert asked is not None
        assert asked.exchanges
        assert asked.token_type == f"urn:ietf:params:oauth:token-type:{kind}"


def test_no_secret_is_in_a_repr(tmp_path: Path) -> None:
    settings = load(tmp_path, with_credentials("own"))

    assert ENVIRON["CLIENT_SECRET"] not in repr(settings.upstreams)


# --- included files

TEAM = """\
upstreams:
  theirs: {servers: ["http://10.0.0.8"], credentials: {GRANT: {SERVER, client_id: team, SECRET}}}
routes:
  - {name: theirs, match: {path_prefix: /theirs/}, upstream: theirs, require: {}}
"""
BY_VARIABLE = 'client_secret: "${CLIENT_SECRET}"'
BY_FILE = "client_secret_file: team.secret"
OWN_URL = 'token_url: "https://login.team.test/token"'


@pytest.mark.parametrize(
    ("grants", "grant", "server", "secret", "codes"),
    [
        ("[upstreams, environment]", "client_credentials", "issuer: main", BY_VARIABLE, []),
        ("[upstreams]", "client_credentials", "issuer: main", BY_VARIABLE, ["not_granted"]),
        ("[upstreams]", "client_credentials", OWN_URL, BY_FILE, []),
        ("[environment]", "client_credentials", "issuer: main", BY_FILE, ["not_granted"]),
        ("[upstreams]", "token_exchange", "issuer: main", BY_FILE, []),
        # It would collect the tokens of callers.
        ("[upstreams]", "token_exchange", OWN_URL, BY_FILE, ["not_granted"]),
        ("[upstreams, issuers]", "token_exchange", "issuer: own", BY_FILE, ["not_granted"]),
    ],
)
def test_an_included_file_has_credentials_by_grant_and_never_collects_tokens(
    grants: str, grant: str, server: str, secret: str, codes: list[str], tmp_path: Path
) -> None:
    team = TEAM.replace("GRANT", grant).replace("SERVER", server).replace("SECRET", secret)
    if "own" in server:
        team += "issuers: {own: {issuer: 'https://a.test/', discovery: true, audiences: [a]}}\n"
    (tmp_path / "team.secret").write_text("a-secret")
    (tmp_path / "team.yaml").write_text(team)
    path = tmp_path / "gateway.yaml"
    include = f"include: [{{files: team.yaml, may: {grants}}}]\n"
    path.write_text(with_credentials("own", include))

    outcome = load_settings(path, ENVIRON)

    found = () if isinstance(outcome, Loaded) else outcome.faults
    assert [one.code.value for one in found if one.severity.value == "error"] == codes


def test_an_issuer_that_only_issues_a_service_s_tokens_is_used(tmp_path: Path) -> None:
    issuers = ISSUERS + "  as: {issuer: 'https://as.test/', discovery: true, audiences: [a]}\n"
    routes = ROUTES.replace("require: {}", "require: {issuers: [main]}")
    for issuer, codes in (("as", []), ("main", ["unused_issuer"])):
        text = with_credentials("own", issuer=issuer, routes=routes).replace(ISSUERS, issuers)

        assert [one.code.value for one in faults(tmp_path, text)] == codes
