"""The issuer over a real socket, its tokens checked by another library."""

from base64 import b64encode
from collections.abc import AsyncIterator
from random import Random
from urllib.parse import urlencode

import pytest

from gateway.issuer.endpoints import ROTATION_GRACE_SECONDS
from gateway.issuer.signing_keys import SigningAlgorithm
from tests.issuer.running import RunningIssuer, running_issuer

ALICE = {
    "grant_type": "client_credentials",
    "client_id": "alice-client",
    "client_secret": "alice-secret",
}


def basic(credentials: str) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(credentials.encode()).decode()}


@pytest.fixture(params=list(SigningAlgorithm), ids=lambda algorithm: algorithm.value)
async def issuer(request: pytest.FixtureRequest) -> AsyncIterator[RunningIssuer]:
    async with running_issuer(request.param) as running:
        yield running


@pytest.mark.parametrize(
    "path", ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"]
)
async def test_discovery_leads_to_the_keys(issuer: RunningIssuer, path: str) -> None:
    metadata = await issuer.json(path)

    assert metadata["issuer"] == issuer.origin
    jwks = await issuer.json(metadata["jwks_uri"].removeprefix(issuer.origin))
    assert len(jwks["keys"]) == 1


@pytest.mark.parametrize("by", ["client_secret_post", "client_secret_basic"])
async def test_a_client_gets_a_token_that_the_published_keys_verify(
    issuer: RunningIssuer, by: str
) -> None:
    if by == "client_secret_post":
        status, body = await issuer.token(ALICE)
    else:
        status, body = await issuer.token(
            {"grant_type": "client_credentials"}, basic("alice-client:alice-secret")
        )

    assert status == 200
    assert body["token_type"] == "Bearer"
    assert body["scope"] == "orders:read invoices:read"
    token = await issuer.decode(body["access_token"])
    assert token.header["typ"] == "at+jwt"
    assert token.claims["iss"] == issuer.origin
    assert token.claims["sub"] == "alice"
    assert token.claims["aud"] == "demo-api"
    assert token.claims["exp"] - token.claims["iat"] == body["expires_in"] == 3600
    assert token.claims["iat"] == int(issuer.clock.now)


async def test_scope_audience_and_lifetime_are_as_asked(issuer: RunningIssuer) -> None:
    status, body = await issuer.token(
        ALICE | {"scope": "orders:read", "resource": "https://orders.test", "expires_in": "60"}
    )

    assert status == 200
    assert body["scope"] == "orders:read"
    claims = (await issuer.decode(body["access_token"])).claims
    assert claims["scope"] == "orders:read"
    assert claims["aud"] == "https://orders.test"
    assert claims["exp"] - claims["iat"] == 60


async def test_two_tokens_never_share_an_id(issuer: RunningIssuer) -> None:
    tokens = [(await issuer.token(ALICE))[1]["access_token"] for _ in range(2)]

    ids = {(await issuer.decode(token)).claims["jti"] for token in tokens}
    assert len(ids) == 2


async def test_an_answer_of_the_token_endpoint_is_not_stored(issuer: RunningIssuer) -> None:
    """RFC 6749 §5.1."""
    for sent in (ALICE, {}):
        async with issuer.client.post(issuer.origin + "/token", data=sent) as answer:
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.headers["Pragma"] == "no-cache"


async def test_a_refusal_is_an_oauth_error(issuer: RunningIssuer) -> None:
    """RFC 6749 §5.2."""
    status, body = await issuer.token(ALICE | {"scope": "orders:write"})

    assert status == 400
    assert body["error"] == "invalid_scope"
    assert set(body) == {"error", "error_description"}


async def test_a_client_that_failed_by_basic_is_challenged(issuer: RunningIssuer) -> None:
    """RFC 6749 §5.2, RFC 9110 §11.6.1."""
    form = {"grant_type": "client_credentials"}
    headers = basic("alice-client:wrong")
    async with issuer.client.post(issuer.origin + "/token", data=form, headers=headers) as answer:
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"].startswith("Basic ")
        assert (await answer.json())["error"] == "invalid_client"


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b'{"grant_type": "client_credentials"}', "application/json"),
        (b"grant_type=client_credentials&\xff=\xff", "application/x-www-form-urlencoded"),
        (b"a=1&" * 100, "application/x-www-form-urlencoded"),
        (b"grant_type=%FF", "application/x-www-form-urlencoded"),
        (b"", "text/plain"),
    ],
)
async def test_a_body_that_is_no_form_is_an_invalid_request(
    issuer: RunningIssuer, body: bytes, content_type: str
) -> None:
    headers = {"Content-Type": content_type}
    async with issuer.client.post(issuer.origin + "/token", data=body, headers=headers) as answer:
        assert answer.status == 400
        assert (await answer.json())["error"] == "invalid_request"


async def test_credentials_in_the_query_are_not_looked_at(issuer: RunningIssuer) -> None:
    query = "?grant_type=client_credentials&client_id=alice-client&client_secret=alice-secret"
    async with issuer.client.post(issuer.origin + "/token" + query, data={"a": "b"}) as answer:
        assert answer.status == 401


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/token", 405), ("GET", "/rotate", 405), ("POST", "/jwks", 405), ("GET", "/x", 404)],
)
async def test_other_requests_are_refused(
    issuer: RunningIssuer, method: str, path: str, status: int
) -> None:
    async with issuer.client.request(method, issuer.origin + path) as answer:
        assert answer.status == status


async def test_a_large_body_is_refused(issuer: RunningIssuer) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    body = b"a" * 65_536
    async with issuer.client.post(issuer.origin + "/token", data=body, headers=headers) as answer:
        assert answer.status == 413


async def test_after_a_rotation_the_new_key_signs_and_old_tokens_still_verify(
    issuer: RunningIssuer,
) -> None:
    _, before = await issuer.token(ALICE)

    async with issuer.client.post(issuer.origin + "/rotate") as answer:
        new_kid = (await answer.json())["kid"]

    _, after = await issuer.token(ALICE)
    assert (await issuer.decode(after["access_token"])).header["kid"] == new_kid
    assert (await issuer.decode(before["access_token"])).header["kid"] != new_kid


async def test_a_retired_key_goes_when_no_token_of_it_can_be_alive(issuer: RunningIssuer) -> None:
    async with issuer.client.post(issuer.origin + "/rotate") as answer:
        new_kid = (await answer.json())["kid"]

    issuer.clock.now += ROTATION_GRACE_SECONDS

    jwks = await issuer.json("/jwks")
    assert [jwk["kid"] for jwk in jwks["keys"]] == [new_kid]


async def test_the_front_page_says_development_only(issuer: RunningIssuer) -> None:
    async with issuer.client.get(issuer.origin + "/") as answer:
        assert "For development only" in await answer.text()


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", 200),
        ("localhost:9000", 200),
        ("[::1]:9000", 200),
        ("[::1]", 200),
        ("rebound.example:9000", 421),
        ("localhost.example", 421),
        ("10.0.0.1", 421),
        ("", 421),
    ],
)
async def test_a_name_that_was_made_to_mean_this_machine_is_not_answered(
    issuer: RunningIssuer, host: str, status: int
) -> None:
    """DNS rebinding: a page elsewhere would be of the same origin as the consent page."""
    async with issuer.client.get(issuer.origin + "/", headers={"Host": host}) as answer:
        assert answer.status == status


async def test_what_would_answer_is_what_the_metadata_says(issuer: RunningIssuer) -> None:
    metadata = await issuer.json("/.well-known/openid-configuration")
    endpoints = {name: url for name, url in metadata.items() if name.endswith(("endpoint", "_uri"))}

    assert len(endpoints) == 6
    for url in endpoints.values():
        async with issuer.client.options(url) as answer:
            assert answer.status == 405
            assert {"GET", "POST"} & set(answer.headers["Allow"].split(","))


NAMES = [
    *("client_id", "client_secret", "redirect_uri", "response_type", "scope", "state", "prompt"),
    *("code_challenge", "code_challenge_method", "request_uri", "id_token_hint", "grant_type"),
    *("code", "code_verifier", "refresh_token", "device_code", "user_code", "token", "answer"),
    *("persona", "acr", "max_age", "resource", "client_assertion", "client_assertion_type", "sub"),
    "post_logout_redirect_uri",
]
VALUES = [
    *("web", "cli", "tv", "jobs", "web-secret", "code", "S256", "a" * 43, "none", "allow", "alice"),
    *(
        "http://localhost/oauth/callback",
        "openid",
        "x.y.z",
        "0",
        "\x00",
        "\ud7ff",
        "%00",
        "é",
        "<b>",
    ),
    *("authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"),
    *(
        "urn:ietf:params:oauth:request_uri:x",
        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    ),
    "eyJhbGciOiJub25lIn0.e30.",
]


async def test_no_request_is_an_error_of_ours_and_none_is_sent_to_a_stranger(
    issuer: RunningIssuer,
) -> None:
    random = Random(8628)
    paths_ = [
        *("/authorize", "/authorize/answer", "/par", "/token", "/device_authorization", "/device"),
        *("/device/answer", "/logout", "/logout/answer", "/end-sessions"),
    ]
    browser = issuer.new_browser()
    for _ in range(600):
        sent = {random.choice(NAMES): random.choice(VALUES) for _ in range(random.randrange(12))}
        path = random.choice(paths_)
        if random.random() < 0.5:
            answer = await browser.get(f"{path}?{urlencode(sent)}")
        else:
            answer = await browser.post(path, sent)

        assert answer.status < 500, (path, sorted(sent))
        assert answer.location == "" or answer.location.startswith("http://localhost/oauth/")
        assert "<b>" not in answer.text
