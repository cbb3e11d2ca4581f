"""The output and the exit codes of `gateway keys`, with real issuers on loopback."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli.keys import command
from tests.cli.peers import closed_port, http_peer
from tests.keyring.keys import P256_KEYS, ec_jwk, ed448_jwk, ed25519_jwk, jwks, rsa_jwk

SECRET = "0123456789abcdefghijklmnopqrstuvwxyz"


def issuer_lines(name: str, source: str) -> str:
    return (
        f"  {name}:\n    issuer: https://{name}.example.com/\n    audiences: [api]\n    {source}\n"
    )


def run(directory: Path, *issuers: str, form: str = "text") -> Result:
    file = directory / "gateway.yaml"
    file.write_text(
        "version: 1\nlisten: 127.0.0.1:0\nissuers:\n"
        + "".join(issuers)
        + "upstreams:\n  service:\n    servers: [http://127.0.0.1:9]\n"
        "routes:\n  - name: all\n    match: {path_prefix: /}\n"
        "    require: {}\n    upstream: service\n"
    )
    return CliRunner(env={"SIGNING_SECRET": SECRET}).invoke(command, [str(file), "--format", form])


def said(result: Result) -> list[str]:
    """Return the diagnostics but for the warnings of the configuration."""
    return [line for line in result.stderr.splitlines() if ": warning: " not in line]


def test_all_keys_are_shown_with_kind_algorithms_and_source(tmp_path: Path) -> None:
    keys = jwks(rsa_jwk(kid="r"), ec_jwk(alg="ES256", kid="e"), ed25519_jwk(), ed448_jwk(kid="4"))
    with http_peer(keys) as url:
        result = run(tmp_path, issuer_lines("main", f"jwks_url: {url}/jwks?code=hidden"))

    assert (result.exit_code, said(result)) == (0, [])
    source = f"jwks_url {url}/jwks"
    assert [line.split(maxsplit=2) for line in result.stdout.splitlines()[1:3]] == [
        ["main", "r", f"RSA 2048  PS256 PS384 PS512 RS256 RS384 RS512  {source}"],
        ["main", "e", f"EC P-256  ES256                                {source}"],
    ]
    assert [line.split()[1:3] for line in result.stdout.splitlines()[3:]] == [
        ["-", "Ed25519"],
        ["4", "Ed448"],
    ]


def test_keys_that_no_token_can_tell_apart_are_told_of(tmp_path: Path) -> None:
    twins = jwks(ec_jwk(kid="e"), ec_jwk(P256_KEYS[1], kid="e"))
    with http_peer(twins) as url:
        result = run(tmp_path, issuer_lines("main", f"jwks_url: {url}/jwks"))

    assert result.exit_code == 0
    assert said(result) == [
        "main: keys share a kid, and each of them is tried: 2 keys 'e' for ES256"
    ]


def test_json_has_the_same_and_the_reasons(tmp_path: Path) -> None:
    with http_peer(jwks(ec_jwk(kid="e"), rsa_jwk(use="enc"))) as url:
        result = run(tmp_path, issuer_lines("main", f"jwks_url: {url}/jwks"), form="json")

    assert result.exit_code == 0
    assert json.loads(result.stdout) == {
        "issuers": [
            {
                "name": "main",
                "issuer": "https://main.example.com/",
                "source": f"jwks_url {url}/jwks",
                "keys": [{"kid": "e", "key": "EC P-256", "algorithms": ["ES256"]}],
                "unusable": ["key 1: use is not sig"],
                "error": None,
            }
        ]
    }


def test_unusable_keys_are_named_beside_the_others(tmp_path: Path) -> None:
    with http_peer(jwks(ec_jwk(kid="e"), rsa_jwk(use="enc"))) as url:
        result = run(tmp_path, issuer_lines("main", f"jwks_url: {url}/jwks"))

    assert result.exit_code == 0
    assert said(result) == ["main: unusable: key 1: use is not sig"]


def test_an_issuer_without_a_usable_key_is_a_negative_result(tmp_path: Path) -> None:
    with http_peer(jwks(rsa_jwk(use="enc"))) as url:
        result = run(tmp_path, issuer_lines("main", f"jwks_url: {url}/jwks"))

    assert (result.exit_code, result.stdout) == (1, "")
    assert f"main: no usable key in jwks_url {url}/jwks\n" in result.stderr


@pytest.mark.parametrize("form", ["text", "json"])
def test_an_issuer_that_cannot_be_reached_ends_with_3_and_the_others_are_shown(
    form: str, tmp_path: Path
) -> None:
    with http_peer(jwks(ec_jwk(kid="e"))) as url:
        result = run(
            tmp_path,
            issuer_lines("down", f"jwks_url: http://127.0.0.1:{closed_port()}/"),
            issuer_lines("main", f"jwks_url: {url}/jwks"),
            form=form,
        )

    assert result.exit_code == 3
    assert "EC P-256" in result.stdout
    assert "cannot connect" in result.output
    assert "Traceback" not in result.output


def test_an_error_of_the_issuer_ends_with_3(tmp_path: Path) -> None:
    with http_peer(b"", status=503) as url:
        result = run(tmp_path, issuer_lines("main", f"jwks_url: {url}/jwks"))

    assert result.exit_code == 3
    assert said(result) == [f"main: {url}/jwks: status 503 instead of 200"]


def test_a_secret_is_listed_and_not_shown(tmp_path: Path) -> None:
    result = run(tmp_path, issuer_lines("main", "secret_env: SIGNING_SECRET"))

    assert result.exit_code == 0
    assert "HMAC  HS256       secret_env SIGNING_SECRET" in result.stdout
    assert SECRET not in result.output


def test_a_key_id_cannot_steer_the_terminal(tmp_path: Path) -> None:
    with http_peer(jwks(ec_jwk(kid="\x1b[2J\nmain"))) as url:
        result = run(tmp_path, issuer_lines("main", f"jwks_url: {url}/jwks"))

    assert result.exit_code == 0
    assert "\x1b" not in result.stdout
    assert len(result.stdout.splitlines()) == 2


def test_a_config_with_faults_ends_with_1_and_its_place(tmp_path: Path) -> None:
    result = run(tmp_path, issuer_lines("main", "jwks_url: file:///etc/passwd"))

    assert result.exit_code == 1
    assert "gateway.yaml:7:" in result.stderr


def test_a_file_that_is_not_there_ends_with_3(tmp_path: Path) -> None:
    result = CliRunner().invoke(command, [str(tmp_path / "none.yaml")])

    assert result.exit_code == 3
    assert "none.yaml" in result.stderr
