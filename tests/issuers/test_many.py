"""A thousand issuers: a request pays for its own alone, and none of them waits for another."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import pytest
from aiohttp import web
from prometheus_client.parser import text_string_to_metric_families

from gateway.decision.decide import decide
from gateway.decision.head import RequestHead
from gateway.decision.policy import Issuer
from gateway.decision.tokens.memo import TokenMemo
from gateway.keyring.keyring import Keyring
from gateway.settings.values.configuration import SourceKind
from tests.decision.policies import NOW, claims, policy
from tests.decision.policies import issuer as trusted
from tests.issuers.conftest import StartWorld
from tests.issuers.world import issuer_section, key, token
from tests.keyring.keys import jwks
from tests.keyring.peers import (
    IssuerPeer,
    MovableClock,
    body,
    issuer_peer,
    issuer_settings,
    until,
)
from tests.proxy.gateways import ISSUER
from tests.tokens import make_key, mint

THOUSAND = 1000

V = TypeVar("V")


def iss(number: int) -> str:
    return f"https://login-{number}.example.com/"


# --- what a request costs


class Watched(Mapping[str, V]):
    """A mapping that notes each name it is asked for, and cannot be walked through."""

    def __init__(self, entries: Mapping[str, V]) -> None:
        self._entries = entries
        self.asked: list[str] = []

    def __getitem__(self, name: str) -> V:
        self.asked.append(name)
        return self._entries[name]

    def __iter__(self) -> Iterator[str]:
        raise AssertionError("nobody walks through all issuers for one request")

    def __len__(self) -> int:
        raise AssertionError("nor counts them")


PRIVATE, KEYS = make_key("ES256")


def asked_for(count: int, bearer: bytes, *, repeats: int = 1) -> list[tuple[list[str], list[str]]]:
    """Return which issuers and which keys one request asks for, where there are *count* issuers."""
    issuers = [trusted(name=f"issuer-{n}", issuer=iss(n)) for n in range(count)]
    by_iss: Watched[Issuer] = Watched({one.issuer: one for one in issuers})
    rules = policy(issuers=issuers)
    object.__setattr__(rules, "issuers", by_iss)
    keys = Watched({one.name: KEYS for one in issuers})
    memo, seen = TokenMemo(), []
    head = RequestHead("GET", "api.example.com", b"/orders", (b"Bearer " + bearer,))
    for _ in range(repeats):
        decide(head, rules, keys, NOW, memo.authenticate)
        seen.append((by_iss.asked, keys.asked))
        by_iss.asked, keys.asked = [], []
    return seen


def test_the_issuer_is_found_by_its_name_before_any_key_is_looked_at() -> None:
    """8725.5: the price of a token, new or remembered, is the same however many there are."""
    bearer = mint(PRIVATE, "ES256", claims(iss=iss(0)))

    one, thousand = (asked_for(count, bearer, repeats=3) for count in (1, THOUSAND))

    assert thousand == one
    new, remembered, _ = thousand
    assert new == ([iss(0)], ["issuer-0"])
    assert set(remembered[1]) <= {"issuer-0"}


@pytest.mark.parametrize(
    ("changes", "issuers"),
    [
        # The second tells whether only the slash at the end differs.
        ({"iss": "https://evil.example/"}, ["https://evil.example/", "https://evil.example"]),
        ({"iss": ...}, []),
        ({"iss": 7}, []),
    ],
)
def test_a_token_of_nobody_has_no_key_looked_at(
    changes: dict[str, Any], issuers: list[str]
) -> None:
    bearer = mint(PRIVATE, "ES256", claims(**changes))

    assert asked_for(THOUSAND, bearer) == [(issuers, [])]


# --- whose keys are whose


async def test_the_keys_of_one_of_a_thousand_serve_no_token_of_another(
    start: StartWorld, issuer: IssuerPeer
) -> None:
    """8725.5: equal key ids, different keys, and a token that only changes whose it says it is."""

    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(body=jwks(key(int(request.path[1:]), kid="k")))

    issuer.answer = answer
    world = await start(
        issuers={f"i{n}": issuer_section(f"{issuer.url}/{n}", iss(n)) for n in range(3)}
    )

    for mine in range(3):
        for other in range(3):
            expected = "200" if mine == other else "401 signature_invalid"
            assert await world.ask(token(mine, kid="k", issuer=iss(other))) == expected


async def test_two_issuers_with_one_key_set_stay_two_issuers(
    start: StartWorld, issuer: IssuerPeer
) -> None:
    """8725.5: the signature fits all, so that `iss` alone says whose a token is."""
    issuer.answer = body(jwks(key(0)))
    routes = [
        {
            "name": "not-second",
            "match": {"path_prefix": "/api/"},
            "upstream": "main",
            "require": {"issuers": ["first", "third"]},
        }
    ]
    url = issuer.url + "/jwks"
    world = await start(
        issuers={
            "first": issuer_section(url, iss(1)),
            "second": issuer_section(url, iss(2)),
            "third": issuer_section(url, iss(3), audiences=["billing-api"]),
        },
        routes=routes,
    )

    assert len(issuer.paths) == 3
    assert await world.ask(token(0, issuer=iss(1))) == "200"
    assert (await world.service.request()).one(b"x-gateway-issuer") == iss(1).encode()
    assert await world.ask(token(0, issuer=iss(2))) == "403 issuer_not_accepted"
    assert await world.ask(token(0, issuer=iss(3))) == "401 audience_mismatch"
    assert await world.ask(token(0, issuer=iss(4))) == "401 issuer_unknown"


# --- the start


async def test_a_thousand_issuers_are_asked_at_once_and_leave_no_connection_behind() -> None:
    """None is answered before all were asked: with turns, of a hundred say, none ever would be."""
    async with issuer_peer() as peer:
        all_asked = asyncio.Event()

        async def answer(_request: web.Request) -> web.StreamResponse:
            if len(peer.paths) == THOUSAND:
                all_asked.set()
            await all_asked.wait()
            return web.Response(body=jwks(key(0)))

        peer.answer = answer
        names = [f"i{n}" for n in range(THOUSAND)]
        keyring = Keyring(
            {
                name: issuer_settings(
                    SourceKind.JWKS_URL,
                    f"{peer.url}/{name}",
                    name=name,
                    issuer=f"https://{name}.example.com/",
                    fetch_timeout_seconds=120.0,
                )
                for name in names
            },
            clock=MovableClock(),
        )

        await keyring.start()

        statuses = keyring.status()
        assert [status.name for status in statuses if status.loaded] == names
        assert {status.fetches for status in statuses} == {1}
        await until(lambda: peer.open_connections == 0)
        refreshes = [status.next_refresh_in_seconds for status in statuses]
        seconds = Counter(int(moment) for moment in refreshes if moment is not None)
        assert sum(seconds.values()) == THOUSAND
        assert max(seconds.values()) <= 34
        assert (min(seconds), max(seconds)) == (210, 240)
        await keyring.close()


async def test_hundreds_that_hang_cost_the_others_nothing() -> None:
    """Those that hang stand first, and far more of them than an HTTP client has connections."""
    async with issuer_peer() as peer:
        hanging, sound, over = range(300), range(300, 320), asyncio.Event()

        async def answer(request: web.Request) -> web.StreamResponse:
            if int(request.path[1:]) in hanging:
                await over.wait()
            return web.Response(body=jwks(key(0)))

        peer.answer = answer
        keyring = Keyring(
            {
                f"i{n}": issuer_settings(
                    SourceKind.JWKS_URL,
                    f"{peer.url}/{n}",
                    name=f"i{n}",
                    issuer=f"https://i{n}.example.com/",
                    fetch_timeout_seconds=1.0 if n in hanging else 60.0,
                )
                for n in (*hanging, *sound)
            },
            clock=MovableClock(),
        )

        await keyring.start()

        assert set(keyring.keys) == {f"i{n}" for n in sound}
        errors = {status.last_error for status in keyring.status() if not status.loaded}
        assert {str(error).rpartition(": ")[2] for error in errors} == {
            "no complete response in 1 s"
        }
        over.set()
        await keyring.close()


# --- what operators see


async def test_status_readiness_and_metrics_of_a_thousand_issuers_are_whole(
    start: StartWorld, tmp_path: Path
) -> None:
    (tmp_path / "jwks.json").write_bytes(jwks(key(0)))
    sections = {}
    for number in range(THOUSAND):
        section = issuer_section("", iss(number))
        del section["jwks_url"]
        sections[f"i{number}"] = {**section, "jwks_file": "jwks.json"}
    sections["away"] = issuer_section("http://127.0.0.1:1/jwks", ISSUER)
    world = await start(issuers=sections)

    assert await world.ask(token(0, issuer=iss(0))) == "200"
    assert await world.ask(token(0, issuer=iss(THOUSAND - 1))) == "200"
    assert await world.ask(token(0)) == "503 keys_unavailable"

    status = json.loads((await world.admin("/status")).body)
    assert [one["name"] for one in status["issuers"]] == list(sections)
    ready = await world.admin("/readyz")
    assert ready.status == 503
    assert json.loads(ready.body)["not_ready"] == ["no keys of issuer away"]
    assert len(json.loads(ready.body)["issuers"]) == THOUSAND + 1

    page = (await world.admin("/metrics")).body.decode()
    samples = Counter(
        sample.name
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if "issuer" in sample.labels
    )
    assert samples == {
        "gateway_issuer_keys": THOUSAND + 1,
        "gateway_issuer_keys_age_seconds": THOUSAND,
        "gateway_issuer_keys_age_limit_seconds": THOUSAND + 1,
        "gateway_issuer_keys_next_refresh_seconds": THOUSAND + 1,
        "gateway_issuer_key_fetches_total": THOUSAND + 1,
        "gateway_issuer_key_fetch_failures_total": THOUSAND + 1,
        "gateway_issuer_key_fetch_failures_in_a_row": THOUSAND + 1,
    }
