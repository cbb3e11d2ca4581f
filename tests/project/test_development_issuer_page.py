"""`docs/development-issuer.md`: its clients and figures are those of the code."""

import re
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from gateway.issuer import paths
from gateway.issuer.clients import Client, development_clients
from gateway.issuer.flows.authorization import PUSHED_SECONDS
from gateway.issuer.personas import PERSONAS
from gateway.issuer.requests.authorization_request import ACR_LEVELS
from gateway.issuer.requests.wishes import MAX_LIFETIME_SECONDS
from gateway.issuer.state.codes import CODE_SECONDS
from gateway.issuer.state.device_codes import DEVICE_SECONDS, POLL_SECONDS, SLOW_DOWN_SECONDS
from gateway.issuer.state.refresh_tokens import REFRESH_SECONDS, REUSE_GRACE_SECONDS
from gateway.issuer.state.sessions import SESSION_SECONDS

PAGE = (Path(__file__).parents[2] / "docs" / "development-issuer.md").read_text()
TEXT = " ".join(PAGE.split())
CLIENTS = development_clients(generate_private_key(SECP256R1()).public_key())
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.splitlines()
    if line.startswith("|")
]
SHORT = {
    "client_credentials": "client credentials",
    "authorization_code": "code",
    "refresh_token": "refresh",
    "urn:ietf:params:oauth:grant-type:device_code": "device",
}


def test_every_client_is_listed_and_no_other() -> None:
    listed = re.findall(r"`([a-z-]+)`", "".join(row[0] for row in ROWS[2:7]))

    assert set(listed) == set(CLIENTS)


@pytest.mark.parametrize("client", CLIENTS.values(), ids=lambda client: client.client_id)
def test_a_client_authenticates_and_gets_tokens_as_the_page_says(client: Client) -> None:
    (row,) = (row for row in ROWS if f"`{client.client_id}`" in row[0])
    flows = {flow for flow in SHORT.values() if flow in row[2]}

    assert flows == {SHORT[grant_type] for grant_type in client.grant_types}
    assert ("none" in row[1]) is client.is_public
    assert ("private_key_jwt" in row[1]) is (client.public_key is not None)
    if client.client_id == "web":
        assert f"`{client.secret}`" in row[1]


def test_every_persona_and_every_level_is_named() -> None:
    assert all(f"`{name}`" in PAGE for name in (*PERSONAS, *ACR_LEVELS))


def test_the_paths_are_those_of_the_issuer() -> None:
    for path in (paths.JOBS_KEY_PATH, paths.ROTATE_PATH, paths.END_SESSIONS_PATH):
        assert path in PAGE


def test_the_redirect_addresses_are_those_of_the_clients() -> None:
    web, cli = CLIENTS["web"], CLIENTS["cli"]
    assert all(
        web.allows_redirect_after_logout("http://localhost:1" + path) for path in ("/", "/app/")
    )
    assert all(cli.allows_redirect("http://127.0.0.1:1" + path) for path in ("/callback", "/"))
    assert f"`{web.backchannel_logout_path}`" in PAGE


def test_the_figures_are_those_of_the_code() -> None:
    hour = 3600

    assert MAX_LIFETIME_SECONDS == REFRESH_SECONDS == 24 * hour
    assert f"A code lives for {CODE_SECONDS} seconds" in TEXT
    assert CODE_SECONDS == PUSHED_SECONDS
    assert f"a user code for {DEVICE_SECONDS // 60} minutes" in TEXT
    assert f"a refresh token for {REFRESH_SECONDS // hour} hours" in TEXT
    assert f"a session for {SESSION_SECONDS // hour} hours" in TEXT
    assert f"Within {REUSE_GRACE_SECONDS} seconds it gives the same successor" in TEXT
    assert f"`interval` is {POLL_SECONDS} second;" in TEXT
    assert f"it is {SLOW_DOWN_SECONDS} seconds longer" in TEXT
