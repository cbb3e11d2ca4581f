"""`gateway check --online`: what a login needs of its issuer."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from gateway.cli.check.logins import find_problem
from gateway.cli.check.online import find_online
from gateway.oauth.metadata import Endpoints
from gateway.settings.text.fault import Fault
from tests.certificates import self_signed, serving
from tests.cli.peers import closed_port, http_peer
from tests.keyring.keys import ec_jwk, jwks
from tests.lints.warned import loaded
from tests.settings.build.login.login_configs import built, login

AUTHORIZATION = "https://login.example.com/authorize"
TOKEN = "https://login.example.com/token"


def endpoints(**changes: object) -> Endpoints:
    usual = {"authorization": AUTHORIZATION, "token": TOKEN}
    return Endpoints("https://login.example.com/", **{**usual, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"challenge_methods": ("plain", "S256")},
        {"auth_methods": ("client_secret_post", "client_secret_basic")},
    ],
)
def test_a_login_needs_two_endpoints_s256_and_its_own_way_to_authenticate(
    changes: Mapping[str, object], tmp_path: Path
) -> None:
    assert find_problem(built(tmp_path), endpoints(**changes)) is None


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"authorization": None}, "no authorization_endpoint"),
        ({"token": None}, "no token_endpoint"),
        ({"challenge_methods": ("plain",)}, "only by plain, not by S256"),
        ({"challenge_methods": ()}, "only by no method, not by S256"),
        ({"auth_methods": ("none", "client_secret_post")}, "only none, client_secret_post"),
        ({"auth_methods": ()}, "only nothing"),
    ],
)
def test_without_one_of_them_it_is_unusable(
    changes: Mapping[str, object], problem: str, tmp_path: Path
) -> None:
    """9700.11: PKCE only by S256."""
    found = find_problem(built(tmp_path), endpoints(**changes))

    assert found is not None
    assert problem in found


def config(issuer: str, service: str) -> str:
    return f"""\
version: 1
issuers:
  main: {{issuer: "{issuer}", discovery: true, audiences: [orders], algorithms: [ES256]}}
upstreams:
  orders: {{servers: ["{service}"]}}
login:
{login()}\
routes:
  - {{name: a, match: {{path: /a}}, upstream: orders, require: {{}}, login: web}}
"""


def metadata(token_endpoint: str, **more: object) -> bytes:
    members = {
        "issuer": "http://self",
        "jwks_uri": "http://self/keys",
        "authorization_endpoint": "http://self/authorize",
        "token_endpoint": token_endpoint,
        **json.loads(jwks(ec_jwk(kid="e"))),
        **more,
    }
    return json.dumps(members).encode()


async def tried(directory: Path, body: bytes) -> list[Fault]:
    with http_peer(body) as issuer:
        found = loaded(directory, config(issuer, issuer))
        return list(await find_online(found.settings, found.places))


async def test_an_issuer_that_answers_is_good(tmp_path: Path) -> None:
    assert await tried(tmp_path, metadata("http://self/token")) == []


async def test_a_token_endpoint_where_nobody_listens_is_unreachable(tmp_path: Path) -> None:
    (found,) = await tried(tmp_path, metadata(f"http://127.0.0.1:{closed_port()}/token"))

    assert (found.code, found.place.line) == ("login_unreachable", 8)
    assert "/token: " in found.message


async def test_so_is_one_that_nobody_vouches_for(tmp_path: Path) -> None:
    with http_peer(b"", tls=serving(self_signed())) as stranger:
        (found,) = await tried(tmp_path, metadata(f"{stranger}/token"))

    assert (found.code, found.place.line) == ("login_unreachable", 8)
    assert "not trusted" in found.message


async def test_metadata_without_endpoints_is_unusable(tmp_path: Path) -> None:
    body = metadata("http://self/token", code_challenge_methods_supported=["plain"])

    (found,) = await tried(tmp_path, body)

    assert (found.code, found.place.line) == ("login_unusable", 8)


async def test_an_issuer_that_does_not_answer_is_one_fault_that_of_its_keys(tmp_path: Path) -> None:
    (found,) = await tried(tmp_path, b"<html>")

    assert found.code == "keys_unavailable"


# --- credentials of upstreams


def by_credentials(credentials: str, issuer: str, service: str) -> str:
    return f"""\
version: 1
issuers:
  main: {{issuer: "{issuer}", discovery: true, audiences: [orders], algorithms: [ES256]}}
upstreams:
  orders:
    servers: ["{service}"]
    credentials:
      client_credentials:
        {credentials}
        client_id: gateway
        client_secret: "${{CLIENT_SECRET}}"
routes:
  - {{name: a, match: {{path: /a}}, upstream: orders, require: {{}}}}
"""


async def tried_credentials(directory: Path, text: str, body: bytes) -> list[Fault]:
    with http_peer(body) as peer:
        found = loaded(directory, by_credentials(text.replace("SELF", peer), peer, peer))
        return list(await find_online(found.settings, found.places))


GOOD = metadata("http://self/token")
CLOSED = "http://127.0.0.1:1/token"


@pytest.mark.parametrize(
    ("text", "body", "codes"),
    [
        ("issuer: main", GOOD, []),
        ("token_url: SELF/token", GOOD, []),
        ("issuer: main", metadata(CLOSED), ["credentials_unreachable"]),
        (f"token_url: {CLOSED}", GOOD, ["credentials_unreachable"]),
        ("issuer: main", metadata("").replace(b"token_endpoint", b"x"), ["credentials_unusable"]),
        (
            "issuer: main",
            metadata("http://self/token", token_endpoint_auth_methods_supported=["none"]),
            ["credentials_unusable"],
        ),
        ("issuer: main", b"<html>", ["keys_unavailable"]),
    ],
)
async def test_what_credentials_need_is_tried(
    text: str, body: bytes, codes: list[str], tmp_path: Path
) -> None:
    found = await tried_credentials(tmp_path, text, body)

    assert [one.code for one in found] == codes
    if codes and codes != ["keys_unavailable"]:
        assert [one.place.line for one in found] == [9]
