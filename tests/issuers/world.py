"""A running gateway before issuers that do as they like: tokens, time, and what a client sees."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.admin.issuers import issuer_status
from tests.keyring.keys import Jwk, ec_jwk
from tests.keyring.peers import MovableClock, until
from tests.proxy.gateways import AUDIENCE, ISSUER, RunningGateway, bearer
from tests.proxy.messages import Message, make_request, read_answer
from tests.proxy.service import Service
from tests.proxy.wire import Wire, connect
from tests.tokens import make_private, mint

# Far enough for the hours that tests let pass; how long a token lives is not the matter here.
_EXPIRES_AT = 4_000_000_000

_NUMBER = iter(range(1_000_000_000))


def issuer_section(jwks_url: str, issuer: str = ISSUER, **changes: Any) -> dict[str, Any]:
    """Return an issuer as a configuration has it, with its keys at *jwks_url*."""
    return {
        "issuer": issuer,
        "jwks_url": jwks_url,
        "audiences": [AUDIENCE],
        "algorithms": ["ES256", "RS256", "EdDSA"],
        **changes,
    }


def key(which: int, **members: Any) -> Jwk:
    """Return the public half of the P-256 key number *which*, named ``k`` and its number."""
    return ec_jwk(make_private("ES256", which), **{"kid": f"k{which}", **members})


def token(which: int = 0, *, kid: str | None = "", issuer: str = ISSUER, **claims: Any) -> bytes:
    """Return a new good token signed by that key; an empty *kid* is the key's own."""
    return mint(
        make_private("ES256", which),
        "ES256",
        _claims(issuer, claims),
        f"k{which}" if kid == "" else kid,
    )


def token_of(
    private: Any, algorithm: str, kid: str | None, issuer: str = ISSUER, **claims: Any
) -> bytes:
    """Return a new good token signed by any key."""
    return mint(private, algorithm, _claims(issuer, claims), kid)


def _claims(issuer: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "iss": issuer,
        "aud": AUDIENCE,
        "sub": "alice",
        "scope": "api:read",
        "exp": _EXPIRES_AT,
        "jti": f"token-{next(_NUMBER)}",  # no two tokens are one: none is remembered by accident
        **changes,
    }


@dataclass
class World:
    """A gateway and the clock that its keys live by."""

    gateway: RunningGateway
    clock: MovableClock
    service: Service

    # --- what a client sees

    async def ask(self, credential: bytes, wire: Wire | None = None) -> str:
        """Return ``200``, or the status and the reason, of a request with *credential*."""
        request = make_request("/api/x", bearer(credential))
        if wire is None:
            return outcome(await self.gateway.ask(request))
        wire.send(request)
        return outcome(await read_answer(wire))

    async def ask_all(self, *credentials: bytes) -> set[str]:
        """Return what all of them see, asked at the same time."""
        return set(await asyncio.gather(*map(self.ask, credentials)))

    # --- what operators see

    async def admin(self, path: str) -> Message:
        address = self.gateway.gateway.admin_address
        assert address is not None
        wire = await connect(address)
        wire.send(make_request(path, "Connection: close", host=f"{address[0]}:{address[1]}"))
        answer = await read_answer(wire)
        wire.transport.abort()
        return answer

    async def readiness(self) -> tuple[int, dict[str, Any]]:
        """Return the status of ``/readyz`` and what it says of the first issuer."""
        answer = await self.admin("/readyz")
        return answer.status, json.loads(answer.body)["issuers"][0]

    async def issuer_status(self, index: int = 0) -> dict[str, Any]:
        """Return what ``/status`` says of one issuer."""
        issuers: list[dict[str, Any]] = json.loads((await self.admin("/status")).body)["issuers"]
        return issuers[index]

    def metric(self, name: str, issuer: str = "main") -> float:
        return self.gateway.metric(name, issuer=issuer)

    # --- time

    async def pass_time(self, seconds: float) -> None:
        """Let *seconds* pass for the keys, from one thing that is due to the next."""
        ends_at = self.clock.now() + seconds
        await self.settle()
        while self.clock.now() < ends_at:
            step = min(self.clock.next_wake_in_seconds, ends_at - self.clock.now())
            self.clock.advance(step)
            await self.settle()

    async def settle(self) -> None:
        """Wait until no fetch is due or under way, and every issuer sleeps until one is."""
        await until(self._is_settled)

    def _is_settled(self) -> bool:
        statuses = self.gateway.gateway.fetched.keyring.status()
        issuers: Any = [issuer_status(one, is_required=True) for one in statuses]
        due, wakes = sorted(map(_due_in_seconds, issuers)), self.clock.wakes_in_seconds
        return len(due) == len(wakes) and all(
            0.0 < wake < moment + 1e-6 for wake, moment in zip(wakes, due, strict=True)
        )


def _due_in_seconds(issuer: Mapping[str, Any]) -> float:
    """Return when something happens to the keys: a fetch, or their end."""
    moments: list[float] = [issuer["next_refresh_in_seconds"]]
    if issuer["loaded"]:
        moments.append(issuer["age_limit_seconds"] - issuer["age_seconds"])
    return min(moments)


def outcome(answer: Message) -> str:
    """Return the status, and behind it the reason of a refusal."""
    if answer.status == 200:
        return "200"
    return f"{answer.status} {json.loads(answer.body)['reason']}"
