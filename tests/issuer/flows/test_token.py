"""The token endpoint over a real socket: which grants it knows, and refreshing."""

from base64 import b64encode

import pytest
from authlib.oauth2.rfc7523 import private_key_jwt_sign
from joserfc.jwk import ECKey

from gateway.issuer.requests.client_authentication import ASSERTION_TYPE
from gateway.issuer.state.refresh_tokens import REUSE_GRACE_SECONDS
from tests.issuer.running import START_SECONDS, WEB, Browser, RunningIssuer


async def first_tokens(issuer: RunningIssuer, browser: Browser, **wanted: str) -> dict[str, str]:
    wanted = {"scope": "openid profile offline_access orders:read invoices:read"} | wanted
    _, tokens = await issuer.exchange((await browser.log_in(**wanted)).sent_back["code"])
    return tokens


def refresh_form(token: str, **changed: str) -> dict[str, str]:
    return WEB | {"grant_type": "refresh_token", "refresh_token": token} | changed


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({}, 400, "invalid_request"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": "client_credentials"}, 400, "unauthorized_client"),
        (
            {"grant_type": "urn:ietf:params:oauth:grant-type:device_code", "device_code": "x"},
            400,
            "unauthorized_client",
        ),
        ({"grant_type": "authorization_code"}, 400, "invalid_request"),
        ({"grant_type": "authorization_code", "code": "x"}, 400, "invalid_grant"),
        ({"grant_type": "refresh_token"}, 400, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": "x"}, 400, "invalid_grant"),
        ({"grant_type": "refresh_token", "client_secret": "wrong"}, 401, "invalid_client"),
        ({"grant_type": "refresh_token", "expires_in": "0"}, 400, "invalid_request"),
    ],
)
async def test_what_cannot_be_granted_is_an_oauth_error(
    issuer: RunningIssuer, form: dict[str, str], status: int, error: str
) -> None:
    """RFC 6749 §5.2."""
    got, body = await issuer.token(WEB | form)

    assert (got, body["error"]) == (status, error)


async def test_a_repeated_parameter_is_refused(issuer: RunningIssuer) -> None:
    """RFC 6749 §3.2."""
    body = "grant_type=refresh_token&grant_type=refresh_token&client_id=cli"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    async with issuer.client.post(issuer.origin + "/token", data=body, headers=headers) as answer:
        assert answer.status == 400
        assert (await answer.json())["error_description"] == "a parameter is repeated"


async def test_a_service_may_authenticate_with_a_key_of_its_own(issuer: RunningIssuer) -> None:
    """RFC 7523 §2.2, signed by another library with the published development key."""
    async with issuer.client.get(issuer.origin + "/jobs-key.pem") as answer:
        pem = await answer.text()
    url = issuer.origin + "/token"
    claims = {"exp": START_SECONDS + 60, "iat": START_SECONDS}
    assertion = private_key_jwt_sign(ECKey.import_key(pem), "jobs", url, alg="ES256", claims=claims)
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": assertion if isinstance(assertion, str) else assertion.decode(),
    }

    status, body = await issuer.token(form)
    again, replayed = await issuer.token(form)

    assert status == 200, body
    access = (await issuer.decode(body["access_token"])).claims
    assert access["sub"] == access["client_id"] == "jobs"
    assert (again, replayed["error"]) == (401, "invalid_client")


async def test_a_refresh_token_changes_with_each_use(
    issuer: RunningIssuer, browser: Browser
) -> None:
    """9700.16."""
    tokens = await first_tokens(issuer, browser)
    issuer.clock.now += 100

    status, second = await issuer.token(refresh_form(tokens["refresh_token"]))
    _, third = await issuer.token(refresh_form(second["refresh_token"]))

    assert status == 200
    issued = {tokens["refresh_token"], second["refresh_token"], third["refresh_token"]}
    assert len(issued) == 3
    claims = (await issuer.decode(third["access_token"])).claims
    assert (claims["sub"], claims["iat"]) == ("alice", int(issuer.clock.now))


async def test_a_refreshed_id_token_tells_of_the_same_login(
    issuer: RunningIssuer, browser: Browser
) -> None:
    """OpenID Connect Core §12.2."""
    tokens = await first_tokens(issuer, browser, nonce="n")
    issuer.clock.now += 100
    _, second = await issuer.token(refresh_form(tokens["refresh_token"]))

    first = (await issuer.decode(tokens["id_token"])).claims
    later = (await issuer.decode(second["id_token"])).claims
    assert {name for name in first if first[name] != later.get(name)} == {"iat", "exp", "at_hash"}
    assert later["iat"] == first["iat"] + 100


async def test_a_stolen_refresh_token_ends_the_whole_family(
    issuer: RunningIssuer, browser: Browser
) -> None:
    """9700.16: whoever comes second may be the thief or the owner."""
    tokens = await first_tokens(issuer, browser)
    _, second = await issuer.token(refresh_form(tokens["refresh_token"]))
    issuer.clock.now += REUSE_GRACE_SECONDS

    status, reused = await issuer.token(refresh_form(tokens["refresh_token"]))
    after, revoked = await issuer.token(refresh_form(second["refresh_token"]))

    assert (status, reused["error"]) == (400, "invalid_grant")
    assert (after, revoked["error"]) == (400, "invalid_grant")


async def test_two_that_refresh_at_once_get_the_same_successor(
    issuer: RunningIssuer, browser: Browser
) -> None:
    tokens = await first_tokens(issuer, browser)
    _, one = await issuer.token(refresh_form(tokens["refresh_token"]))
    issuer.clock.now += REUSE_GRACE_SECONDS - 1

    status, other = await issuer.token(refresh_form(tokens["refresh_token"]))

    assert status == 200
    assert other["refresh_token"] == one["refresh_token"]
    assert other["access_token"] != one["access_token"]


async def test_a_refresh_may_ask_for_less_and_never_for_more(
    issuer: RunningIssuer, browser: Browser
) -> None:
    """RFC 6749 §6: what is left out once may be asked for again."""
    tokens = await first_tokens(issuer, browser)
    form = refresh_form(tokens["refresh_token"], scope="orders:read", expires_in="7")
    _, less = await issuer.token(form)
    _, again = await issuer.token(refresh_form(less["refresh_token"]))
    status, more = await issuer.token(refresh_form(again["refresh_token"], scope="orders:write"))

    assert (less["scope"], less["expires_in"]) == ("orders:read", 7)
    assert "id_token" not in less
    assert again["scope"] == tokens["scope"]
    assert (status, more["error"]) == (400, "invalid_scope")


async def test_a_refresh_token_is_of_its_client(issuer: RunningIssuer, browser: Browser) -> None:
    tokens = await first_tokens(issuer, browser)
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}

    status, body = await issuer.token(form | {"client_id": "cli"})

    assert (status, body["error"]) == (400, "invalid_grant")
    assert (await issuer.token(WEB | form))[0] == 200


async def test_basic_authentication_does_for_the_web_client(
    issuer: RunningIssuer, browser: Browser
) -> None:
    tokens = await first_tokens(issuer, browser)
    headers = {"Authorization": "Basic " + b64encode(b"web:web-secret").decode()}
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}

    assert (await issuer.token(form, headers))[0] == 200
