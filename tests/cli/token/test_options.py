from pathlib import Path

import click
import pytest

from gateway.cli.token.options import (
    IssuerUrl,
    NamedValue,
    RedirectUri,
    Wanted,
    read_client,
    read_key,
    read_secret,
)
from gateway.settings.values.clients import ClientAuthentication
from tests.assertion.callers import signing_key, signing_pem

SECRET = "the-secret-of-this-client"
KEY = signing_key("ES256")


def test_what_is_asked_for_is_a_form() -> None:
    wanted = Wanted(("a", "b"), ("https://x.example", "https://y.example"), (("prompt", "login"),))

    assert wanted.form() == (
        ("scope", "a b"),
        ("resource", "https://x.example"),
        ("resource", "https://y.example"),
        ("prompt", "login"),
    )
    assert wanted.resource_form() == wanted.form()[1:3]
    assert Wanted((), ()).form() == ()


@pytest.mark.parametrize(
    ("method", "secret", "key", "kind"),
    [
        (None, SECRET, None, "basic"),
        (None, None, KEY, "private_key_jwt"),
        (None, None, None, "none"),
        ("post", SECRET, None, "post"),
        ("none", None, None, "none"),
    ],
)
def test_a_client_authenticates_with_what_it_has(
    method: str | None, secret: str | None, key: object, kind: str
) -> None:
    client = read_client("shop", method, secret, KEY if key else None)

    assert client.method is ClientAuthentication(kind)
    assert (client.secret, client.key) == (secret, key)


@pytest.mark.parametrize(
    ("method", "secret", "key", "words"),
    [
        ("basic", None, None, "needs --client-secret-env or --client-secret-file"),
        ("post", None, KEY, "needs --client-secret-env or --client-secret-file"),
        ("private_key_jwt", None, None, "needs --key"),
        ("private_key_jwt", SECRET, KEY, "does not use"),
        ("none", SECRET, None, "does not use"),
        ("none", None, KEY, "does not use"),
        (None, SECRET, KEY, "does not use"),
    ],
)
def test_a_method_without_what_it_needs_is_an_error_of_usage(
    method: str | None, secret: str | None, key: object, words: str
) -> None:
    with pytest.raises(click.UsageError, match=words) as failure:
        read_client("shop", method, secret, KEY if key else None)

    assert SECRET not in str(failure.value)


def test_a_secret_comes_from_a_variable_or_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "secret"
    file.write_bytes(SECRET.encode() + b"\r\n")
    monkeypatch.setenv("SECRET", SECRET)

    assert read_secret("SECRET", None, "client-secret") == SECRET
    assert read_secret(None, file, "client-secret") == SECRET
    assert read_secret(None, None, "client-secret") is None
    with pytest.raises(click.UsageError, match="mutually exclusive"):
        read_secret("SECRET", file, "client-secret")


@pytest.mark.parametrize(
    "octets", [b"", b"\n", b"two\nlines", b"a\0b", b"\xff" * 8, "ä".encode(), b"x" * 100_000]
)
def test_a_secret_that_no_server_issued_is_an_error_of_usage(octets: bytes, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_bytes(octets)

    with pytest.raises(click.UsageError, match="--client-secret-file: "):
        read_secret(None, file, "client-secret")


@pytest.mark.parametrize("name", ["missing", "a\0b"])
def test_a_secret_that_is_unreadable_is_an_error_of_the_environment(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """6749.8: the name of the file is not told: it may be the secret itself, by mistake."""
    with pytest.raises(SystemExit) as left:
        read_secret(None, tmp_path / name, "client-secret")

    assert left.value.code == 3
    said = capsys.readouterr().err
    assert said.startswith("gateway: --client-secret-file: cannot read the file: ")
    assert str(tmp_path) not in said


def test_a_variable_that_is_not_set_is_an_error_of_the_environment(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as left:
        read_secret("NOT_SET_ANYWHERE", None, "refresh-token")

    assert left.value.code == 3
    assert capsys.readouterr().err == (
        "gateway: --refresh-token-env: the environment variable is not set\n"
    )


def test_a_key_is_read_and_something_else_is_an_error_of_usage(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    file.write_bytes(signing_pem("ES256"))
    found = read_key(file)

    assert found is not None
    assert found.kid == KEY.kid
    assert read_key(None) is None
    file.write_text("no key")
    with pytest.raises(click.UsageError, match="--key: this PEM file has no readable private key"):
        read_key(file)


@pytest.mark.parametrize(
    "url",
    [
        "login.example.com",
        "http://login.example.com",
        "https://login.example.com/?tenant=1",
        "https://login.example.com/#x",
        "https://user:pass@login.example.com",
        "file:///etc/passwd",
        "",
    ],
)
def test_an_issuer_is_https_or_on_this_machine(url: str) -> None:
    """9700.8."""
    with pytest.raises(click.BadParameter):
        IssuerUrl().convert(url, None, None)


@pytest.mark.parametrize("url", ["https://login.example.com/realms/x/", "http://127.0.0.1:9000"])
def test_an_issuer_stays_as_it_is_written(url: str) -> None:
    assert IssuerUrl().convert(url, None, None) == url


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/callback",
        "http://localhost/callback",
        "http://10.0.0.1/callback",
        "http://0.0.0.0/callback",
        "http://127.0.0.1:99999/callback",
        "http://u@127.0.0.1/callback",
        "http://127.0.0.1/callback?x=1",
        "http://127.0.0.1/callback#x",
        "http://127.0.0.1/a b",
        "http://[::1/callback",
        "127.0.0.1",
        "",
    ],
)
def test_a_code_comes_to_this_machine_by_address(url: str) -> None:
    """8252.1."""
    with pytest.raises(click.BadParameter):
        RedirectUri().convert(url, None, None)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:0/callback", "http://[::1]:8400/", "http://127.0.0.1"]
)
def test_any_path_and_port_of_this_machine_may_be_registered(url: str) -> None:
    assert RedirectUri().convert(url, None, None) == url


def test_a_parameter_has_a_name_and_any_value() -> None:
    assert NamedValue().convert("acr_values=a=b c", None, None) == ("acr_values", "a=b c")
    assert NamedValue().convert("prompt=", None, None) == ("prompt", "")
    for wrong in ("prompt", "=x", ""):
        with pytest.raises(click.BadParameter, match="write it like prompt=login"):
            NamedValue().convert(wrong, None, None)


@pytest.mark.parametrize("name", ["state", "client_id", "scope", "code_verifier", "resource"])
def test_a_parameter_that_the_command_sets_itself_is_not_set_twice(name: str) -> None:
    """6749.1."""
    with pytest.raises(click.BadParameter, match="sets itself"):
        NamedValue().convert(f"{name}=x", None, None)
