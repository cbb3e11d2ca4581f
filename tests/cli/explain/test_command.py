"""The output and the exit codes of `gateway explain`."""

import json
from pathlib import Path

import pytest

from tests.cli.config_files import run
from tests.cli.explained import (
    ORDER,
    SECRET,
    as_json,
    by_check,
    explain,
    make_token,
    write_world,
)
from tests.suites.login_world import LOGIN_ESTATE, LOGIN_SUITE

ALICE = '{"iss": "https://login.example/", "scope": "orders:read", "tenant": "acme"}'


@pytest.fixture(name="config")
def make_config(tmp_path: Path) -> Path:
    return write_world(tmp_path)


def persona(config: Path, name: str) -> list[str | Path]:
    return ["--as", name, "--suite", config.parent / "personas.yaml"]


# --- what is said


def test_the_origin_of_each_identity_header_is_shown(config: Path) -> None:
    own = (
        "identity:\n  headers:\n    X-User: '{org}/{sub}'\n    X-Client: azp | client_id\n"
        "    X-Roles: roles | groups\n    X-Scopes: scope\n"
    )
    text = config.read_text()
    config.write_text(
        text.replace(
            "  - name: read-order\n",
            "  - name: read-order\n    identity: {headers: {X-Scopes: false}}\n",
        )
        + own
    )
    line = len(text.splitlines()) + 4

    done = explain(config, "GET", ORDER, "--claims", ALICE.replace("{", '{"org": "a/b", ', 1))

    assert done.exit_code == 0, done.output
    start = done.stdout.splitlines().index("identity headers") + 1
    shown = done.stdout.splitlines()[start : start + 4]
    at = str(config)
    assert shown == [
        f"  X-User    {{org}}/{{sub}}: from org, sub  [{at}:{line}]",
        f"  X-Client  azp | client_id: from client_id  [{at}:{line + 1}]",
        f"  X-Roles   not sent: roles | groups: missing roles, groups  [{at}:{line + 2}]",
        f"  X-Scopes  not sent: false  [{at}:{done_line(config)}]",
    ]
    assert "  X-User: a%2Fb/somebody\n" in done.stdout
    assert "  X-Client: somebody-client\n" in done.stdout
    assert "X-Scopes:" not in done.stdout


def done_line(config: Path) -> int:
    """Return the line of the route's own headers."""
    lines = config.read_text().splitlines()
    return next(number for number, one in enumerate(lines, 1) if "X-Scopes: false" in one)


def test_a_request_that_is_allowed_ends_with_0_and_shows_what_the_service_gets(
    config: Path,
) -> None:
    done = explain(config, "GET", ORDER, *persona(config, "alice"), "--header", "Accept: */*")

    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert lines[:2] == [
        "allowed: read-order sends it to orders (http://10.0.0.7:8000, https://10.0.0.8)",
        "  GET /tenants/acme/orders/7 on api.example, at 2026-01-01T12:00:00Z",
    ]
    start = lines.index("the head that orders gets") + 1
    assert lines[start : lines.index("", start)] == [
        "  GET /tenants/acme/orders/7 HTTP/1.1",
        "  Host: api.example",
        "  Accept: */*",
        "  X-Gateway-Subject: alice",
        "  X-Gateway-Issuer: https://login.example/",
        "  X-Gateway-Client: alice-client",
        "  X-Gateway-Scopes: orders:read",
        "  X-Gateway-Token-Id: alice-token",
        "  X-Request-Id: xxxxxxxxxxxxxx-xxxxxxxxx",
        "  X-Forwarded-For: 192.0.2.1",
        "  X-Forwarded-Proto: http",
        "  X-Forwarded-Host: api.example",
        '  Forwarded: for=192.0.2.1;host="api.example";proto=http',
        "  Via: 1.1 jwt-gateway-xxxxxxxx",
    ]
    assert lines[-3:] == [
        "xxxxxxxxxxxxxx-xxxxxxxxx stands for the id of the request; jwt-gateway-xxxxxxxx stands for"
        " the gateway's name in Via; 192.0.2.1 stands for the client's address.",
        "",
        "note: the token was made for this explanation, and signed with a temporary key",
    ]


def test_a_request_that_is_refused_ends_with_1_and_shows_why_and_the_answer(config: Path) -> None:
    url = "https://api.example/tenants/globex/orders/7"

    done = explain(config, "GET", url, "--claims", ALICE, "--at", "2026-11-24T14:11:16Z")

    assert done.exit_code == 1
    lines = done.stdout.splitlines()
    assert lines[:4] == [
        "refused: 403 claim_rule_failed",
        "  because: the rule does not hold: tenant equals {path.tenant}",
        "  what to do: gateway help claim_rule_failed",
        "  GET /tenants/globex/orders/7 on api.example, at 2026-11-24T14:11:16Z",
    ]
    routes = lines.index("routes")
    assert [line.split() for line in lines[routes - 3 : routes - 1]] == [
        [
            *["NO", "claim", "rules", "expected", "tenant", "equals", "{path.tenant}"],
            f"[{config}:19]",
        ],
        ["found", "tenant", "is", "'acme'"],
    ]
    assert lines[routes + 1 : routes + 3] == [
        f"  read-order  owns the request  [{config}:13]",
        "  3 more: does not match the path",
    ]
    answer = lines.index("the answer")
    assert lines[answer + 1 : answer + 3] == [
        "  HTTP/1.1 403 Forbidden",
        "  Date: Tue, 24 Nov 2026 14:11:16 GMT",
    ]
    assert '"instance": "xxxxxxxxxxxxxx-xxxxxxxxx"' in done.stdout


def test_each_step_names_the_line_that_asks_for_it(config: Path) -> None:
    text = config.read_text().splitlines()

    done = explain(config, "GET", ORDER, "--claims", ALICE, "--format", "json")

    asked = {
        check: text[int(step["place"].rpartition(":")[2]) - 1].strip(" -")
        for check, step in by_check(done).items()
        if step["place"] is not None
    }
    assert {check: line[:10] for check, line in asked.items()} == {
        "route": "match: {pa",
        "credential": "require:",
        "issuer": "main: {iss",
        "algorithm": "main: {iss",
        "key": "main: {iss",
        "accepted issuer": "issuers: [",
        "kind of token": "main: {iss",
        "times": "main: {iss",
        "audience": "main: {iss",
        "revocation": "blocked: {",
        "scopes": "scopes: [o",
        "claim rules": "claims: {t",
    }


def test_json_is_all_of_it(config: Path) -> None:
    done = explain(config, "POST", ORDER, "--format", "json", "--at", "1780000000.5")

    body = (
        '{"type": "urn:jwt-gateway:reason:method_not_allowed", "title": "The method is not allowed'
        ' here", "status": 405, "detail": "This allows: GET", "reason": "method_not_allowed",'
        ' "instance": "xxxxxxxxxxxxxx-xxxxxxxxx"}'
    )
    head = (
        "HTTP/1.1 405 Method Not Allowed\r\nDate: Thu, 28 May 2026 20:26:40 GMT\r\n"
        f"Content-Type: application/problem+json\r\nContent-Length: {len(body)}\r\n"
        "Cache-Control: no-store\r\nX-Request-Id: xxxxxxxxxxxxxx-xxxxxxxxx\r\nAllow: GET\r\n\r\n"
    )
    assert as_json(done) == {
        "verdict": "refused",
        "status": 405,
        "grpc_status": None,
        "reason": "method_not_allowed",
        "would_deny": None,
        "detail": "the path has no route for this method",
        "documentation": "docs/reasons.md#method_not_allowed-405",
        "at": "2026-05-28T20:26:40Z",
        "request": {"method": "POST", "host": "api.example", "target": "/tenants/acme/orders/7"},
        "login": None,
        "route": None,
        "upstream": None,
        "servers": [],
        "steps": [
            {
                "check": "request",
                "holds": True,
                "expected": "one well-formed HTTP/1.1 request within the limits",
                "found": "one",
                "reason": None,
                "place": None,
            },
            {
                "check": "path",
                "holds": True,
                "expected": "a path in canonical form",
                "found": "/tenants/acme/orders/7",
                "reason": None,
                "place": None,
            },
            {
                "check": "route",
                "holds": False,
                "expected": "a route for POST on host 'api.example'",
                "found": "the path has no route for this method: it knows GET",
                "reason": "method_not_allowed",
                "place": None,
            },
        ],
        "routes": [{"name": "read-order", "fit": "other_method", "place": f"{config}:13"}],
        "other_routes": {"other_path": 3},
        "identity": [],
        "forwarded": None,
        "answer": {"head": head, "body": body},
        "notes": [],
        "missing": [],
    }


def test_what_is_only_reported_is_allowed_and_says_what_it_would_be(config: Path) -> None:
    done = explain(config, "GET", "http://api.example/trial", "--claims", ALICE)
    members = as_json(
        explain(config, "GET", "http://api.example/trial", "--claims", ALICE, "--format", "json")
    )

    assert done.exit_code == 0
    assert done.stdout.splitlines()[1:3] == [
        "  only reported: scope_missing: the route requires x",
        "  what to do: gateway help scope_missing",
    ]
    assert (members["verdict"], members["reason"], members["would_deny"]) == (
        "allow",
        None,
        "scope_missing",
    )
    assert "X-Gateway-Subject" not in members["forwarded"]


def test_who_asks_as_a_persona_gets_what_the_suite_would_say(config: Path) -> None:
    reasons = {
        name: as_json(explain(config, "GET", ORDER, *persona(config, name), "--format", "json"))[
            "reason"
        ]
        for name in ("nobody", "alice", "gone", "forger", "twice")
    }

    assert reasons == {
        "nobody": "token_missing",
        "alice": None,
        "gone": "token_revoked",
        "forger": "signature_invalid",
        "twice": "token_repeated",
    }


def test_the_configuration_and_the_time_are_those_of_the_suite(config: Path) -> None:
    suite = config.parent / "personas.yaml"
    suite.write_text(suite.read_text() + f"environment: {{CI_SECRET: '{SECRET}'}}\n")

    done = run("explain", "GET", ORDER, *persona(config, "alice"), env={"CI_SECRET": None})

    assert done.exit_code == 0
    assert "at 2026-01-01T12:00:00Z" in done.stdout


# --- the exit code


@pytest.mark.parametrize(
    ("url", "expected", "code"),
    [
        ("http://a.example/healthz", "allow", 0),
        ("http://a.example/any", "token_missing", 0),
        ("http://a.example/any", "allow", 1),
        ("http://a.example/healthz", "token_missing", 1),
        ("http://a.example/any", "token_expired", 1),
    ],
)
def test_an_expectation_decides_about_the_exit_code(
    url: str, expected: str, code: int, config: Path
) -> None:
    done = explain(config, "GET", url, "--expect", expected)

    assert done.exit_code == code
    assert ("gateway: expected" in done.stderr) is bool(code)
    assert done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "expected METHOD and URL, or a path"),
        (["GET"], "expected METHOD and URL, or a path"),
        (["GET", ORDER, "more"], "expected METHOD and URL, or a path"),
        (["GE T", ORDER], "not a method"),
        (["GET", "api.example/x"], "not a URL"),
        (["GET", "https://a b/"], "without spaces"),
        (["GET", "https://u:p@api.example/"], "no valid host"),
        (["GET", "https://api.example/\u00e9"], "percent-encode"),
        (["GET", ORDER, "--at", "noon"], "not a time"),
        (["GET", ORDER, "--header", "Accept"], "write it like"),
        (["GET", ORDER, "--header", "Host: other.example"], "the host is in the URL"),
        (["GET", ORDER, "--client", "me"], "not an IP address"),
        (["GET", ORDER, "--claims", "{"], "not a JSON object of claims: not valid JSON"),
        (["GET", ORDER, "--claims", '{"a":1,"a":2}'], "a name occurs twice"),
        (["GET", ORDER, "--claims", "{}"], "there are several issuers"),
        (["GET", ORDER, "--claims", ALICE, "--token", "-"], "choose one of"),
        (["GET", ORDER, "--as", "alice"], "--as names a persona of --suite"),
        (["GET", ORDER, "--suite", "personas.yaml"], "--as names a persona of --suite"),
        (["GET", ORDER, "--expect", "token_expird"], "did you mean `token_expired`?"),
        (["GET", ORDER, "--format", "xml"], "choose text or json"),
    ],
)
def test_what_was_asked_wrongly_ends_with_2_and_says_so(
    arguments: list[str], said: str, config: Path
) -> None:
    done = explain(config, *arguments)

    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr
    assert isinstance(done.exception, SystemExit)


def test_an_unknown_persona_is_told_those_that_are_known(config: Path) -> None:
    done = explain(config, "GET", ORDER, *persona(config, "alise"))

    assert done.exit_code == 2
    assert "no such persona: did you mean `alice`?" in done.stderr
    assert "nobody, alice, gone, forger, twice" in done.stderr


def test_a_broken_suite_has_its_faults_told_and_ends_with_1(config: Path) -> None:
    suite = config.parent / "personas.yaml"
    suite.write_text("version: 1\npersonas:\n  a: {extends: b}\n  b: {extends: a}\n")

    done = explain(config, "GET", ORDER, "--as", "a", "--suite", suite)

    assert (done.exit_code, done.stdout) == (1, "")
    assert f"{suite}:4:16: extends_cycle: " in done.stderr


def test_a_configuration_with_faults_ends_with_1(config: Path) -> None:
    config.write_text(config.read_text().replace("upstream:", "upstrem:"))

    done = explain(config, "GET", ORDER)

    assert (done.exit_code, done.stdout) == (1, "")
    assert "unknown_key" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["--token", "@missing"],
        ["--token", "env:NO_SUCH_VARIABLE"],
        ["--as", "a", "--suite", "missing.yaml"],
        ["--config", "missing.yaml"],
    ],
)
def test_what_cannot_be_read_ends_with_3_and_one_line(arguments: list[str], config: Path) -> None:
    named = arguments if "--config" in arguments else [*arguments, "--config", str(config)]

    done = run("explain", "GET", ORDER, *named, env={"CI_SECRET": SECRET})

    assert (done.exit_code, done.stdout) == (3, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("gateway: ")


# --- tokens


def test_a_token_is_held_against_the_keys_and_lists_there_are_now(config: Path) -> None:
    tokens = {
        "good": make_token(),
        "expired": make_token(exp=1),
        "gone": make_token(jti="gone"),
        "mallory": make_token(sub="mallory"),
        "strange": make_token(iss="https://elsewhere.example"),
    }
    for name, token in tokens.items():
        (config.parent / name).write_bytes(token + b"\n")

    reasons = {
        name: as_json(
            explain(config, "GET", ORDER, "--token", f"@{config.parent / name}", "--format", "json")
        )["reason"]
        for name in tokens
    }

    assert reasons == {
        "good": None,
        "expired": "token_expired",
        "gone": "token_revoked",
        "mallory": "token_revoked",
        "strange": "issuer_unknown",
    }


def test_a_token_of_another_time_is_held_against_that_time(config: Path) -> None:
    token = make_token(exp=1_780_000_000, iat=1_779_999_000).decode()

    done = explain(
        config, "GET", ORDER, "--token", "env:T", "--at", "1780000009", env={"T": f"Bearer {token}"}
    )

    assert done.exit_code == 0


@pytest.mark.parametrize("token", ["x", "a.b.c", "eyJhbGciOiJub25lIn0.e30", "\x01\x02"])
def test_what_is_no_token_is_refused_as_the_gateway_would(token: str, config: Path) -> None:
    done = explain(config, "GET", ORDER, "--token", "env:T", env={"T": token})

    assert done.exit_code == 1
    assert done.stdout.startswith(
        ("refused: 401 token_malformed", "refused: 400 request_malformed")
    )


@pytest.mark.parametrize("token", ["", "two words", "e" * 300_000])
def test_what_could_not_be_sent_as_one_ends_with_2(token: str, config: Path) -> None:
    (config.parent / "token").write_text(token)

    done = explain(config, "GET", ORDER, "--token", f"@{config.parent / 'token'}")

    assert (done.exit_code, done.stdout) == (2, "")
    assert "not a token" in done.stderr


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("url", [ORDER, "https://api.example/trial", "https://api.example/healthz"])
@pytest.mark.parametrize("forward", ["true", "false"])
def test_the_token_is_never_printed_back(form: str, url: str, forward: str, tmp_path: Path) -> None:
    """6750.10; not even where the service gets it."""
    config = write_world(tmp_path)
    config.write_text(config.read_text() + f"identity: {{forward_token: {forward}}}\n")
    token = make_token().decode()

    done = explain(config, "GET", url, "--token", "env:T", "--format", form, env={"T": token})

    assert done.exit_code == 0
    assert not [part for part in token.split(".") if part in done.output]


@pytest.mark.parametrize(
    "arguments",
    [
        ["GET", ORDER, "--token", "TOKEN"],
        ["GET", ORDER, "TOKEN"],
        ["TOKEN"],
        ["GET", "TOKEN"],
        ["GET", ORDER, "--claims", "TOKEN"],
        ["GET", ORDER, "--as", "TOKEN", "--suite", "personas.yaml"],
        ["GET", ORDER, "--expect", "TOKEN"],
        ["GET", ORDER, "--at", "TOKEN"],
        ["GET", ORDER, "--header", "Authorization: Bearer TOKEN"],
        ["GET", ORDER, "--header", "authorization: Basic x, bearer TOKEN"],
        ["GET", ORDER, "--header", "TOKEN"],
        ["GET", ORDER, "--client", "TOKEN"],
    ],
)
def test_a_token_on_the_command_line_is_refused_and_not_repeated(
    arguments: list[str], config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """6750.10."""
    monkeypatch.chdir(config.parent)
    token = make_token().decode()

    done = explain(config, *(word.replace("TOKEN", token) for word in arguments))

    assert done.exit_code == 2
    assert not [part for part in token.split(".") if part in done.output]


@pytest.mark.parametrize("form", ["text", "json"])
def test_nothing_of_a_token_reaches_the_terminal_raw(form: str, config: Path) -> None:
    """CVE-2020-7694."""
    evil = "\x1b[2J\r\n\x9b\u202e\u2028"
    token = make_token(
        tenant=evil, scope=f"{evil} orders:read", aud=["orders", evil], jti=evil, client_id=evil
    )

    for url in (ORDER, "https://api.example/any"):
        done = explain(
            config, "GET", url, "--token", "env:T", "--format", form, env={"T": token.decode()}
        )
        assert done.exit_code in (0, 1)
        assert not [sign for sign in done.stdout if not sign.isprintable() and sign != "\n"]


def test_credentials_of_other_schemes_are_sent_and_not_shown(config: Path) -> None:
    done = explain(
        config, "GET", "http://a.example/healthz", "--header", "Authorization: Basic aHVzaDpodXNo"
    )

    assert "  Authorization: (not shown)\n" in done.stdout
    assert "(not shown) stands for what only its receiver may see" in done.stdout
    assert "aHVzaDpodXNo" not in done.output


# --- keys and lists that are elsewhere


def test_what_a_gateway_could_not_have_either_ends_with_3(tmp_path: Path) -> None:
    config = write_world(tmp_path)
    (tmp_path / "keys.json").write_text('{"keys": []}')

    done = explain(config, "GET", ORDER, "--token", "env:T", env={"T": make_token().decode()})

    assert done.exit_code == 3
    assert done.stdout.startswith("refused: 503 keys_unavailable")
    assert "gateway: keys of issuer main: no usable key in the set" in done.stderr


def test_an_expectation_of_just_that_is_met(tmp_path: Path) -> None:
    config = write_world(tmp_path)
    (tmp_path / "keys.json").write_text('{"keys": []}')
    env = {"T": make_token().decode()}

    done = explain(
        config, "GET", ORDER, "--token", "env:T", "--expect", "keys_unavailable", env=env
    )

    assert done.exit_code == 0


def test_where_the_client_asks_from_is_believed_as_configured(config: Path) -> None:
    config.write_text(config.read_text() + "trusted_proxies: [10.0.0.0/8]\n")
    header = ["--header", "X-Forwarded-For: 203.0.113.9"]

    from_proxy = explain(config, "GET", "http://a/healthz", *header, "--client", "10.1.2.3")
    from_anybody = explain(config, "GET", "http://a/healthz", *header)

    assert "  X-Forwarded-For: 203.0.113.9, 10.1.2.3\n" in from_proxy.stdout
    assert "  X-Forwarded-For: 192.0.2.1\n" in from_anybody.stdout


def test_what_is_wrong_with_the_request_itself_is_a_step(config: Path) -> None:
    done = explain(config, "POST", "http://a/healthz", "--header", "Content-Length: 5000")
    bad = explain(config, "TRACE", "http://a/healthz", "--format", "json")

    assert done.exit_code == 1
    assert "expected  a Content-Length of at most 4096" in done.stdout
    assert f"[{config}:10]" in done.stdout
    assert [step["reason"] for step in as_json(bad)["steps"]] == ["not_supported"]
    assert as_json(bad)["routes"] == []
    assert json.loads(as_json(bad)["answer"]["body"])["reason"] == "not_supported"


# --- by session

APP = "https://app.example/app/7"
READER = '{"iss": "https://login.example/", "scope": "orders:read"}'


@pytest.fixture(name="browsing")
def write_browsing(tmp_path: Path) -> Path:
    path = tmp_path / "gateway.yaml"
    path.write_text(LOGIN_ESTATE)
    (tmp_path / "personas.yaml").write_text(LOGIN_SUITE)
    return path


def test_a_request_by_session_is_explained_like_one_with_its_token(browsing: Path) -> None:
    done = explain(browsing, "POST", APP, "--claims", READER, "--session", "web")

    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    checks = [line.split()[1] for line in lines if line.startswith(("  ok ", "  NO "))]
    assert checks[3:6] == ["login", "session", "csrf"]
    assert "X-CSRF" not in done.stdout.partition("the head that orders gets")[2]
    assert "  X-Gateway-Scopes: orders:read" in lines


@pytest.mark.parametrize(
    ("arguments", "first", "code"),
    [
        (("GET", APP, "--browser", "navigation"), "redirected: 302, to log in with web", 1),
        (("GET", APP), "refused: 401 login_required", 1),
        (
            ("POST", APP, "--claims", READER, "--session", "web", "--browser", "other-site"),
            "refused: 403 csrf_refused",
            1,
        ),
        (
            ("GET", "https://api.example/app/7", "--claims", READER, "--session", "web"),
            "refused: 421 login_misdirected",
            1,
        ),
        (
            ("GET", "https://app.example/oauth/userinfo"),
            "answered: by the login web itself, as its userinfo",
            0,
        ),
    ],
)
def test_what_a_browser_gets_is_said_first(
    arguments: tuple[str, ...], first: str, code: int, browsing: Path
) -> None:
    done = explain(browsing, *arguments)

    assert (done.stdout.splitlines()[0], done.exit_code) == (first, code)


def test_a_redirect_is_shown_without_its_secrets(browsing: Path) -> None:
    done = explain(browsing, "GET", APP, "--browser", "navigation", "--format", "json")

    told = json.loads(done.stdout)
    assert (told["verdict"], told["status"], told["reason"]) == ("login", 302, "login_required")
    assert told["login"] == {"names": ["web"], "endpoint": "login"}
    assert "\r\nLocation: (not shown)\r\nSet-Cookie: (not shown)\r\n" in told["answer"]["head"]


def test_an_answer_of_a_login_itself_is_not_known(browsing: Path) -> None:
    url = "https://app.example/oauth/userinfo"
    told = json.loads(explain(browsing, "GET", url, "--format", "json").stdout)

    assert (told["verdict"], told["status"], told["answer"]) == ("login", None, None)
    assert explain(browsing, "GET", url, "--expect", "login").exit_code == 0
    assert explain(browsing, "GET", url, "--expect", "published").exit_code == 1


@pytest.mark.parametrize(("name", "expected"), [("page", "allow"), ("visitor", "login")])
def test_a_persona_comes_as_its_suite_says(name: str, expected: str, browsing: Path) -> None:
    done = explain(browsing, "GET", APP, *persona(browsing, name), "--expect", expected)

    assert done.exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--session", "web"), "--session needs --token or --claims"),
        (("--session", "wbe", "--claims", READER), "no login `wbe`: did you mean `web`?"),
        (("--browser", "robot"), "choose page, navigation or other-site"),
    ],
)
def test_a_session_is_of_a_login_and_has_a_token(
    arguments: tuple[str, ...], problem: str, browsing: Path
) -> None:
    done = explain(browsing, "GET", APP, *arguments)

    assert done.exit_code == 2
    assert problem in done.stderr


def test_a_real_token_may_be_that_of_a_session(browsing: Path, tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(make_token())
    source = f"@{tmp_path / 'token'}"

    done = explain(browsing, "POST", APP, "--token", source, "--session", "web", "--offline")

    assert done.exit_code == 3  # its keys are behind a URL
    assert "a session of web" in done.stdout
