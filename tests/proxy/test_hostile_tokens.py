"""Tokens that opened other gateways: refused on the wire, and the service saw nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from gateway.decision.reason import Reason
from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import RunningGateway, bearer
from tests.proxy.hostile import HOSTILE_ROUTES, pour, reason
from tests.proxy.hostile_tokens import TOKENS, of_rsa, rsa_jwk, signed, two_issuers
from tests.proxy.messages import make_request, read_answer
from tests.proxy.service import Service
from tests.tokens import make_private

ROUTES = [
    *HOSTILE_ROUTES,
    {
        "name": "main-only",
        "match": {"path_prefix": "/main/"},
        "upstream": "main",
        "require": {"issuers": ["main"]},
    },
]


@pytest.fixture
async def gateway(start_gateway: StartGateway, tmp_path: Path) -> RunningGateway:
    return await start_gateway(routes=ROUTES, issuers=two_issuers(tmp_path))


async def test_good_tokens_of_both_issuers_pass(service: Service, gateway: RunningGateway) -> None:
    for token in (signed(), of_rsa()):
        assert (await gateway.ask(make_request("/api/", bearer(token)))).status == 200
    assert len(service.requests) == 2


@pytest.mark.parametrize(
    ("token", "wanted"), [case[1:] for case in TOKENS], ids=[case[0] for case in TOKENS]
)
async def test_hostile_tokens_are_refused_and_nothing_is_forwarded(
    token: Callable[[], bytes], wanted: set[Reason], service: Service, gateway: RunningGateway
) -> None:
    answer = await gateway.ask(make_request("/api/", bearer(token())))

    assert reason(answer) in {one.code for one in wanted}
    assert answer.status == 401
    assert answer.one(b"www-authenticate").startswith(b'Bearer realm="gateway", error="invalid_')
    assert service.received == b""


_SHORT = rsa.generate_private_key(public_exponent=65537, key_size=1024)

KEYS: list[tuple[str, list[dict[str, Any]], Any]] = [
    ("Wycheproof key/6: for encryption", [rsa_jwk(use="enc")], None),
    ("Wycheproof key/21: to encrypt with", [rsa_jwk(key_ops=["encrypt"])], None),
    ("7517.3: for another algorithm", [rsa_jwk(alg="RS512")], None),
    ("Wycheproof key/8: 1024 bits", [rsa_jwk(_SHORT)], _SHORT),
    ("Wycheproof key/9: an exponent of 1", [rsa_jwk(e="AQ")], None),
    (
        "Wycheproof key/4: of two of one name",
        [rsa_jwk(), rsa_jwk(make_private("RSA", 1))],
        make_private("RSA", 2),
    ),
]


@pytest.mark.parametrize(
    ("keys", "signer"), [case[1:] for case in KEYS], ids=[case[0] for case in KEYS]
)
async def test_unusable_keys_verify_nothing(
    keys: list[dict[str, Any]],
    signer: Any,
    service: Service,
    start_gateway: StartGateway,
    tmp_path: Path,
) -> None:
    good = rsa_jwk(make_private("RSA", 2), kid="good")
    issuers = two_issuers(tmp_path, [good, *keys])
    gateway = await start_gateway(routes=ROUTES, issuers=issuers)

    token = of_rsa() if signer is None else of_rsa(signer)
    answer = await gateway.ask(make_request("/api/", bearer(token)))

    assert reason(answer) in {Reason.KEY_UNKNOWN.code, Reason.SIGNATURE_INVALID.code}
    assert service.received == b""


async def test_a_verdict_is_not_carried_over_to_another_route(
    service: Service, gateway: RunningGateway
) -> None:
    """CVE-2021-32701 oathkeeper, GHSA-4mq7-pvjg-xp2r oathkeeper."""
    token = bearer(of_rsa())
    targets = ["/api/", "/admin", "/main/", "/api/"]

    answers = [await gateway.ask(make_request(target, token)) for target in targets]

    reasons = [reason(answer) for answer in answers]
    assert reasons == [None, "scope_missing", "issuer_not_accepted", None]
    assert [request.target for request in service.requests] == [b"/api/", b"/api/"]


async def test_a_token_is_not_known_by_a_part_of_it(
    service: Service, gateway: RunningGateway
) -> None:
    """CVE-2026-35030 LiteLLM: its cache knew tokens by their first 20 characters."""
    good = signed()
    text, _, signature = good.rpartition(b".")
    forged = text + b"." + signature[:-8] + (b"A" * 8)

    answers = [
        await gateway.ask(make_request("/api/", bearer(token)))
        for token in (good, forged, good[:-1], good + b"A", text + b".", good)
    ]

    statuses = [answer.status for answer in answers]
    assert statuses == [200, 401, 401, 401, 401, 200]


async def test_a_thousand_tokens_of_dots_leave_the_gateway_as_it_was(
    service: Service, gateway: RunningGateway
) -> None:
    """CVE-2025-30204 golang-jwt, CVE-2026-48524 PyJWT."""
    wire = await gateway.connect()
    for number in range(1000):
        await pour(wire, make_request("/api/", bearer(b"." * (6000 + number))))
        assert (await read_answer(wire)).status == 401

    assert (await gateway.ask(make_request("/api/", bearer(signed())))).status == 200
    assert len(service.requests) == 1
