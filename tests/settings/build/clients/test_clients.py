"""Each way to authenticate a client has exactly the secret or key that it needs."""

from pathlib import Path

import pytest

from gateway.settings.values.clients import ClientAuthentication
from tests.assertion.callers import signing_pem
from tests.settings.build.login.login_configs import built, one_login
from tests.settings.configs import assert_found, faults

SECRET = '"${CLIENT_SECRET}"'


@pytest.fixture(autouse=True)
def files(tmp_path: Path) -> None:
    (tmp_path / "web.secret").write_text("from a file")
    (tmp_path / "web.key").write_bytes(signing_pem("ES256"))


MISTAKES = [
    ("conflicting_keys", {"client_auth": "none"}, "client_secret"),
    ("conflicting_keys", {"client_secret_file": "web.secret"}, "client_secret_file"),
    ("conflicting_keys", {"client_key_file": "web.key"}, "client_key_file"),
    ("missing_key", {"client_secret": ""}, "web:"),
    ("missing_key", {"client_secret": "", "client_auth": "post"}, "web:"),
    ("missing_key", {"client_secret": "", "client_auth": "private_key_jwt"}, "web:"),
    (
        "conflicting_keys",
        {"client_auth": "private_key_jwt", "client_key_file": "web.key"},
        "client_secret:",
    ),
]


@pytest.mark.parametrize(("code", "keys", "place"), MISTAKES)
def test_a_login_has_no_other_key_and_no_fewer(
    code: str, keys: dict[str, str], place: str, tmp_path: Path
) -> None:
    text = one_login(**keys)
    before, _, after = text.partition(f" {place}")

    assert_found(tmp_path, code, f"{before} ¦{place}{after}")


@pytest.mark.parametrize(
    ("method", "more", "words"),
    [
        ("none", {}, "does not use `client_secret`: remove it, or set `client_auth` to `basic`"),
        ("private_key_jwt", {}, "does not use `client_secret`: write `client_key_file` instead"),
        ("private_key_jwt", {"client_key_file": "web.key"}, "`client_secret`: remove it"),
    ],
)
def test_the_fault_of_a_key_that_does_not_fit_says_what_to_write_instead(
    method: str, more: dict[str, str], words: str, tmp_path: Path
) -> None:
    (fault,) = faults(tmp_path, one_login(client_auth=method, **more))

    assert words in fault.message


@pytest.mark.parametrize("method", ["basic", "post"])
def test_a_secret_is_of_a_variable_or_a_file(method: str, tmp_path: Path) -> None:
    of_variable = built(tmp_path, client_auth=method).client
    of_file = built(
        tmp_path, client_auth=method, client_secret="", client_secret_file="web.secret"
    ).client

    assert of_variable.method is of_file.method is ClientAuthentication(method)
    assert (of_variable.secret, of_file.secret) == ("a secret of the client", "from a file")
    assert of_variable.key is of_file.key is None


def test_a_key_signs_assertions(tmp_path: Path) -> None:
    client = built(
        tmp_path, client_secret="", client_auth="private_key_jwt", client_key_file="web.key"
    ).client

    assert client.key is not None
    assert (client.key.algorithm, client.secret) == ("ES256", None)


@pytest.mark.parametrize(("code", "file"), [("bad_key", "web.secret"), ("missing_file", "no.key")])
def test_a_file_without_a_key_is_refused(code: str, file: str, tmp_path: Path) -> None:
    keys = {"client_secret": "", "client_auth": "private_key_jwt", "client_key_file": f"¦{file}"}

    assert_found(tmp_path, code, one_login(**keys))


def test_a_public_client_has_nothing(tmp_path: Path) -> None:
    client = built(tmp_path, client_secret="", client_auth="none").client

    assert (client.method, client.secret, client.key) == (ClientAuthentication.NONE, None, None)


def test_a_secret_of_another_type_is_not_missing_as_well(tmp_path: Path) -> None:
    assert_found(tmp_path, "wrong_type", one_login(client_secret="¦1"))


def test_a_client_id_is_visible_ascii(tmp_path: Path) -> None:
    """RFC 6749 appendix A.1."""
    assert_found(tmp_path, "bad_value", one_login(client_id='¦"wéb"'))
