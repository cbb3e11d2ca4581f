"""`gateway init`: what it writes is valid, tested, and never over a file; real issuers."""

import json
import tempfile
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.cli.config_files import run
from tests.cli.init.first_files import UPSTREAM, assert_sound, init, issuer_peer, token
from tests.cli.peers import closed_port
from tests.keyring.keys import ed25519_jwk, rsa_jwk
from tests.openapi.apis import SHOP, with_paths, write


def test_an_issuer_and_an_upstream_make_a_configuration_on_stdout() -> None:
    with issuer_peer() as url:
        done = init(url)

    assert done.exit_code == 0
    made = yaml.safe_load(done.stdout)
    assert made["issuers"]["main"] == {
        "issuer": url,
        "discovery": True,
        "audiences": ["https://api.example.com"],
        "algorithms": ["ES256"],
    }
    assert made["upstreams"]["api"]["servers"] == [UPSTREAM]
    assert [route["require"] for route in made["routes"]] == [{}]
    assert "note: the audience is a guess" in done.stderr


def test_the_next_commands_are_those_that_come_next(tmp_path: Path) -> None:
    with issuer_peer() as url:
        done = init(url, "--output", tmp_path / "new dir")

    lines = done.stdout.splitlines()
    config = f"'{tmp_path}/new dir/gateway.yaml'"
    assert lines == [
        f"wrote {tmp_path}/new dir/gateway.yaml",
        f"wrote {tmp_path}/new dir/access.test.yaml",
        "next:",
        f"  gateway check --strict {config}",
        f"  gateway test --config {config}",
        f"  gateway run {config}",
    ]
    assert_sound(tmp_path / "new dir")


def test_a_description_becomes_routes_that_are_sound(tmp_path: Path) -> None:
    with issuer_peer() as url:
        done = init(url, "--openapi", write(tmp_path), "--output", tmp_path / "new")

    assert done.exit_code == 0
    assert_sound(tmp_path / "new")
    made = yaml.safe_load((tmp_path / "new" / "gateway.yaml").read_text())
    rules = {
        (route["match"]["path"], *route["match"]["methods"]): route.get("require", "public")
        for route in made["routes"]
    }
    assert rules == {
        ("/v1/orders", "GET"): {"scopes": ["orders:read"]},
        ("/v1/orders", "POST"): {"scopes": {"any": ["orders:admin", "orders:write"]}},
        ("/v1/orders/{order_id}", "GET"): {"scopes": ["orders:read"]},
        ("/v1/orders/{order_id}", "DELETE"): {"scopes": ["orders:read", "orders:write"]},
        ("/v1/health", "GET"): "public",
        ("/v1/prices", "GET"): {"optional": True},
    }
    text = (tmp_path / "new" / "gateway.yaml").read_text()
    assert "# !!! PUBLIC: anyone may call this, without a token." in text
    assert "# NOT COVERED: GET /v1/reports" in text


def test_every_rule_of_the_first_suite_is_tested(tmp_path: Path) -> None:
    with issuer_peer() as url:
        init(url, "--openapi", write(tmp_path), "--output", tmp_path / "new")

    done = run("test", "--coverage", "--config", tmp_path / "new" / "gateway.yaml")

    assert ": 100 %" in done.stdout


FAILING = ("--fail-on", "opened")
SCHEMES = {
    "jwt": {"type": "http", "scheme": "bearer"},
    "oauth": {"type": "oauth2", "flows": {}},
    "key": {"type": "apiKey", "in": "header", "name": "X-Key"},
}
SCOPES = st.lists(st.sampled_from(["orders:read", "orders:write", "order:read", "a", "${X}"]))
RULES = st.lists(
    st.dictionaries(st.sampled_from(["jwt", "oauth", "key"]), SCOPES, max_size=2), max_size=3
)
SEGMENTS = st.sampled_from(["a", "b", "{x}", "{y-z}", "{n}.json", "on", "a b", "ü", "1.0"])
PATHS = st.lists(SEGMENTS, min_size=1, max_size=3).map(lambda parts: "/" + "/".join(parts))
OPERATIONS = st.fixed_dictionaries({}, optional={"security": RULES, "operationId": st.text()})
ITEMS = st.dictionaries(st.sampled_from(["get", "post", "head", "trace"]), OPERATIONS, min_size=1)


@settings(max_examples=40, deadline=None)
@given(
    paths=st.dictionaries(PATHS, ITEMS, min_size=1, max_size=6),
    top=st.fixed_dictionaries({}, optional={"security": RULES}),
)
@example(
    paths={
        "/a": {"get": {}},
        "/a/a/{n}.json": {"get": {}},
        "/a/{x}/a": {"get": {"security": []}},
    },
    top={},
)
def test_whatever_the_description_what_is_made_of_it_is_sound(
    paths: dict[str, object], top: dict[str, object]
) -> None:
    """`check` accepts it, `test` passes it, `diff` finds nothing opened; or it is refused."""
    whole = {"openapi": "3.1.0", **top, "components": {"securitySchemes": SCHEMES}, "paths": paths}
    with tempfile.TemporaryDirectory() as name, issuer_peer() as url:
        folder = Path(name)
        file = folder / "api.json"
        file.write_text(json.dumps(whole))
        done = init(url, "--openapi", file, "--output", folder / "new")
        if done.exit_code == 0:
            assert_sound(folder / "new")
            compared = run("diff", "--openapi", file, folder / "new" / "gateway.yaml", *FAILING)
            assert compared.exit_code == 0, compared.output
        else:
            assert done.exit_code == 1, done.output
            assert "duplicate_value" in done.stderr or "no operation of" in done.stderr


def test_what_the_description_decides_is_silenced_where_it_can_be_read(tmp_path: Path) -> None:
    """Where all is public, no route accepts tokens: a warning, and here it is meant."""
    text = with_paths("/a: {get: {security: []}}")
    with issuer_peer() as url:
        init(url, "--openapi", write(tmp_path, text), "--output", tmp_path / "new")

    assert_sound(tmp_path / "new")
    made = (tmp_path / "new" / "gateway.yaml").read_text()
    assert "# gateway: allow unused_issuer because " in made


CLAIMS = {"sub": "alice", "aud": "orders-api", "scope": "openid orders:read orders:write"}


def test_a_token_shapes_the_file_and_is_never_shown(tmp_path: Path) -> None:
    with issuer_peer() as url:
        secret = token({"iss": url, **CLAIMS, "email": "alice@example.com"})
        done = init(url, "--token", "-", "--output", tmp_path, stdin=secret)

    assert (done.exit_code, done.stderr) == (0, "")
    text = (tmp_path / "gateway.yaml").read_text()
    made = yaml.safe_load(text)
    assert made["issuers"]["main"]["audiences"] == ["orders-api"]
    assert made["routes"][0]["require"] == {"scopes": {"any": ["orders:read", "orders:write"]}}
    for part in (*secret.split("."), "alice"):
        assert part not in text + done.output
    assert_sound(tmp_path)


def test_a_token_of_rfc_9068_asks_for_such_tokens_only(tmp_path: Path) -> None:
    with issuer_peer() as url:
        whole = {"iss": url, **CLAIMS, "exp": 1, "iat": 0, "jti": "1", "client_id": "web"}
        init(url, "--token", "-", "--output", tmp_path, stdin=token(whole, typ="at+jwt"))

    made = yaml.safe_load((tmp_path / "gateway.yaml").read_text())
    assert made["issuers"]["main"]["profile"] == "rfc9068"
    assert_sound(tmp_path)


def test_scopes_in_another_claim_are_read_from_there(tmp_path: Path) -> None:
    with issuer_peer() as url:
        claims = {"iss": url, "aud": "api", "permissions": ["orders:read"]}
        init(url, "--token", "-", "--output", tmp_path, stdin=token(claims))

    made = yaml.safe_load((tmp_path / "gateway.yaml").read_text())
    assert made["issuers"]["main"]["scopes_from"] == ["scope", "permissions"]
    assert made["routes"][0]["require"] == {"scopes": ["orders:read"]}
    assert_sound(tmp_path)


def test_an_id_token_is_called_one(tmp_path: Path) -> None:
    with issuer_peer() as url:
        claims = {"iss": url, "aud": "web", "nonce": "n", "at_hash": "h"}
        done = init(url, "--token", "-", "--output", tmp_path / "new", stdin=token(claims))

    assert done.exit_code == 1
    assert "this is an ID token" in done.stderr
    assert "(it has `nonce`)" in done.stderr or "(it has `at_hash`)" in done.stderr
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2YotnFZFEjr1zCsicMWpAA", "the token is opaque"),
        ("a.b.c.d.e", "the token is encrypted (JWE)"),
        ("a.b.c", "not a token: "),
    ],
)
def test_a_token_that_says_nothing_is_refused(text: str, message: str) -> None:
    done = init("https://login.example.com", "--token", "-", stdin=text)

    assert done.exit_code == 1
    assert message in done.stderr
    assert text not in done.output


def test_a_token_of_another_issuer_is_refused() -> None:
    with issuer_peer() as url:
        done = init(url, "--token", "-", stdin=token({"iss": "https://evil.example", "aud": "a"}))

    assert done.exit_code == 1
    assert f"the token is of another issuer: its `iss` is not {url}" in done.stderr


def test_a_token_on_the_command_line_is_refused() -> None:
    done = init("https://login.example.com", "--token", token(CLAIMS))

    assert done.exit_code == 2
    assert "visible in the shell's history" in done.stderr


@pytest.mark.parametrize("suffix", ["", "/", "/.well-known/openid-configuration"])
def test_the_issuer_is_written_as_its_metadata_have_it(suffix: str) -> None:
    """Its tokens have the same slash, or none, and are compared code point by code point."""
    with issuer_peer("/") as url:
        done = init(f"{url}{suffix}")

    assert yaml.safe_load(done.stdout)["issuers"]["main"]["issuer"] == f"{url}/"


def test_the_algorithms_are_those_of_the_keys() -> None:
    with issuer_peer("", rsa_jwk(kid="r"), ed25519_jwk(kid="d")) as url:
        done = init(url, "--audience", "a", "--audience", "b")

    made = yaml.safe_load(done.stdout)["issuers"]["main"]
    assert (made["algorithms"], made["audiences"]) == (["EdDSA", "RS256"], ["a", "b"])


@pytest.mark.parametrize("name", ["gateway.yaml", "access.test.yaml"])
def test_a_file_that_is_there_is_not_overwritten(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with issuer_peer() as url:
        done = init(url, "--output", tmp_path)

    assert done.exit_code == 3
    assert f"{tmp_path / name} is there already, and is not overwritten" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "mine"


def test_a_folder_that_cannot_be_written_is_3(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with issuer_peer() as url:
        done = init(url, "--output", tmp_path / "file" / "new")

    assert done.exit_code == 3
    assert "cannot write" in done.stderr


def test_an_issuer_that_nobody_reaches_is_3() -> None:
    done = init(f"http://127.0.0.1:{closed_port()}")

    assert done.exit_code == 3
    assert done.stderr.startswith("gateway: cannot fetch the keys of the issuer: ")


def test_an_issuer_without_usable_keys_is_1() -> None:
    with issuer_peer("", rsa_jwk(use="enc")) as url:
        done = init(url)

    assert done.exit_code == 1
    assert "the issuer has no usable key in discovery " in done.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--issuer", "login.example.com"), "e.g. https://login.example.com"),
        (("--issuer", "http://login.example.com"), "--issuer: a document fetched over plain http"),
        (("--upstream", "http://10.0.0.7/api"), "--upstream: "),
    ],
)
def test_a_wrong_url_is_a_usage_error(options: tuple[str, str], message: str) -> None:
    done = init("https://login.example.com", *options)

    assert done.exit_code == 2
    assert message in done.stderr


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("openapi: 3.1.0\npaths: {a: {}}", 1, "api.yaml:2:9: bad_value: the path `a` must start"),
        (with_paths("/a: {get: {security: [{}]}, trace: {}}"), 0, ""),
        (with_paths("/a: {trace: {}}"), 1, "no operation of the description can be a route"),
    ],
)
def test_a_description_with_faults_is_1(tmp_path: Path, text: str, code: int, message: str) -> None:
    with issuer_peer() as url:
        done = init(url, "--openapi", write(tmp_path, text))

    assert done.exit_code == code
    assert message in done.stderr


def test_json_has_both_files_the_notes_and_what_comes_next(tmp_path: Path) -> None:
    with issuer_peer() as url:
        done = init(url, "--openapi", write(tmp_path, SHOP), "--json")

    whole = json.loads(done.stdout)
    assert set(whole) == {"config", "suite", "notes", "next"}
    assert yaml.safe_load(whole["suite"])["gateway"] == "gateway.yaml"
    assert done.stderr == ""
