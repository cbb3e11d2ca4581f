"""The command line of ``gateway token get``; what it gets is in tests/end_to_end."""

import socket
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli.token.get import get

ISSUER = ("--issuer", "https://login.example.com")
CLIENT = ("--client-id", "shop")


def run(*arguments: str, given: str = "") -> Result:
    return CliRunner().invoke(get, list(arguments), input=given)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("client", *ISSUER),
        ("client", *CLIENT),
        ("password", *ISSUER, *CLIENT),
        ("client", "--issuer", "http://login.example.com", *CLIENT),
        ("client", *ISSUER, *CLIENT, "--client-auth", "client_secret_basic"),
        ("client", *ISSUER, *CLIENT, "--client-auth", "basic"),
        ("client", *ISSUER, *CLIENT, "--param", "prompt"),
        ("client", *ISSUER, *CLIENT, "--timeout", "0"),
        ("client", *ISSUER, *CLIENT, "--timeout", "nan"),
        ("client", *ISSUER, *CLIENT, "--timeout", "inf"),
        ("code", *ISSUER, *CLIENT, "--redirect-uri", "https://app.example.com/"),
        ("refresh", *ISSUER, *CLIENT, "--refresh-token-env", "A", "--refresh-token-file", "b"),
    ],
)
def test_a_wrong_option_is_an_error_of_usage(arguments: tuple[str, ...]) -> None:
    result = run(*arguments)

    assert result.exit_code == 2
    assert result.stdout == ""


def test_a_refresh_without_a_token_on_stdin_is_an_error_of_usage() -> None:
    result = run("refresh", *ISSUER, *CLIENT)

    assert result.exit_code == 2
    assert "--refresh-token-file: empty" in result.stderr


@pytest.mark.parametrize(("content", "words"), [(None, "No such file"), (b"x", "no certificate")])
def test_trust_that_is_none_is_an_error_of_the_environment(
    content: bytes | None, words: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "ca.pem").write_bytes(content)

    result = run("client", *ISSUER, *CLIENT, "--ca", str(tmp_path / "ca.pem"))

    assert result.exit_code == 3
    assert result.stderr.startswith("gateway: --ca: ")
    assert words in result.stderr


def test_no_issuer_is_an_error_of_the_environment() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # bound but not listening: nobody else gets the port
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        result = run("client", "--issuer", url, *CLIENT)

    assert result.exit_code == 3
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert "cannot connect" in result.stderr
