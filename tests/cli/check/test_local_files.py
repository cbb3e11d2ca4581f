"""`gateway check` validates the files with keys and revocations."""

import json
import os
from pathlib import Path

import pytest
from click.testing import Result
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
)

from tests.cli.config_files import run, write_config
from tests.keyring.keys import ec_jwk, jwks, rsa_jwk
from tests.settings.configs import config
from tests.tokens import make_private

ISSUER = 'issuers:\n  main: {{issuer: "https://a.example/", {}, audiences: [orders]}}\n'
PRIVATE = b"-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n"
LISTED = "revocations:\n  blocked: {{file: {}}}\n"
TWO = jwks(ec_jwk(kid="a"), rsa_jwk(kid="b"))


def pem_of(kind: str) -> bytes:
    public = make_private(kind).public_key()
    return bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def check(directory: Path, text: str, *options: str) -> Result:
    return run("check", str(write_config(directory, text)), *options)


def faults(directory: Path, text: str) -> list[tuple[str, str, str]]:
    """Return severity, code and message of each fault, all of which stand at a file's name."""
    done = check(directory, text, "--format", "json")
    found = json.loads(done.stdout)["faults"]
    lines = text.splitlines()
    for one in found:
        value = lines[one["line"] - 1][one["column"] - 1 :]
        assert value.startswith(("it.json", "it.pem")), value
    return [(one["severity"], one["code"], one["message"]) for one in found]


def with_keys(source: str) -> str:
    return config(issuers=ISSUER.format(source))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", "it.json: not valid JSON"),
        (b"", "it.json: not valid JSON"),
        (b"<!doctype html>", "it.json: not valid JSON"),
        (b'{"keys": {}}', 'it.json: has no "keys" array'),
        (b'{"keys": []}', "no usable key: the set is empty"),
        (jwks(rsa_jwk(use="enc")), "no usable key (key 0: use is not sig)"),
        (b" " * 300_000, "it.json: larger than 262144 bytes"),
    ],
)
def test_a_key_set_of_no_use_is_an_error_at_its_name(
    content: bytes, words: str, tmp_path: Path
) -> None:
    (tmp_path / "it.json").write_bytes(content)
    text = with_keys("jwks_file: it.json")

    [(severity, code, message)] = faults(tmp_path, text)
    done = check(tmp_path, text)

    assert (severity, code) == ("error", "keys_unusable")
    assert message.endswith(words)
    assert done.exit_code == 1
    assert done.stderr.endswith("gateway.yaml: valid, 1 error in files that it names\n")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"nothing", "it.pem: holds no PEM block"),
        (PRIVATE, "it.pem: holds a private key; put the public key or the certificate here"),
        (
            b"-----BEGIN PUBLIC KEY-----\nAA==\n-----END PUBLIC KEY-----\n",
            "no usable key (key 0: cannot be read)",
        ),
    ],
)
def test_a_pem_file_of_no_use_is_an_error_at_its_name(
    content: bytes, words: str, tmp_path: Path
) -> None:
    (tmp_path / "it.pem").write_bytes(content)

    [(severity, code, message)] = faults(tmp_path, with_keys("pem_file: it.pem"))

    assert (severity, code) == ("error", "keys_unusable")
    assert message.endswith(words)


@pytest.mark.parametrize(
    ("name", "content"),
    [("jwks_file: it.json", jwks(rsa_jwk(kid="r"))), ("pem_file: it.pem", pem_of("RSA"))],
)
def test_keys_that_fit_no_listed_algorithm_are_an_error(
    name: str, content: bytes, tmp_path: Path
) -> None:
    """Not one token of the issuer could be accepted."""
    (tmp_path / name.partition(": ")[2]).write_bytes(content)

    found = faults(tmp_path, with_keys(f"{name}, algorithms: [ES256]"))

    assert found == [
        (
            "error",
            "keys_unusable",
            "no key for the issuer's `algorithms` (ES256); those it has are for PS256, PS384, "
            "PS512, RS256, RS384, RS512",
        )
    ]


@pytest.mark.parametrize(
    ("content", "algorithms", "words"),
    [
        (TWO, "ES256", "unusable: 'b' is for PS256, PS384, PS512, RS256, RS384, RS512 alone"),
        (jwks(ec_jwk(), rsa_jwk(use="enc")), "ES256", "unusable: key 1: use is not sig"),
        (
            jwks(ec_jwk(), *[rsa_jwk(use="enc")] * 5),
            "ES256",
            "unusable: key 1: use is not sig; key 2: use is not sig; key 3: use is not sig; "
            "and 2 more",
        ),
    ],
)
def test_a_single_key_of_no_use_is_a_warning(
    content: bytes, algorithms: str, words: str, tmp_path: Path
) -> None:
    (tmp_path / "it.json").write_bytes(content)
    text = with_keys(f"jwks_file: it.json, algorithms: [{algorithms}]")

    assert faults(tmp_path, text) == [("warning", "unusable_key", words)]
    assert check(tmp_path, text).exit_code == 0
    assert check(tmp_path, text, "--strict").exit_code == 1


def test_the_warning_can_be_silenced_and_a_silence_of_nothing_is_told(tmp_path: Path) -> None:
    silence = "  # gateway: allow unusable_key because others read the file, too\n"
    text = with_keys("jwks_file: it.json, algorithms: [ES256]")
    text = text.replace("  main", f"{silence}  main", 1)

    (tmp_path / "it.json").write_bytes(TWO)
    silenced = check(tmp_path, text, "--strict")
    (tmp_path / "it.json").write_bytes(jwks(ec_jwk(kid="a")))
    unused = check(tmp_path, text)

    assert (silenced.exit_code, silenced.stderr) == (0, "")
    assert "unused_silence" in unused.stderr


@pytest.mark.parametrize(
    ("name", "content", "algorithms"),
    [
        ("jwks_file: it.json", TWO, "ES256, RS256"),
        ("pem_file: it.pem", pem_of("ES256"), "ES256"),
    ],
)
def test_good_keys_are_nothing_to_tell_of(
    name: str, content: bytes, algorithms: str, tmp_path: Path
) -> None:
    (tmp_path / name.partition(": ")[2]).write_bytes(content)

    assert faults(tmp_path, with_keys(f"{name}, algorithms: [{algorithms}]")) == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", "it.json: not valid JSON"),
        (b'{"revoked": [{}]}', "it.json: entry 0: has neither jti, sub nor client_id"),
        (b" " * (4 * 1024 * 1024 + 1), "it.json: larger than 4194304 bytes"),
    ],
)
def test_a_file_that_is_no_list_is_an_error_at_its_name(
    content: bytes, words: str, tmp_path: Path
) -> None:
    (tmp_path / "it.json").write_bytes(content)
    text = config(LISTED.format("it.json"))

    [(severity, code, message)] = faults(tmp_path, text)

    assert (severity, code) == ("error", "revocations_unusable")
    assert message.endswith(words)
    (tmp_path / "it.json").write_bytes(b'{"revoked": []}')
    assert faults(tmp_path, text) == []


def test_a_pipe_in_place_of_a_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "it.json")

    [(_, code, _)] = faults(tmp_path, with_keys("jwks_file: it.json"))

    assert code == "missing_file"  # by the configuration itself
