"""A request is explained with the live configuration; a missing key is fetched."""

import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from jwt.algorithms import ECAlgorithm

from gateway.admin.explain import BadQuestionError, Question, explain_live
from gateway.decision.revocation import Revocation, RevocationList
from gateway.http.rehearsal import Rehearsal
from gateway.keyring.keyring import Keyring
from gateway.suites.simulation.request import parse_request
from tests.keyring.peers import IssuerPeer, body, issuer_peer
from tests.proxy.fake_logins import ORIGIN, login_sections
from tests.proxy.gateways import AUDIENCE, ISSUER, good_token, load, make_token, write_config
from tests.tokens import make_private, mint

AT = 1_780_000_000.0
INF = float("inf")


def published(*kids: str) -> bytes:
    jwk = ECAlgorithm.to_jwk(make_private("ES256").public_key(), as_dict=True)
    return json.dumps({"keys": [{**jwk, "kid": kid, "alg": "ES256"} for kid in kids]}).encode()


@pytest.fixture(name="issuer")
async def start_issuer() -> AsyncIterator[IssuerPeer]:
    async with issuer_peer() as issuer:
        issuer.answer = body(published("k1"))
        yield issuer


class Live:
    """A gateway's keyring and settings, and what they say."""

    def __init__(self, directory: Path, issuer: IssuerPeer) -> None:
        main = {"issuer": ISSUER, "jwks_url": f"{issuer.url}/jwks", "audiences": [AUDIENCE]}
        changes = {
            "issuers": {"main": main},
            "revocations": {"gone": {"url": "http://127.0.0.1:1/list", "on_failure": "allow"}},
        }
        self.settings = load(write_config(directory, ["http://a.test"], changes))
        self.keyring = Keyring(self.settings.issuers)
        self.lists: dict[str, RevocationList] = {}

    async def ask(self, token: bytes | None = None, path: str = "/api/x") -> dict[str, Any]:
        request = parse_request("GET", f"https://gateway.test{path}")
        question = Question(request, token, "192.0.2.1")
        rehearsal = Rehearsal(self.settings)
        told = await explain_live(question, rehearsal, self.keyring, self.lists, lambda: AT)
        return dict(told)


@pytest.fixture(name="live")
async def start_live(tmp_path: Path, issuer: IssuerPeer) -> AsyncIterator[Live]:
    live = Live(tmp_path, issuer)
    await live.keyring.start()
    yield live
    await live.keyring.close()


def token(**claims: Any) -> bytes:
    return make_token(exp=int(AT) + 60, iat=int(AT), **claims)


async def test_a_token_is_held_against_the_keys_at_hand(live: Live, issuer: IssuerPeer) -> None:
    told = await live.ask(token())

    assert (told["verdict"], told["route"]) == ("allow", "api")
    assert len(issuer.paths) == 1


async def test_a_key_that_is_not_at_hand_is_asked_for_once(live: Live, issuer: IssuerPeer) -> None:
    issuer.answer = body(published("k1", "k9"))
    claims = {"iss": ISSUER, "aud": AUDIENCE, "scope": "api:read", "exp": int(AT) + 60}
    rotated = mint(make_private("ES256"), "ES256", claims, kid="k9")
    strange = mint(make_private("ES256"), "ES256", claims, kid="k10")

    assert (await live.ask(rotated))["verdict"] == "allow"
    assert len(issuer.paths) == 2
    # One more so soon would be a fetch that whoever asks has chosen.
    assert (await live.ask(strange))["reason"] == "key_unknown"
    assert len(issuer.paths) == 2


async def test_a_token_is_held_against_the_lists_at_hand(live: Live) -> None:
    live.lists["gone"] = RevocationList([Revocation((("jti", "token-1"),), INF, INF)])

    assert (await live.ask(token()))["reason"] == "token_revoked"


async def test_without_a_token_none_is_sent(live: Live) -> None:
    assert (await live.ask())["reason"] == "token_missing"
    assert (await live.ask(path="/open/x"))["verdict"] == "allow"


async def test_what_routes_ask_for_has_the_place_of_the_route(live: Live) -> None:
    told = await live.ask(token(scope="none"))

    api = next(one for one in live.settings.policy.routes.routes if one.name == "api")
    steps: Any = told["steps"]
    places = {step["check"]: step["place"] for step in steps}
    assert (places["scopes"], places["route"]) == (api.place, api.place)
    assert (places["audience"], places["path"]) == (None, None)


async def test_a_token_may_be_that_of_a_session(tmp_path: Path) -> None:
    """Then it is not sent, and what a browser says counts."""
    settings = load(write_config(tmp_path, ["http://a.test"], login_sections()))
    keyring, rehearsal = Keyring(settings.issuers), Rehearsal(settings)
    await keyring.start()
    origin = (("Origin", ORIGIN), ("X-CSRF", "1"))
    try:
        told = []
        for headers in (origin, ()):
            request = parse_request("POST", f"{ORIGIN}/app/x", headers)
            question = Question(request, good_token(), "192.0.2.1", "web")
            told.append(await explain_live(question, rehearsal, keyring, {}, time.time))
        wrong = Question(request, good_token(), "192.0.2.1", "other")
        with pytest.raises(BadQuestionError, match="names no login"):
            await explain_live(wrong, rehearsal, keyring, {}, time.time)
    finally:
        await keyring.close()

    assert [(one["verdict"], one["reason"]) for one in told] == [
        ("allow", None),
        ("refused", "csrf_refused"),
    ]
