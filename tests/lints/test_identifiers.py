"""Issuers that no token names, settings that do not fit a vendor, and placeholders are found."""

from pathlib import Path

import pytest

from tests.lints.warned import assert_warned, doubts, warnings
from tests.settings.configs import config, one_issuer

JWKS = 'jwks_url: "https://keys.example.com/x"'
POOL = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_a1B2c3D4e"


def issuer(url: str, audiences: str = "[orders]", rest: str = "") -> str:
    return one_issuer(f"{{issuer: {url}, {JWKS}, audiences: {audiences}{rest}}}")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("login.example.com", "write `issuer: https://login.example.com`"),
        ("login.example.com/x", "write `issuer: https://login.example.com/x`"),
        ("'https://login.example.com/*'", "star included"),
        ("'*'", "star included"),
        ("'https://login.example.com/ '", "remove them"),
        ("https://a/oauth2/token", "write `issuer: https://a`, with a slash at the end if"),
        ("https://a/oauth/token", "write `issuer: https://a`"),
        ("https://a/x/oauth/v2/token", "write `issuer: https://a/x`"),
        ("https://a/connect/token/", "write `issuer: https://a`"),
        ("https://a/as/token.oauth2", "write `issuer: https://a`"),
        ("https://a/oidc/token", "write `issuer: https://a/oidc`"),
        ("https://a/oauth2/default/v1/token", "write `issuer: https://a/oauth2/default`"),
        ("https://a/realms/b/protocol/openid-connect/token", "write `issuer: https://a/realms/b`"),
        ("https://a/realms/b/protocol/openid-connect/auth", "write `issuer: https://a/realms/b`"),
    ],
)
def test_an_issuer_that_no_token_names_is_doubtful(url: str, message: str, tmp_path: Path) -> None:
    assert_warned(tmp_path, "issuer_suspect", issuer(f"¦{url}"))
    [fault] = warnings(tmp_path, issuer(url))
    assert message in fault.message


@pytest.mark.parametrize(
    "url",
    [
        *("https://a/", "supabase", "kubernetes/serviceaccount", "'urn:a:b'", "spiffe-x"),
        *(
            "https://a/auth",
            "https://a/oauth2",
            "https://a/oidc",
            "https://token.a",
            "https://a/v1",
        ),
    ],
)
def test_a_usual_issuer_is_no_doubt(url: str, tmp_path: Path) -> None:
    assert warnings(tmp_path, issuer(url)) == ()


def test_a_setting_that_does_not_fit_the_vendor_is_doubtful(tmp_path: Path) -> None:
    client = "4d5e6f7a8b9c0d1e2f3a4b5c6d"

    assert_warned(tmp_path, "vendor_mismatch", issuer("¦https://shop.auth0.com"))
    assert_warned(tmp_path, "vendor_mismatch", issuer(POOL, f"[¦{client}]"))
    [fault] = warnings(tmp_path, issuer(POOL, f"[{client}]"))
    assert "access tokens of Cognito have no `aud`" in fault.message
    assert (
        f"write `preset: cognito`, `user_pool: eu-west-1_a1B2c3D4e` and `clients: [{client}]`"
        in (fault.message)
    )


def test_a_token_endpoint_of_a_known_vendor_is_told_once(tmp_path: Path) -> None:
    assert_warned(tmp_path, "vendor_mismatch", issuer("¦https://shop.auth0.com/oauth/token"))


def test_a_token_endpoint_of_the_environment_is_not_shown(tmp_path: Path) -> None:
    [fault] = warnings(tmp_path, issuer("'https://${HOST}/oauth2/token'"))

    assert fault.message == "this is where clients get tokens, and hardly the `iss` of these"


def test_what_the_environment_says_of_an_issuer_is_not_shown(tmp_path: Path) -> None:
    [fault] = warnings(tmp_path, issuer("'https://${HOST}/realms/x/'"))

    assert fault.message == "the `iss` of Keycloak has no slash at its end"


@pytest.mark.parametrize(
    "url", ["https://accounts.google.com", "https://token.actions.githubusercontent.com"]
)
def test_an_issuer_of_everybody_needs_a_rule_about_the_caller(url: str, tmp_path: Path) -> None:
    rule = ", require: {claims: {email: {in: [a@example.com]}, email_verified: {equals: true}}}"

    assert_warned(tmp_path, "open_issuer", issuer(f"¦{url}"))
    assert warnings(tmp_path, issuer(url, rest=rule)) == ()
    by_route = issuer(url).replace("require: {}", "require: {claims: {email: {equals: a@a}}}")
    assert warnings(tmp_path, by_route) == ()


PLACEHOLDERS = [
    "https://<tenant>.auth0.com/",
    "https://your-tenant.eu.auth0.com/",
    "https://yourdomain.com",
    "https://YOUR_DOMAIN/",
    "https://CHANGEME/",
    "https://change-me.example.com/",
    "https://login.example.com/TODO",
    "https://login.example.com/xxxx-xxxx",
    "https://example.auth0.com/",
    "https://example.okta.com/oauth2/default",
    "https://sts.windows.net/00000000-0000-0000-0000-000000000000/",
]


@pytest.mark.parametrize("url", PLACEHOLDERS)
def test_a_placeholder_is_doubtful(url: str, tmp_path: Path) -> None:
    assert_warned(tmp_path, "placeholder_left", issuer(f"¦'{url}'"))


def test_a_placeholder_is_found_wherever_something_outside_is_named(tmp_path: Path) -> None:
    text = config(
        "identity: {headers: {X-User: sub}}\n",
        issuers="issuers:\n  main: {issuer: 'https://a/', jwks_url: ¦'https://<host>/keys',"
        " audiences: [¦your-api, orders]}\n",
    )

    assert_warned(tmp_path, "placeholder_left", text)


@pytest.mark.parametrize(
    "url",
    [
        *("https://login.example.com/", "https://login.example/", "https://example.org/x"),
        *("https://yourist.com", "https://myapp.com", "https://todo.app/", "https://xxx.com/"),
        *("https://dev-4f2a1.okta.com/oauth2/default", "https://a.com/change"),
    ],
)
def test_names_for_examples_and_names_of_firms_are_no_placeholders(
    url: str, tmp_path: Path
) -> None:
    assert warnings(tmp_path, issuer(f"'{url}'")) == ()


def test_a_preset_with_a_placeholder_is_told_once(tmp_path: Path) -> None:
    text = config(
        issuers="issuers:\n  main: {preset: auth0, domain: your-tenant.auth0.com,"
        " audiences: [orders]}\n"
    )

    [fault] = warnings(tmp_path, text)

    assert fault.code.value == "placeholder_left"


def test_a_placeholder_of_the_environment_is_not_shown(tmp_path: Path) -> None:
    text = issuer("'https://${HOST}/'")

    [fault] = doubts(tmp_path, text, {"HOST": "changeme"}).warnings

    assert fault.message == "`…` looks like a placeholder: write the real value"
