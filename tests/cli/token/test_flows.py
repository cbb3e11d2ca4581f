"""What a person at the terminal is shown; the flows themselves are in tests/end_to_end."""

import re
import subprocess
import sys
import time
import uuid

import pytest
import segno
from aiohttp import ClientSession

from gateway.cli.token.flows import Browser, by_code, by_device, draw_qr_code
from gateway.cli.token.options import Wanted
from gateway.fetching.session import make_session
from gateway.oauth.fault import FaultKind, OAuthFault
from gateway.oauth.metadata import Endpoints
from gateway.oauth.server import AuthorizationServer
from gateway.settings.values.clients import ClientAuthentication, OAuthClient
from tests.hanging import LIMIT_SECONDS

WANTED = Wanted(("openid",), ())
HERE = Browser("http://127.0.0.1:0/callback", opens=False)


def server(endpoints: Endpoints, session: ClientSession) -> AuthorizationServer:
    return AuthorizationServer(
        endpoints,
        OAuthClient("cli", ClientAuthentication.NONE),
        session,
        now=time.time,
        make_id=lambda: str(uuid.uuid4()),
        timeout_seconds=10.0,
    )


MODULES = {" ": (0, 0), "\u2580": (1, 0), "\u2584": (0, 1), "\u2588": (1, 1)}


@pytest.mark.parametrize(
    "url", ["https://a.example", "https://login.example.com/device?user_code=WDJB-MJHT" + "x" * 300]
)
def test_the_picture_is_the_qr_code_of_the_address(url: str) -> None:
    picture = draw_qr_code(url)
    assert picture is not None
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in picture.split("\n")]
    rows = [[MODULES[sign][half] for sign in line] for line in lines for half in (0, 1)]

    expected = [list(row) for row in segno.make(url, micro=False).matrix_iter(border=2)]

    assert rows[: len(expected)] == expected
    assert not any(map(any, rows[len(expected) :]))


def test_without_the_extra_there_is_no_picture() -> None:
    code = (
        "import sys; sys.modules['segno'] = None\n"
        "from gateway.cli.token.flows import draw_qr_code\n"
        "print(draw_qr_code('https://a.example'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT_SECONDS,
    )

    assert (done.returncode, done.stdout) == (0, "None\n"), done.stderr


async def test_a_server_that_does_not_offer_pkce_is_not_asked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """9700.11."""
    endpoints = Endpoints(
        "https://a.example",
        authorization="https://a.example/authorize",
        token="https://a.example/token",
        challenge_methods=("plain",),
    )
    async with make_session() as session:
        found = await by_code(server(endpoints, session), WANTED, HERE)

    assert isinstance(found, OAuthFault)
    assert found.kind is FaultKind.INVALID_RESPONSE
    assert found.detail == "the issuer does not offer PKCE with S256"
    assert capsys.readouterr().err == ""


async def test_an_issuer_without_the_endpoints_is_told_before_anybody_waits() -> None:
    async with make_session() as session:
        bare = server(Endpoints("https://a.example"), session)
        for found in (await by_code(bare, WANTED, HERE), await by_device(bare, WANTED)):
            assert isinstance(found, OAuthFault)
            assert "its metadata has no " in found.detail
