"""The authorization code flow over a real socket, with authlib as the client."""

from base64 import b64encode
from typing import Any

import pytest
from authlib.common.security import generate_token
from authlib.oauth2.rfc6749.parameters import (
    parse_authorization_code_response,
    prepare_grant_uri,
)
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken

from gateway.issuer.flows.authorization import PUSHED_SECONDS
from gateway.issuer.state.codes import CODE_SECONDS
from tests.issuer.running import (
    CALLBACK,
    VERIFIER,
    WEB,
    Browser,
    RunningIssuer,
    authorize_target,
    read_form,
)

TWO_FACTORS = "urn:development:two-factors"


async def claims_of(issuer: RunningIssuer, code: str, **changed: str) -> dict[str, Any]:
    """Exchange *code*; return the claims of the ID token."""
    status, tokens = await issuer.exchange(code, **changed)
    assert status == 200, tokens
    return (await issuer.decode(tokens["id_token"])).claims


async def test_a_client_of_another_library_logs_somebody_in(
    issuer: RunningIssuer, browser: Browser
) -> None:
    metadata = await issuer.json("/.well-known/openid-configuration")
    verifier = generate_token(64)
    uri = prepare_grant_uri(
        metadata["authorization_endpoint"],
        "web",
        "code",
        redirect_uri=CALLBACK,
        scope="openid profile orders:read offline_access",
        state="xyz",
        nonce="n-1",
        code_challenge=create_s256_code_challenge(verifier),
        code_challenge_method="S256",
    )

    back = await browser.submit(await browser.get(uri), persona="bob", answer="allow")

    assert back.status == 303
    assert back.headers["Cache-Control"] == "no-store"
    response = parse_authorization_code_response(back.location, state="xyz")
    assert response["iss"] == metadata["issuer"]
    status, tokens = await issuer.exchange(response["code"], code_verifier=verifier)
    assert status == 200
    assert set(tokens) == {
        *("access_token", "token_type", "expires_in", "scope", "refresh_token", "id_token")
    }
    access = (await issuer.decode(tokens["access_token"])).claims
    identity = await issuer.decode(tokens["id_token"])
    assert access["sub"] == identity.claims["sub"] == "bob"
    assert (access["client_id"], access["aud"]) == ("web", "demo-api")
    assert access["scope"] == "openid profile orders:read offline_access"
    assert identity.claims["name"] == "Bob"
    validate_by_authlib(metadata["issuer"], identity.claims, identity.header, tokens, issuer)


def validate_by_authlib(
    iss: str,
    claims: dict[str, Any],
    header: dict[str, Any],
    tokens: dict[str, Any],
    issuer: RunningIssuer,
) -> None:
    """Let another library say whether the ID token is right: nonce, at_hash and all."""
    parameters = {"nonce": "n-1", "client_id": "web", "access_token": tokens["access_token"]}
    options = {"iss": {"values": [iss]}, "sid": {"essential": True}, "acr": {"essential": True}}
    CodeIDToken(claims, header, options, parameters).validate(now=int(issuer.clock.now))


async def test_somebody_who_declines_is_an_error_for_the_client(
    issuer: RunningIssuer, browser: Browser
) -> None:
    """9207.3; RFC 6749 §4.1.2.1."""
    page = await browser.get(authorize_target())

    back = await browser.submit(page, answer="decline")

    assert back.location.startswith(CALLBACK + "?")
    assert back.sent_back == {
        "error": "access_denied",
        "error_description": "the person declined",
        "state": "the state",
        "iss": issuer.origin,
    }


@pytest.mark.parametrize(
    "wanted",
    [
        {"client_id": "nobody"},
        {"client_id": ""},
        {"redirect_uri": ""},
        {"redirect_uri": "https://evil.example/oauth/callback"},
        {"redirect_uri": CALLBACK + "/"},
        {"redirect_uri": CALLBACK + "?x=1"},
        {"redirect_uri": CALLBACK + "#x"},
        {"redirect_uri": "http://localhost:80@evil.example/oauth/callback"},
        {"redirect_uri": "http://localhost.evil.example/oauth/callback"},
        {"redirect_uri": "//evil.example", "response_type": "token"},
    ],
)
async def test_nobody_is_sent_to_an_address_that_is_not_registered(
    browser: Browser, wanted: dict[str, str]
) -> None:
    """6749.10; RFC 9700 §4.1.3."""
    page = await browser.get(authorize_target(**wanted))

    assert page.status == 400
    assert page.location == ""
    assert "evil" not in page.text


async def test_a_wrong_request_is_an_error_for_the_client(
    issuer: RunningIssuer, browser: Browser
) -> None:
    back = await browser.get(authorize_target(code_challenge=""))

    assert back.status == 303
    assert back.sent_back["error"] == "invalid_request"
    assert back.sent_back["state"] == "the state"
    assert back.sent_back["iss"] == issuer.origin


async def test_a_native_app_may_listen_on_any_port_of_loopback(
    issuer: RunningIssuer, browser: Browser
) -> None:
    """8252.2."""
    redirect_uri = "http://127.0.0.1:51004/callback"
    back = await browser.log_in(client_id="cli", redirect_uri=redirect_uri)

    assert back.location.startswith(redirect_uri + "?")
    status, tokens = await issuer.token(
        {
            "grant_type": "authorization_code",
            "client_id": "cli",
            "code": back.sent_back["code"],
            "redirect_uri": redirect_uri,
            "code_verifier": VERIFIER,
        }
    )
    assert status == 200
    assert "refresh_token" not in tokens  # offline_access was not asked for


async def test_the_request_may_be_a_form(issuer: RunningIssuer, browser: Browser) -> None:
    """OpenID Connect Core §3.1.2.1: GET and POST."""
    form = dict(pair.split("=") for pair in authorize_target().partition("?")[2].split("&"))
    form |= {"redirect_uri": CALLBACK, "scope": "openid", "state": "the state"}

    page = await browser.post("/authorize", form)

    back = await browser.submit(page, answer="allow")
    assert back.sent_back["state"] == "the state"


@pytest.mark.parametrize(
    "changed",
    [
        {"redirect_uri": "http://localhost:8081/oauth/callback"},
        {"redirect_uri": ""},
        {"code_verifier": "another-verifier-that-is-long-enough-0123456789"},
        {"code_verifier": ""},
        {"client_id": "cli", "client_secret": ""},
    ],
)
async def test_a_code_is_bound_to_its_client_redirect_and_challenge(
    issuer: RunningIssuer, browser: Browser, changed: dict[str, str]
) -> None:
    """6749.11, 7636.4."""
    back = await browser.log_in()

    status, body = await issuer.exchange(back.sent_back["code"], **changed)

    assert (status, body["error"]) == (400, "invalid_grant")


async def test_a_code_that_comes_twice_revokes_what_it_gave(
    issuer: RunningIssuer, browser: Browser
) -> None:
    """6749.11."""
    back = await browser.log_in(scope="openid offline_access")
    _, tokens = await issuer.exchange(back.sent_back["code"])

    status, again = await issuer.exchange(back.sent_back["code"])

    assert (status, again["error"]) == (400, "invalid_grant")
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    status, refreshed = await issuer.token(WEB | form)
    assert (status, refreshed["error"]) == (400, "invalid_grant")


async def test_a_code_is_good_for_a_minute(issuer: RunningIssuer, browser: Browser) -> None:
    back = await browser.log_in()
    issuer.clock.now += CODE_SECONDS

    status, body = await issuer.exchange(back.sent_back["code"])

    assert (status, body["error"]) == (400, "invalid_grant")


async def test_who_is_logged_in_and_has_allowed_it_sees_no_page_again(
    issuer: RunningIssuer, browser: Browser
) -> None:
    first = await claims_of(issuer, (await browser.log_in()).sent_back["code"])
    issuer.clock.now += 60

    again = await browser.get(authorize_target(prompt="none", nonce="n-2"))

    second = await claims_of(issuer, again.sent_back["code"])
    assert second["nonce"] == "n-2"
    assert second["auth_time"] == first["auth_time"] == int(issuer.clock.now) - 60
    assert second["sid"] == first["sid"]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"scope": "openid orders:write"}, "consent_required"),
        ({"max_age": "10"}, "login_required"),
        ({"acr_values": TWO_FACTORS}, "login_required"),
    ],
)
async def test_without_a_page_too_little_is_an_error_that_says_which(
    issuer: RunningIssuer, browser: Browser, wanted: dict[str, str], expected: str
) -> None:
    """OpenID Connect Core §3.1.2.6."""
    await browser.log_in()
    issuer.clock.now += 11

    back = await browser.get(authorize_target(prompt="none", **wanted))

    assert back.sent_back["error"] == expected
    page = await browser.get(authorize_target(**wanted))
    assert page.status == 200


async def test_a_stranger_without_a_page_has_to_log_in(browser: Browser) -> None:
    back = await browser.get(authorize_target(prompt="none"))

    assert back.sent_back["error"] == "login_required"


async def test_a_hint_about_another_person_is_not_answered_for_this_one(
    issuer: RunningIssuer, browser: Browser
) -> None:
    """OpenID Connect Core §3.1.2.1: `id_token_hint`."""
    other = issuer.new_browser()
    _, tokens = await issuer.exchange((await other.log_in("bob")).sent_back["code"])
    await browser.log_in("alice")

    hinted = authorize_target(prompt="none", id_token_hint=tokens["id_token"])
    back = await browser.get(hinted)
    forged = await browser.get(authorize_target(id_token_hint=tokens["access_token"]))

    assert back.sent_back["error"] == "login_required"
    assert "code" in (await other.get(hinted)).sent_back
    assert forged.sent_back["error"] == "invalid_request"


async def test_a_step_up_tells_how_somebody_logged_in(
    issuer: RunningIssuer, browser: Browser
) -> None:
    """RFC 9470 §4."""
    weak = await claims_of(issuer, (await browser.log_in()).sent_back["code"])
    issuer.clock.now += 100

    page = await browser.get(authorize_target(acr_values=TWO_FACTORS, max_age="10"))

    assert read_form(page.text)[1]["acr"] == TWO_FACTORS
    code = (await browser.submit(page, answer="allow")).sent_back["code"]
    _, tokens = await issuer.exchange(code)
    strong = (await issuer.decode(tokens["access_token"])).claims
    assert (weak["acr"], strong["acr"]) == ("urn:development:one-factor", TWO_FACTORS)
    assert strong["auth_time"] == weak["auth_time"] + 100
    assert strong["sid"] == weak["sid"]


async def test_what_a_persona_does_not_have_is_not_granted(
    issuer: RunningIssuer, browser: Browser
) -> None:
    """RFC 6749 §3.3: `scope` says what was granted, if it is less than was asked."""
    back = await browser.log_in("mallory", scope="openid orders:read orders:write")

    _, tokens = await issuer.exchange(back.sent_back["code"])

    assert tokens["scope"] == "openid"


async def test_resource_and_lifetime_hold_for_what_the_code_gives(
    issuer: RunningIssuer, browser: Browser
) -> None:
    """RFC 8707 §2."""
    api = "https://api.example"
    back = await browser.log_in(resource=api, expires_in="5")
    _, tokens = await issuer.exchange(back.sent_back["code"], resource=api)
    again = await browser.log_in(resource=api)
    status, body = await issuer.exchange(again.sent_back["code"], resource="https://other.example")

    claims = (await issuer.decode(tokens["access_token"])).claims
    assert (claims["aud"], claims["exp"] - claims["iat"], tokens["expires_in"]) == (api, 5, 5)
    assert (status, body["error"]) == (400, "invalid_target")


async def test_a_hint_preselects_who_logs_in(browser: Browser) -> None:
    page = await browser.get(authorize_target(login_hint="carol"))

    assert read_form(page.text)[1]["persona"] == "carol"


# --- the form


async def test_a_form_is_answered_once(browser: Browser) -> None:
    page = await browser.get(authorize_target())
    await browser.submit(page, answer="allow")

    again = await browser.submit(page, answer="allow")

    assert again.status == 403
    assert again.location == ""


async def test_a_form_is_answered_by_the_browser_that_was_asked(
    issuer: RunningIssuer, browser: Browser
) -> None:
    """A page elsewhere could have a browser send the form that it was given itself: CSRF."""
    page = await browser.get(authorize_target())
    victim = issuer.new_browser()
    fresh = await victim.submit(page, answer="allow")
    await victim.get(authorize_target())
    known = await victim.submit(page, answer="allow")

    assert (fresh.status, known.status) == (403, 403)
    assert (await browser.submit(page, answer="allow")).status == 303


async def test_a_form_cannot_be_made_up(browser: Browser) -> None:
    await browser.get(authorize_target())

    for form in ({}, {"token": "x"}, {"token": ""}, {"answer": "allow", "persona": "alice"}):
        assert (await browser.post("/authorize/answer", form)).status == 403


@pytest.mark.parametrize("changed", [{"persona": "root"}, {"persona": ""}, {"acr": "strongest"}])
async def test_an_answer_that_the_form_did_not_offer_logs_nobody_in(
    browser: Browser, changed: dict[str, str]
) -> None:
    page = await browser.get(authorize_target())

    answer = await browser.submit(page, answer="allow", **changed)

    assert answer.status == 400
    assert (await browser.get(authorize_target(prompt="none"))).sent_back["error"]


async def test_the_page_may_be_framed_by_nobody_and_sends_its_form_home_alone(
    browser: Browser,
) -> None:
    """9700.17: clickjacking. Chromium holds the redirect against form-action, too."""
    page = await browser.get(authorize_target())

    policy = page.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy
    assert "form-action 'self' http://localhost:8080;" in policy
    assert page.headers["Cache-Control"] == "no-store"
    assert "<script" not in page.text


# --- pushed requests (RFC 9126)


def pushed_form(**changed: str) -> dict[str, str]:
    return WEB | {
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "scope": "openid",
        "state": "pushed",
        "code_challenge": create_s256_code_challenge(VERIFIER),
        "code_challenge_method": "S256",
        **changed,
    }


async def test_a_pushed_request_counts_and_what_is_beside_it_does_not(
    issuer: RunningIssuer, browser: Browser
) -> None:
    """9126.3."""
    status, pushed = await issuer.post("/par", pushed_form())
    assert (status, pushed["expires_in"]) == (201, PUSHED_SECONDS)
    target = authorize_target(request_uri=pushed["request_uri"], state="other", scope="x y z")

    back = await browser.submit(await browser.get(target), answer="allow")

    assert back.sent_back["state"] == "pushed"
    status, tokens = await issuer.exchange(back.sent_back["code"])
    assert tokens["scope"] == "openid"
    assert (await browser.get(target)).status == 400  # used


async def test_a_pushed_request_is_of_its_client_and_expires(
    issuer: RunningIssuer, browser: Browser
) -> None:
    _, pushed = await issuer.post("/par", pushed_form())
    uri = pushed["request_uri"]

    assert (await browser.get(authorize_target(client_id="cli", request_uri=uri))).status == 400
    assert (await browser.get(authorize_target(request_uri=uri))).status == 200
    issuer.clock.now += PUSHED_SECONDS
    assert (await browser.get(authorize_target(request_uri=uri))).status == 400


@pytest.mark.parametrize(
    ("changed", "status", "error"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_secret": ""}, 401, "invalid_client"),
        ({"redirect_uri": "https://evil.example/"}, 400, "invalid_request"),
        ({"code_challenge_method": "plain"}, 400, "invalid_request"),
        ({"scope": "root"}, 400, "invalid_scope"),
        ({"request_uri": "urn:x"}, 400, "request_uri_not_supported"),
    ],
)
async def test_a_wrong_request_cannot_be_pushed(
    issuer: RunningIssuer, changed: dict[str, str], status: int, error: str
) -> None:
    """9126.3."""
    got, body = await issuer.post("/par", pushed_form(**changed))

    assert (got, body["error"]) == (status, error)
    assert "request_uri" not in body


async def test_a_client_pushes_nothing_in_the_name_of_another(issuer: RunningIssuer) -> None:
    headers = {"Authorization": "Basic " + b64encode(b"web:web-secret").decode()}
    form = pushed_form(client_id="cli", client_secret="")

    status, body = await issuer.post("/par", form, headers)

    assert (status, body["error"]) == (400, "invalid_request")
