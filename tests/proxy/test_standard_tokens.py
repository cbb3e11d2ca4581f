"""Tokens that the standards forbid are refused on the wire; the service sees nothing of them."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from gateway.decision.reason import Reason
from tests.proxy.gateways import AUDIENCE, ISSUER, RunningGateway, bearer
from tests.proxy.hostile import reason
from tests.proxy.messages import make_request, read_answer
from tests.proxy.service import Service
from tests.proxy.standard_tokens import ALGORITHMS, FORMS, KINDS
from tests.proxy.wire import Wire
from tests.tokens import make_private, mint

CASES = [*FORMS, *ALGORITHMS, *KINDS]


@pytest.mark.parametrize(
    ("token", "wanted"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
async def test_a_token_that_a_standard_forbids_is_401(
    token: Callable[[], bytes], wanted: Reason, service: Service, gateway: RunningGateway
) -> None:
    answer = await gateway.ask(make_request("/api/x", bearer(token())))

    assert (answer.status, reason(answer)) == (401, wanted.code)
    assert b'error="invalid_token"' in answer.one(b"www-authenticate")
    assert service.received == b""


def with_time(name: str, text: str) -> bytes:
    """Return a good token, but for the time *name*, which is written as *text*."""
    now = int(time.time())
    claims: dict[str, Any] = {
        "iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "scope": "api:read", "exp": now + 600,
    }  # fmt: skip
    written = json.dumps({**claims, name: "$"}).replace('"$"', text)
    return mint(make_private("ES256"), "ES256", written.encode())


NO_TIMES = [
    '"1900000000"', '"2030-01-01T00:00:00Z"', "true", "false", "NaN", "Infinity",
    "-Infinity", "1e400", "-1e400", "-1", "-0.5", "9007199254740992", "1e300", "1" + "0" * 400,
    "1" + "0" * 5000, "{}", "[]", "[1900000000]", "0x71450c00", "01900000000", "1_900_000_000",
]  # fmt: skip


@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
async def test_an_invalid_time_is_401_and_never_an_internal_error(
    name: str, service: Service, client: Wire
) -> None:
    """7519.3."""
    for text in NO_TIMES:
        client.send(make_request("/api/x", bearer(with_time(name, text))))
        answer = await read_answer(client)

        assert answer.status == 401, text
        assert reason(answer) in {"claim_malformed", "token_malformed"}, text
    assert service.received == b""


@pytest.mark.parametrize(("name", "status"), [("exp", 401), ("nbf", 200), ("iat", 200)])
async def test_a_null_time_counts_as_absent_and_only_exp_is_required(
    name: str, status: int, client: Wire
) -> None:
    client.send(make_request("/api/x", bearer(with_time(name, "null"))))
    answer = await read_answer(client)

    assert answer.status == status
    assert reason(answer) == (None if status == 200 else "claim_missing")


@pytest.mark.parametrize("text", ["4000000000", "4000000000.5", "4e9", "9007199254740991"])
async def test_a_time_may_have_a_fraction_or_an_exponent(text: str, client: Wire) -> None:
    """7519.3."""
    client.send(make_request("/api/x", bearer(with_time("exp", text))))

    assert (await read_answer(client)).status == 200


async def test_an_invalid_time_is_fine_if_it_is_not_used(client: Wire) -> None:
    client.send(make_request("/api/x", bearer(with_time("updated_at", '"yesterday"'))))

    assert (await read_answer(client)).status == 200
