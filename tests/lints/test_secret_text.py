"""What looks like a secret, and what must not be taken for one."""

import base64
import random
import re
from collections.abc import Callable

import pytest

from gateway.lints.secrets import find_secrets


def found(line: str) -> list[tuple[int, str]]:
    return [(secret.column, secret.what) for secret in find_secrets(line)]


# Put together here, so that nothing that scans this repository takes them for real.
HEADER = "eyJ" + "hbGciOiJIUzI1NiJ9"
TOKEN = f"{HEADER}.eyJ" + "zdWIiOiJhbGljZSJ9.c2ln"
SECRETS = [
    ("a private key", "-----BEGIN PRIVATE" + " KEY-----"),
    ("a private key", "-----BEGIN RSA PRIVATE" + " KEY-----"),
    ("a private key", '"d": "' + "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI" + '"'),
    ("a token", TOKEN),
    ("a token", TOKEN.rpartition(".")[0] + "."),
    ("a password in a URL", "://admin:" + "hunter2@db.example/x"),
    ("a password in a URL", "://:" + "hunter2@db.example/x"),
    ("a key of a cloud service", "AKIA" + "IOSFODNN7EXAMPLE"),
    ("a key of a cloud service", "ghp_" + "a1B2" * 9),
    ("a key of a cloud service", "xoxb-" + "1234567890-abc"),
    ("a password or a secret", "password: " + "hunter2hunter2"),
    ("a password or a secret", "client_secret=" + "s3cr3t-of-them"),
    ("a password or a secret", "'api-key': '" + "0a1b2c3d4e5f'"),
    ("a secret (it looks random)", "0123456789abcdef" * 4),
]
HARMLESS = [
    "secret_env: SIGNING_SECRET",
    "secret: ${SIGNING_SECRET}",
    "token_env: ADMIN_TOKEN_2",
    "password: {exists: true}",
    "# the secret: see section 3.1.1 of the handbook",
    "-----BEGIN PUBLIC KEY-----",
    "issuer: https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/v2.0",
    "audiences: [api://72f988bf-86f1-41af-91ab-2d7cd011db47]",
    "audiences: [1x2y3z4w5v6u7t8s9r0q1p2o3n4m5l6k]",
    "audiences: [Zm9vYmFyQmF6MTIzNDU2Nzg5MEFC]",
    "audiences: [123456789012-abcdefghijklmnopqrstuvwxyz012345.apps.googleusercontent.com]",
    "path: /api/v1/Organisations/Departments/Employees/Contracts/Attachments2",
    "path: /internal/legacy/OrderManagement/v2/fulfilment/shipments/tracking",
    "servers: [http://orders.production.svc.cluster.local:8000]",
    "servers: ['http://[2001:db8::1]:8000']",
    "jwks_url: https://login.example.com/oauth2/v1/keys@v2",
    "url: https://user:${PASSWORD}@lists.example.com/",
    "# commit da39a3ee5e6b4b0d3255bfef95601890afd80709",
    f"# a token begins with {HEADER[:8]}",
    "=" * 64,
    "a" * 64,
    "audiences: [/projects/123456789012/global/backendServices/4567890123456789012]",
]


@pytest.mark.parametrize(("what", "text"), SECRETS)
@pytest.mark.parametrize("before", ["", "x: ", "# see "])
def test_a_secret_is_found_at_its_column(what: str, text: str, before: str) -> None:
    start = text.index("api-key") if "api-key" in text else 0

    assert found(f"{before}{text}, and more") == [(len(before) + start, what)]


@pytest.mark.parametrize("line", HARMLESS)
def test_names_paths_and_numbers_are_none(line: str) -> None:
    assert found(line) == []


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode, base64.b16encode])
def test_random_bytes_are_found_in_every_usual_spelling(encode: Callable[[bytes], bytes]) -> None:
    """48 of them, as `openssl rand` gives them; one in a thousand has no digit."""
    source = random.Random(7)
    texts = [encode(source.randbytes(48)).decode() for _ in range(1000)]

    assert all(found(f"key: {text}") for text in texts if re.search("[0-9]", text))
    assert sum(bool(re.search("[0-9]", text)) for text in texts) > 990


def test_one_place_is_told_of_once() -> None:
    assert found(f"password: {TOKEN}") == [(0, "a password or a secret")]


@pytest.mark.parametrize(
    "piece", ["eyJ", "secret=", "://a:", '"d":"', "-----BEGIN ", "aB3" * 9, " "]
)
def test_a_line_of_a_megabyte_is_read_in_one_pass(piece: str) -> None:
    """Else somebody's file could hold up everybody's checks."""
    assert len(found(piece * (1_000_000 // len(piece)))) <= 1
