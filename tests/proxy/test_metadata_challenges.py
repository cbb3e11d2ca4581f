"""Every refusal that another token would mend says where to get one, and all it must bring."""

import json
import re
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from gateway.decision.reason import Reason
from gateway.http.writing.refusal import render_challenge
from tests.proxy.conftest import StartGateway
from tests.proxy.gateways import ISSUER, RunningGateway, bearer, good_token, make_token
from tests.proxy.handshakes import UPGRADE
from tests.proxy.hostile import reason
from tests.proxy.messages import Message, make_request
from tests.proxy.resources import (
    HOST,
    ISSUERS,
    METADATA,
    OTHER,
    RESOURCE,
    RESOURCES,
    ROUTES,
    SECTIONS,
    route,
)
from tests.proxy.service import Service
from tests.tokens import make_private, mint

STEP_UP = [
    route("strong", "/api/strong", scopes=["api:read"], acr=["gold", "silver"]),
    route("fresh", "/api/fresh", scopes=["api:read"], max_age="15m"),
    route("ruled", "/api/ruled", claims={"tenant": {"equals": "acme"}}),
    route("partner", "/api/partner", issuers=["partner"]),
    {**route("socket", "/api/socket"), "upgrades": ["websocket"]},
]
PARTNER = {**deepcopy(ISSUERS["main"]), "issuer": "https://partner.example.com"}


def forged(algorithm: str = "ES256", kid: str = "k1", which: int = 1) -> bytes:
    return mint(make_private(algorithm, which), algorithm, {"iss": ISSUER, "aud": RESOURCE}, kid)


# Where, with which credentials, and what is refused.
REFUSALS: dict[Reason, tuple[str, Callable[[], list[bytes]]]] = {
    Reason.TOKEN_REPEATED: ("/api/x", lambda: [bearer(), bearer()]),
    Reason.TOKEN_MISSING: ("/api/x", list),
    Reason.TOKEN_MALFORMED: ("/api/x", lambda: [bearer(b"x.y.z")]),
    Reason.ALGORITHM_NOT_ALLOWED: ("/api/x", lambda: [bearer(forged("ES384"))]),
    Reason.KEY_UNKNOWN: ("/api/x", lambda: [bearer(forged(kid="k9"))]),
    Reason.SIGNATURE_INVALID: ("/api/x", lambda: [bearer(forged())]),
    Reason.TOKEN_EXPIRED: ("/api/x", lambda: [bearer(make_token(exp=1))]),
    Reason.TOKEN_NOT_YET_VALID: ("/api/x", lambda: [bearer(make_token(nbf=2**40))]),
    Reason.ISSUER_UNKNOWN: ("/api/x", lambda: [bearer(make_token(iss="https://no.example"))]),
    Reason.AUDIENCE_MISMATCH: ("/api/x", lambda: [bearer(make_token(aud="another"))]),
    Reason.TOKEN_TYPE_MISMATCH: ("/api/x", lambda: [bearer(make_token(nonce="n"))]),
    Reason.CLAIM_MISSING: ("/api/x", lambda: [bearer(make_token(exp=None))]),
    Reason.CLAIM_MALFORMED: ("/api/x", lambda: [bearer(make_token(exp="soon"))]),
    Reason.TOKEN_REVOKED: ("/api/x", lambda: [bearer(make_token(jti="revoked"))]),
    Reason.AUTHENTICATION_TOO_OLD: ("/api/fresh", lambda: [bearer(make_token(auth_time=1))]),
    Reason.AUTHENTICATION_TOO_WEAK: ("/api/strong", lambda: [bearer(make_token(acr="bronze"))]),
    Reason.SCOPE_MISSING: ("/api/x", lambda: [bearer(make_token("other"))]),
}


@pytest.fixture
async def gateway(start_gateway: StartGateway, tmp_path: Path) -> RunningGateway:
    (tmp_path / "revoked.json").write_text(json.dumps({"revoked": [{"jti": "revoked"}]}))
    return await start_gateway(
        **SECTIONS
        | {
            "routes": [*ROUTES, *STEP_UP],
            "issuers": {**ISSUERS, "partner": PARTNER},
            "revocations": {"blocked": {"file": "revoked.json"}},
        }
    )


def challenge(answer: Message) -> dict[str, str]:
    """Return the parameters of the one challenge, none of which may stand twice (6750.7)."""
    scheme, _, rest = answer.one(b"www-authenticate").decode("ascii").partition(" ")
    found = re.findall(r'([a-z_]+)="([\x20\x21\x23-\x5b\x5d-\x7e]*)"', rest)
    assert scheme == "Bearer"
    assert ", ".join(f'{name}="{value}"' for name, value in found) == rest
    assert len(dict(found)) == len(found)
    return dict(found)


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize("expected", REFUSALS, ids=lambda reason: reason.code)
async def test_every_challenge_of_a_resource_names_its_metadata_and_all_scopes(
    expected: Reason, method: str, service: Service, gateway: RunningGateway
) -> None:
    """9728.4 and MCP.1: nobody has to come back for what could have been said at once."""
    path, credentials = REFUSALS[expected]
    request = make_request(path, *credentials(), host=HOST, method=method)

    answer = await gateway.ask(request, is_head=method == "HEAD")

    assert answer.status == expected.status
    assert method == "HEAD" or reason(answer) == expected.code
    told = challenge(answer)
    assert told["resource_metadata"] == METADATA
    assert told["scope"] == "api:read"
    assert ("error" in told) is (expected is not Reason.TOKEN_MISSING)
    assert service.connections == []


def test_every_reason_with_a_challenge_was_tried() -> None:
    """Without those for logins and opaque tokens, and a proof, which no route can ask for.

    Logins are below, opaque tokens in ``tests/introspection``.
    """
    mendable = {one for one in Reason if render_challenge(one, (), None, None) is not None}

    elsewhere = {Reason.LOGIN_REQUIRED, Reason.TOKEN_INACTIVE}
    assert mendable == {*REFUSALS, Reason.PROOF_INVALID, *elsewhere}


def test_where_browsers_log_in_a_program_learns_the_same_as_elsewhere() -> None:
    scopes = ("api:read", "api:write")

    told = render_challenge(Reason.LOGIN_REQUIRED, scopes, METADATA, None)

    assert told == render_challenge(Reason.TOKEN_MISSING, scopes, METADATA, None)


@pytest.mark.parametrize(
    ("target", "lines", "refusal"),
    [
        ("/api/ruled", [bearer(make_token(tenant="globex"))], Reason.CLAIM_RULE_FAILED),
        ("/api/partner", [bearer()], Reason.ISSUER_NOT_ACCEPTED),
        ("/api/../x", [], Reason.PATH_REJECTED),
        ("/nowhere", [], Reason.ROUTE_NOT_FOUND),
    ],
)
async def test_a_refusal_that_no_token_would_change_has_no_challenge(
    target: str, lines: list[bytes], refusal: Reason, gateway: RunningGateway
) -> None:
    answer = await gateway.ask(make_request(target, *lines, host=HOST))

    assert reason(answer) == refusal.code
    assert not answer.has(b"www-authenticate")


async def test_all_scopes_that_a_route_speaks_of_are_named_at_once(
    gateway: RunningGateway,
) -> None:
    """MCP.1, 6750.6: those of every way to satisfy it."""
    for lines in ([], [bearer(make_token("api:read"))]):
        answer = await gateway.ask(make_request("/api/admin", *lines, host=HOST))

        assert challenge(answer)["scope"] == "admin api:read api:write"


async def test_a_route_of_no_resource_has_a_challenge_without_metadata(
    gateway: RunningGateway,
) -> None:
    answer = await gateway.ask(make_request("/apart/x", host=HOST))

    assert challenge(answer) == {"realm": "gateway", "scope": "api:read"}


async def test_the_handshake_of_a_websocket_is_refused_in_the_same_words(
    gateway: RunningGateway,
) -> None:
    """9728.4, 9110.8."""
    answer = await gateway.ask(make_request("/api/socket", *UPGRADE, host=HOST))

    assert challenge(answer) == {"realm": "gateway", "resource_metadata": METADATA}


async def test_the_address_is_the_same_whatever_host_was_asked(gateway: RunningGateway) -> None:
    """9728.4: it comes from the configuration, never from what a request says of itself."""
    for host in (HOST, "evil.example.com", "127.0.0.1:8080"):
        lines = ("X-Forwarded-Host: evil.example.com", "X-Forwarded-Proto: http")
        answer = await gateway.ask(make_request("/api/x", *lines, host=host))

        assert challenge(answer)["resource_metadata"] == METADATA


async def test_an_odd_path_needs_no_quoting(start_gateway: StartGateway) -> None:
    """6750.7: what a configuration takes for an identifier is fit for a challenge as it is."""
    url = f"https://{HOST}:8443/a,b=c'd%25/(e)%22/~$&!*+@:"
    resources = {"odd": {**RESOURCES["api"], "resource": url}}
    routes = [route("odd", "/a,b=c'd%25/(e)%22/~$&!%2A+@:")]
    gateway = await start_gateway(**SECTIONS | {"resources": resources, "routes": routes})

    answer = await gateway.ask(make_request("/a,b=c'd%25/(e)%22/~$&!*+@:", host=HOST))
    address = challenge(answer)["resource_metadata"]
    path = address.removeprefix(f"https://{HOST}:8443")
    document = await gateway.ask(make_request(path, host=f"{HOST}:8443"))

    assert path != address
    assert json.loads(document.body)["resource"] == url


async def test_a_token_in_the_query_is_ignored(service: Service, gateway: RunningGateway) -> None:
    """MCP.1."""
    target = f"/api/x?access_token={good_token().decode()}"

    answer = await gateway.ask(make_request(target, host=HOST))

    assert reason(answer) == "token_missing"
    assert challenge(answer)["resource_metadata"] == METADATA
    assert service.connections == []


async def test_an_accepted_token_is_not_forwarded(
    service: Service, gateway: RunningGateway
) -> None:
    """MCP.1: no service gets it, and so none can pass it on to another resource."""
    token = make_token(aud=RESOURCE)

    answer = await gateway.ask(make_request("/api/x", bearer(token), host=HOST))

    assert answer.status == 200
    assert service.requests[0].one(b"x-gateway-subject") == b"alice"
    assert [part for part in token.split(b".") if part in service.received] == []


# --- audiences of a route

AUDIENCES = [
    (RESOURCE, True),
    ([RESOURCE], True),
    ([OTHER, RESOURCE], True),
    (OTHER, False),
    ([OTHER, "orders-api"], False),
    (f"{RESOURCE}/", False),
    (RESOURCE.upper(), False),
    (f"https://{HOST}", False),
    ("special", False),
    ([OTHER, "special"], True),
    (["elsewhere", "special"], False),
    ([], False),
    (None, False),
]


def two_resources() -> dict[str, Any]:
    other = {"resource": OTHER, "authorization_servers": ["main"]}
    return SECTIONS | {
        "resources": {**RESOURCES, "other": other},
        "routes": [
            route("api", "/api/", audiences=[RESOURCE, "special"]),
            route("other", "/other/", audiences=[OTHER]),
        ],
    }


@pytest.mark.parametrize(("audience", "passes"), AUDIENCES)
async def test_a_token_for_another_resource_is_refused(
    audience: object, passes: bool, service: Service, start_gateway: StartGateway
) -> None:
    """9700.3, MCP.1: it must be for an audience of the route, and for one of its issuer."""
    gateway = await start_gateway(**two_resources())
    token = make_token(aud=audience)

    answer = await gateway.ask(make_request("/api/x", bearer(token), host=HOST))

    if passes:
        assert answer.body == b"hello"
        return
    refusal = "claim_missing" if audience is None else "audience_mismatch"
    assert (answer.status, reason(answer)) == (401, refusal)
    assert challenge(answer)["error"] == "invalid_token"
    assert service.connections == []


async def test_one_token_is_judged_by_each_route_anew(
    service: Service, start_gateway: StartGateway
) -> None:
    """9700.3: a token that was let in at one resource, and is remembered, is no use at another."""
    gateway = await start_gateway(**two_resources())
    line = bearer(make_token(aud=OTHER))

    answers = [
        await gateway.ask(make_request(target, line, host=HOST))
        for target in ("/other/x", "/api/x", "/other/x", "/api/x")
    ]

    assert [answer.status for answer in answers] == [200, 401, 200, 401]
    challenges = [challenge(answer)["resource_metadata"] for answer in answers[1::2]]
    assert challenges == [METADATA] * 2
    assert [request.target for request in service.requests] == [b"/other/x"] * 2


@pytest.mark.parametrize(
    ("audience", "status"), [(RESOURCE, 200), (OTHER, 401), (None, 401), ([], 401)]
)
async def test_a_route_may_ask_for_an_audience_where_its_issuer_does_not(
    audience: object, status: int, start_gateway: StartGateway
) -> None:
    """9700.3."""
    issuers = {"main": {**ISSUERS["main"], "audiences": "unchecked"}}
    gateway = await start_gateway(**two_resources() | {"issuers": issuers})

    answer = await gateway.ask(make_request("/api/x", bearer(make_token(aud=audience)), host=HOST))

    assert answer.status == status
