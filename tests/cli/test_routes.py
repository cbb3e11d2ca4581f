import json
from pathlib import Path

from tests.cli.config_files import INVALID, VALID, run, write_config
from tests.settings.build.login.login_configs import APP, login, with_logins

MANY = VALID + (
    "  - {name: literal, match: {path: /a/b}, upstream: orders, require: {scopes: [s]}}\n"
    "  - {name: variable, match: {path: '/a/{x}'}, upstream: orders,"
    " require: {optional: true, claims: {t: {equals: '{path.x}'}}}}\n"
    "  - {name: under, match: {path_prefix: /a/}, upstream: orders, require: {issuers: [main]}}\n"
    "  - {name: get, match: {path: /a/b, methods: [GET, HEAD]}, upstream: orders, require: {}}\n"
    "  - {name: wild, match: {path: /a/b, hosts: ['*.b.c']}, upstream: orders, require: {}}\n"
    "  - {name: longer, match: {path: /a/b, hosts: ['*.a.b.c']}, upstream: orders, require: {}}\n"
    "  - {name: exact, match: {path_prefix: /, hosts: [a.b.c]}, upstream: orders, require: {}}\n"
)


def test_routes_stand_in_the_order_they_match(tmp_path: Path) -> None:
    done = run("routes", write_config(tmp_path, MANY), "--format", "json")

    names = [route["name"] for route in json.loads(done.stdout)]
    assert done.exit_code == 0
    assert names == [
        "exact", "longer", "wild", "get", "literal", "variable", "under", "health", "all",
    ]  # fmt: skip


def test_the_table_says_what_each_route_needs_and_where_it_stands(tmp_path: Path) -> None:
    path = write_config(tmp_path)

    lines = run("routes", path).stdout.splitlines()

    assert [line.split() for line in lines] == [
        ["HOST", "METHOD", "PATH", "ROUTE", "NEEDS", "UPSTREAM", "PLACE"],
        ["*", "*", "/healthz", "health", "nothing", "(public)", "orders", f"{path}:8"],
        ["*", "*", "/*", "all", "a", "token", "orders", f"{path}:7"],
    ]


def test_needs_name_issuers_scopes_and_claims(tmp_path: Path) -> None:
    text = run("routes", write_config(tmp_path, MANY)).stdout

    assert "a token, if sent: t equals {path.x}" in text
    assert "a token: issuer main" in text
    assert "a token: scopes s" in text


def test_cwe_150_the_operand_of_a_claim_steers_no_terminal(tmp_path: Path) -> None:
    hostile = r'require: {claims: {role: {equals: "\u009b31m\u202e\u0085"}}}'
    text = VALID.replace("require: {}", hostile)

    shown = run("routes", write_config(tmp_path, text)).stdout

    assert r"role equals \x9b31m\u202e\x85" in shown
    assert shown.replace("\n", "").isprintable()


ODD = VALID + (
    "  - {name: slash, match: {path: '/s/{x}'}, upstream: orders, require: {},"
    " allow_encoded_slash: true}\n"
    "  - {name: both, match: {path_prefix: /b/}, upstream: orders, require: {},"
    " allow_encoded_slash: true, allow_semicolon: true}\n"
)


def test_a_route_says_what_its_paths_may_hold(tmp_path: Path) -> None:
    path = write_config(tmp_path, ODD)

    text = run("routes", path).stdout
    shown = json.loads(run("routes", path, "--format", "json").stdout)

    assert "/s/{x} (with %2F) " in text
    assert "/b/* (with %2F or ;) " in text
    assert text.count("(with ") == 2
    allowed = {
        route["name"]: (route["allow_encoded_slash"], route["allow_semicolon"]) for route in shown
    }
    assert allowed == {
        "slash": (True, False),
        "both": (True, True),
        "health": (False, False),
        "all": (False, False),
    }


URL = "https://api.example.com/a"
PUBLISHED = VALID.replace("[orders]", f"['{URL}', b]") + (
    "  - {name: guarded, match: {path: /a/b, methods: [GET]}, upstream: orders, require:"
    " {audiences: ['" + URL + "', b], scopes: [s], acr: [gold, silver], max_age: 15m}}\n"
    f"resources:\n  a: {{resource: '{URL}'}}\n"
)


def test_needs_name_audiences_and_how_and_when_the_user_was_authenticated(tmp_path: Path) -> None:
    text = run("routes", write_config(tmp_path, PUBLISHED)).stdout

    assert f"a token: audience b or {URL}; scopes s; acr gold or silver; max_age 900s " in text


def test_resources_stand_below_the_routes(tmp_path: Path) -> None:
    path = write_config(tmp_path, PUBLISHED)

    lines = run("routes", path).stdout.split("\n\n")[1].splitlines()

    metadata = "https://api.example.com/.well-known/oauth-protected-resource/a"
    assert [line.split() for line in lines] == [
        ["RESOURCE", "METADATA", "SERVERS", "ROUTES", "PLACE"],
        [URL, metadata, "main", "1", f"{path}:11"],
    ]


def test_each_route_says_what_it_asks_for_and_where_its_metadata_is(tmp_path: Path) -> None:
    shown = json.loads(run("routes", write_config(tmp_path, PUBLISHED), "--format", "json").stdout)

    asked = {
        route["name"]: [
            route[key] for key in ("audiences", "acr", "max_age_seconds", "metadata_url")
        ]
        for route in shown
    }
    metadata = "https://api.example.com/.well-known/oauth-protected-resource/a"
    assert asked == {
        "guarded": [["b", URL], ["gold", "silver"], 900, metadata],
        "health": [None, [], None, None],
        "all": [None, [], None, None],
    }


REPORTING = VALID.replace(
    "upstreams:",
    '  new: {issuer: "https://new.example/", discovery: true, audiences: [o], mode: report}\n'
    "upstreams:",
) + (
    "  - {name: trial, match: {path: /t}, upstream: orders, mode: report,"
    " require: {issuers: [main, new], scopes: [s]}}\n"
    "  - {name: own, match: {path: /o}, upstream: orders, require: {issuers: [main]}}\n"
    "  - {name: both, match: {path: /b}, upstream: orders, require: {issuers: [main, new]}}\n"
)


def test_what_is_only_reported_says_so(tmp_path: Path) -> None:
    path = write_config(tmp_path, REPORTING)

    text = run("routes", path).stdout
    shown = json.loads(run("routes", path, "--format", "json").stdout)

    assert "a token (only reported): issuer main or new; scopes s " in text
    assert "a token: issuer main  " in text
    assert "a token: issuer main or new; only reported of new " in text
    assert "a token: only reported of new " in text  # that is `all`, which takes every issuer
    assert text.count("only reported") == 3
    assert {route["name"]: (route["mode"], route["reporting_issuers"]) for route in shown} == {
        "trial": ("report", ["new"]),
        "own": ("enforce", []),
        "both": ("enforce", ["new"]),
        "all": ("enforce", ["new"]),
        "health": ("enforce", []),
    }


def test_a_route_of_two_hosts_is_two_lines(tmp_path: Path) -> None:
    text = VALID.replace("{path_prefix: /}", "{path_prefix: /, hosts: [a.example, b.example]}")

    done = run("routes", write_config(tmp_path, text), "--format", "json")

    hosts = [route["host"] for route in json.loads(done.stdout) if route["name"] == "all"]
    assert hosts == ["a.example", "b.example"]


def test_an_invalid_file_has_no_table_and_exits_1(tmp_path: Path) -> None:
    done = run("routes", write_config(tmp_path, INVALID))

    assert (done.exit_code, done.stdout) == (1, "")
    assert "unknown_key" in done.stderr


def test_a_file_that_cannot_be_read_exits_3(tmp_path: Path) -> None:
    assert run("routes", tmp_path / "missing.yaml").exit_code == 3


LOGINS = with_logins(
    login(),
    login("staff", client_auth="none", client_secret="", session="{idle: 5m, total: 1h}"),
    routes=f"{APP}\n"
    "{name: any, match: {path: /any}, upstream: orders, require: {optional: true},"
    " login: [staff, web]}",
)


def test_logins_are_listed_with_their_sessions_and_their_routes(tmp_path: Path) -> None:
    path = write_config(tmp_path, LOGINS)
    env = {"CLIENT_SECRET": "a-secret"}

    text = run("routes", path, env=env).stdout
    shown = {
        one["name"]: one
        for one in json.loads(run("routes", path, "--format", "json", env=env).stdout)
    }

    assert "a token or a session of web " in text
    assert "a token or a session of staff or web, if sent" in text
    rows = [line.split() for line in text.split("\n\n")[-1].splitlines()]
    assert rows[0] == ["LOGIN", "ISSUER", "CLIENT", "ORIGINS", "SESSIONS", "ROUTES", "PLACE"]
    usual = ["main", "web", "https://app.example.com", "memory,"]
    assert rows[1] == ["web", *usual, "idle", "1800s,", "total", "28800s", "2", f"{path}:7"]
    assert rows[2] == ["staff", *usual, "idle", "300s,", "total", "3600s", "1", f"{path}:13"]
    assert "a-secret" not in text
    assert [shown[name]["login"] for name in ("app", "any")] == [["web"], ["staff", "web"]]


TWO = """\
version: 1
issuers:
  main: {issuer: "https://login.example/", discovery: true, audiences: [orders]}
  mesh: {issuer: "https://mesh.example/", discovery: true, audiences: [orders]}
upstreams: {orders: {servers: ["http://10.0.0.7:8000"]}}
routes:
  - name: both
    match: {path: /both}
    upstream: orders
    token_from: [authorization, {header: X-Api-Token}]
    require:
      issuers: [main]
      also: {header: X-Workload-Token, issuers: [mesh], audiences: [carts], scopes: [call],
        claims: {env: {equals: live}}}
"""


def test_where_tokens_are_and_a_second_one_are_shown(tmp_path: Path) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text(TWO)

    text = run("routes", str(path)).stdout
    (route,) = json.loads(run("routes", str(path), "--format", "json").stdout)

    assert "a token by authorization or x-api-token: issuer main; also X-Workload-Token" in text
    assert "(issuer mesh; audience carts; scopes call; env equals live)" in text
    assert route["token_from"] == ["authorization", "x-api-token"]
    assert (route["also"]["header"], route["also"]["issuers"]) == ("X-Workload-Token", ["mesh"])
