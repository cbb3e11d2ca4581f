"""Notices to clients that are not there."""

import socket

import pytest

from gateway.issuer.flows.logout_notices import LogoutNotices
from gateway.issuer.personas import PERSONAS
from gateway.issuer.signing_keys import SigningAlgorithm
from gateway.issuer.state.sessions import IssuerSession
from gateway.issuer.tokens.grant import Authentication
from gateway.issuer.tokens.signer import TokenSigner
from tests.issuer.running import HandClock


async def test_a_client_that_is_gone_is_named_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    signer = TokenSigner(
        "http://127.0.0.1:9000", SigningAlgorithm.ES256, HandClock(), lambda: "id", 60
    )
    login = Authentication(1, "weak", "sid")
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # bound but not listening: nobody else gets the port
        uri = f"http://127.0.0.1:{bound.getsockname()[1]}/oauth/backchannel-logout"
        gone = IssuerSession("key", PERSONAS["alice"], login, {}, {"web": uri})
        silent = IssuerSession("other", PERSONAS["alice"], login)
        await LogoutNotices(signer).send([gone, silent])

    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert uri in caplog.text
