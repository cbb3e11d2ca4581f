"""Vendors are known by the URLs of their issuers."""

import pytest

from gateway.settings.presets.recognize import recognize

GUID = "72f988bf-86f1-41af-91ab-2d7cd011db47"


@pytest.mark.parametrize(
    ("url", "name", "values"),
    [
        (
            "https://login.example.com/realms/shop",
            "keycloak",
            {"realm": "https://login.example.com/realms/shop"},
        ),
        ("https://shop.eu.auth0.com/", "auth0", {"domain": "shop.eu.auth0.com"}),
        (f"https://login.microsoftonline.com/{GUID}/v2.0", "entra", {"tenant": GUID}),
        (f"https://sts.windows.net/{GUID}/", "entra", {"tenant": GUID}),
        (
            "https://shop.okta.com/oauth2/default",
            "okta",
            {"domain": "shop.okta.com", "server": "default"},
        ),
        (
            "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_a1B2c3D4e",
            "cognito",
            {"user_pool": "eu-west-1_a1B2c3D4e"},
        ),
        ("https://shop-a1b2c3.zitadel.cloud", "zitadel", {"domain": "shop-a1b2c3.zitadel.cloud"}),
        ("https://securetoken.google.com/shop-4f2a1", "firebase", {"project": "shop-4f2a1"}),
        (
            "https://abcdefghijklmnopqrst.supabase.co/auth/v1",
            "supabase",
            {"project": "abcdefghijklmnopqrst"},
        ),
        ("https://token.actions.githubusercontent.com", "github_actions", {}),
        ("https://cloud.google.com/iap", "google_iap", {}),
        ("https://accounts.google.com", "google", {}),
        (
            "https://auth.example.com/application/o/shop/",
            "authentik",
            {"application": "https://auth.example.com/application/o/shop/"},
        ),
    ],
)
def test_the_url_of_a_vendor_has_its_parameters(
    url: str, name: str, values: dict[str, str]
) -> None:
    found = recognize(url)

    assert found is not None
    assert (found.preset.name, found.values) == (name, values)


@pytest.mark.parametrize(
    "url",
    [
        "https://login.example.com",
        "https://login.example.com/",
        "https://login.example.com/oauth2/default",
        "https://shop.eu.auth0.com.evil.example/",
        "https://evil.example/.auth0.com/",
        "https://login.microsoftonline.com/common/v2.0",
        "",
    ],
)
def test_any_other_url_is_of_nobody_in_particular(url: str) -> None:
    assert recognize(url) is None
