"""A request without keys asks for them once, and is decided with what is loaded then."""

import asyncio
import base64
import math
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import jwt
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from gateway.admission import Admission
from gateway.decision.head import RequestHead
from gateway.decision.identity import Identity
from gateway.decision.policy import Policy
from gateway.decision.reason import Reason
from gateway.decision.revocation import Revocation, RevocationList, RevocationRule
from gateway.decision.routes.routing import Route, RouteTable
from gateway.decision.tokens.memo import TokenMemo
from gateway.decision.verdict import Allow, Deny, NeedCredentials, Needed, NeedSession, Publish
from gateway.keyring.keyring import Keyring
from gateway.settings.values.configuration import SourceKind
from tests.keyring.keys import P256_KEYS, ec_jwk, jwks
from tests.keyring.peers import IssuerPeer, MovableClock, body, issuer_peer, issuer_settings

ISSUER = "https://login.example.com/"
NOW = 1_800_000_000.0
OLD, NEW = ec_jwk(P256_KEYS[0], kid="old"), ec_jwk(P256_KEYS[1], kid="new")


def route(*, public: bool = False) -> Route:
    return Route(
        index=0,
        name="api",
        hosts=(),
        path="/",
        is_prefix=True,
        methods=frozenset(),
        upstream="service",
        public=public,
        optional=False,
        issuers=None,
        scopes=None,
        claims=(),
        upgrades=frozenset(),
        allow_encoded_slash=False,
        allow_semicolon=False,
        place="test:1",
    )


def policy(one: Route) -> Policy:
    issuer = issuer_settings(SourceKind.JWKS_URL, "", issuer=ISSUER).issuer
    return Policy({ISSUER: issuer}, RouteTable([one]), Identity((), False), {}, 8192)


def token(kid: str | None, key: EllipticCurvePrivateKey = P256_KEYS[0], **header: object) -> bytes:
    claims = {"iss": ISSUER, "sub": "alice", "exp": int(NOW) + 60}
    names = header if kid is None else {"kid": kid, **header}
    return jwt.encode(claims, key, "ES256", headers=names).encode()


def head(bearer: bytes | None) -> RequestHead:
    fields = () if bearer is None else (b"Bearer " + bearer,)
    return RequestHead("GET", "api.example.com", b"/orders", fields)


@dataclass
class World:
    """A gateway's admission, and the issuer it asks."""

    peer: IssuerPeer
    clock: MovableClock
    keyring: Keyring
    admission: Admission

    async def verdict(self, bearer: bytes | None) -> Allow | Deny:
        answer = self.admission.decide(head(bearer))
        if isinstance(answer, Needed):
            answer = await self.admission.decide_after(head(bearer), answer)
        assert not isinstance(answer, Publish | NeedSession | NeedCredentials)
        return answer


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with issuer_peer() as peer:
        peer.answer = body(jwks(OLD))
        clock = MovableClock()
        settings = issuer_settings(SourceKind.JWKS_URL, peer.url + "/jwks", issuer=ISSUER)
        keyring = Keyring({"main": settings}, clock=clock)
        await keyring.start()
        admission = Admission(policy(route()), keyring, {}, TokenMemo(100), lambda: NOW)
        yield World(peer, clock, keyring, admission)
        await keyring.close()


def reason(verdict: Allow | Deny) -> Reason | None:
    return verdict.reason if isinstance(verdict, Deny) else None


async def test_a_token_of_a_known_key_is_allowed_without_a_fetch(world: World) -> None:
    assert isinstance(world.admission.decide(head(token("old"))), Allow)
    assert len(world.peer.paths) == 1


async def test_a_token_of_a_new_key_is_allowed_after_one_fetch(world: World) -> None:
    world.peer.answer = body(jwks(OLD, NEW))
    bearer = token("new", P256_KEYS[1])

    verdicts = await asyncio.gather(*(world.verdict(bearer) for _ in range(50)))

    assert all(isinstance(verdict, Allow) for verdict in verdicts)
    assert isinstance(world.admission.decide(head(token("old"))), Allow)
    assert len(world.peer.paths) == 2


async def test_a_thousand_tokens_with_random_kids_cost_the_issuer_one_fetch(world: World) -> None:
    """CVE-2026-48524: and good tokens pass all the while."""
    bearers = [token(f"random-{n}") for n in range(1000)]

    verdicts = await asyncio.gather(*(world.verdict(bearer) for bearer in bearers))

    assert {reason(verdict) for verdict in verdicts} == {Reason.KEY_UNKNOWN}
    assert isinstance(world.admission.decide(head(token("old"))), Allow)
    assert len(world.peer.paths) == 2


async def test_requests_during_a_fetch_that_fails_are_all_refused(world: World) -> None:
    """CVE-2025-64527, GHSA-fhv5-28vv-h8m8: an unknown key is a 401 and not a 500."""
    world.peer.answer = body(b"", status=500)
    bearers = [token(f"random-{n}") for n in range(50)]

    verdicts = await asyncio.gather(*(world.verdict(bearer) for bearer in bearers))

    assert {reason(verdict) for verdict in verdicts} == {Reason.KEY_UNKNOWN}
    assert isinstance(world.admission.decide(head(token("old"))), Allow)


async def test_a_withdrawn_key_is_refused_though_its_token_was_remembered(world: World) -> None:
    bearer = token("old")
    assert isinstance(await world.verdict(bearer), Allow)
    world.peer.answer = body(jwks(NEW))

    await world.verdict(token("new", P256_KEYS[1]))

    assert reason(await world.verdict(bearer)) is Reason.KEY_UNKNOWN


async def test_keys_never_had_are_our_fault_and_not_the_clients() -> None:
    """A 401 would send users back to log in."""
    async with issuer_peer() as peer:
        peer.answer = body(b"", status=500)
        clock = MovableClock()
        settings = issuer_settings(SourceKind.JWKS_URL, peer.url, issuer=ISSUER)
        keyring = Keyring({"main": settings}, clock=clock)
        await keyring.start()
        admission = Admission(policy(route()), keyring, {}, TokenMemo(100), lambda: NOW)
        world = World(peer, clock, keyring, admission)

        assert reason(await world.verdict(token("old"))) is Reason.KEYS_UNAVAILABLE

        peer.answer = body(jwks(OLD))
        clock.advance(1.0)
        assert isinstance(await world.verdict(token("old")), Allow)
        await keyring.close()


async def test_another_policy_holds_from_the_next_request(world: World) -> None:
    assert reason(await world.verdict(None)) is Reason.TOKEN_MISSING

    world.admission.policy = policy(route(public=True))

    assert isinstance(await world.verdict(None), Allow)


@pytest.mark.parametrize("kid", ["any", None])
async def test_keys_without_a_name_serve_tokens_with_and_without_one(
    kid: str | None, world: World
) -> None:
    """PEM files and secrets have no key ids; the tokens of their issuers often do."""
    world.peer.answer = body(jwks(ec_jwk(P256_KEYS[2])))
    await world.keyring.refetch("main", "x")

    assert isinstance(world.admission.decide(head(token(kid, P256_KEYS[2]))), Allow)


async def test_keys_named_in_the_token_are_never_fetched(world: World) -> None:
    """CVE-2018-0114: jku and x5u point where they like; nobody there sees a connection."""
    async with issuer_peer() as canary:
        canary.answer = body(jwks(ec_jwk(P256_KEYS[2], kid="evil")))
        for name in ("jku", "x5u"):
            bearer = token("evil", P256_KEYS[2], **{name: canary.url + "/jwks"})
            assert reason(await world.verdict(bearer)) is Reason.KEY_UNKNOWN
            world.clock.advance(30.0)

        evil = jwt.encode({"iss": canary.url, "exp": int(NOW) + 60}, P256_KEYS[2], "ES256")
        assert reason(await world.verdict(evil.encode())) is Reason.ISSUER_UNKNOWN
        embedded = token("old", P256_KEYS[2], jwk=ec_jwk(P256_KEYS[2]))
        assert reason(await world.verdict(embedded)) is Reason.SIGNATURE_INVALID

        assert canary.paths == []


async def test_no_part_of_a_token_reaches_the_issuer(world: World) -> None:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        asked.append(f"{request.raw_path} {request.headers} {await request.text()}")
        return web.Response(body=jwks(OLD))

    world.peer.answer = answer
    bearer = token("a-name-of-my-own")
    await world.verdict(bearer)

    assert len(asked) == 1
    parts = [*bearer.decode().split("."), "a-name-of-my-own", base64.b64encode(bearer).decode()]
    assert not any(part in asked[0] for part in parts)


# --- revocation

LISTED = RevocationList([Revocation((("sub", "alice"),), math.inf, math.inf)])
NOBODY = RevocationList(())
ON_LIST = RevocationRule("blocked", frozenset({"main"}), refuses_without=True)


async def test_lists_are_read_as_they_are_at_each_request(world: World) -> None:
    lists = {"blocked": NOBODY}
    ruled = replace(policy(route()), revocations={"main": (ON_LIST,)})
    admission = Admission(ruled, world.keyring, lists, TokenMemo(100), lambda: NOW)
    request = head(token("old"))
    allowed = admission.decide(request)
    assert isinstance(allowed, Allow)
    assert allowed.token is not None

    found = []
    for now_listed in (NOBODY, LISTED, None):
        lists.clear()
        if now_listed is not None:
            lists["blocked"] = now_listed
        verdict = admission.decide(request)
        assert isinstance(verdict, Allow | Deny)
        revocation = admission.find_revocation(allowed.token)
        found.append((reason(verdict), revocation and revocation.reason))

    assert found == [
        (None, None),
        (Reason.TOKEN_REVOKED, Reason.TOKEN_REVOKED),
        (Reason.REVOCATIONS_UNAVAILABLE, None),  # what is under way goes on
    ]
    assert admission.may_revoke(allowed.token)


async def test_without_lists_nothing_may_be_revoked(world: World) -> None:
    allowed = world.admission.decide(head(token("old")))
    assert isinstance(allowed, Allow)
    assert allowed.token is not None

    assert not world.admission.may_revoke(allowed.token)
    assert world.admission.find_revocation(allowed.token) is None
