"""A command asks an issuer about a token once, as a running gateway would."""

import time
from pathlib import Path

from gateway.cli.asked_issuer import ask_issuer
from gateway.fetching.session import make_session
from gateway.introspection.asking import NoAnswer
from gateway.oauth.introspection import TokenState
from tests.introspection.gateways import ALICE, TOKEN, make_settings
from tests.introspection.introspector import CLIENT_ID, running_introspector
from tests.proxy.service import running_service


async def ask(directory: Path, signed: bool, *, endpoint: bool) -> TokenState | NoAnswer:
    async with running_introspector() as issuer, running_service() as service:
        issuer.tokens[TOKEN] = ALICE
        issuer.signs_for, issuer.now = (CLIENT_ID if signed else None), time.time()
        changes = {"response": "jwt" if signed else "json"}
        if endpoint:
            changes["url"] = issuer.endpoint
        settings = make_settings(directory, service, issuer.url, {}, **changes)
        one = settings.issuers["idp"]
        assert one.introspection is not None
        async with make_session() as session:
            return await ask_issuer(session, one, one.introspection, TOKEN.encode())


async def test_it_is_found_by_its_metadata_or_by_its_url(tmp_path: Path) -> None:
    for endpoint in (True, False):
        assert await ask(tmp_path, False, endpoint=endpoint) == TokenState(
            True, {"active": True, **ALICE}
        )


async def test_signed_answers_are_checked(tmp_path: Path) -> None:
    """9701.3."""
    found = await ask(tmp_path, True, endpoint=True)

    assert isinstance(found, TokenState)
    assert found.is_active
