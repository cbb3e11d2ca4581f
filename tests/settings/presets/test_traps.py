"""What does not fit the tokens of a vendor is found; what its preset stands for never is."""

from typing import Any

import pytest

from gateway.settings.presets.traps import find_traps, is_for_everyone
from gateway.settings.presets.vendors import PRESETS
from gateway.settings.text.yaml_nodes import parse_yaml

GUID = "72f988bf-86f1-41af-91ab-2d7cd011db47"
POOL = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_a1B2c3D4e"
CLIENT = "4d5e6f7a8b9c0d1e2f3a4b5c6d"
SUPABASE = "https://abcdefghijklmnopqrst.supabase.co"


@pytest.mark.parametrize(
    ("issuer", "right"),
    [
        ("https://shop.auth0.com", "https://shop.auth0.com/"),
        ("https://shop.eu.auth0.com", "https://shop.eu.auth0.com/"),
        ("https://shop.okta.com", "https://shop.okta.com/oauth2/default"),
        ("https://shop.okta.com/oauth2/aus1/", "https://shop.okta.com/oauth2/aus1"),
        (f"https://sts.windows.net/{GUID}", f"https://sts.windows.net/{GUID}/"),
        (
            f"https://login.microsoftonline.com/{GUID}/",
            f"https://login.microsoftonline.com/{GUID}/v2.0",
        ),
        (SUPABASE, f"{SUPABASE}/auth/v1"),
        ("https://accounts.google.com/", "https://accounts.google.com"),
        ("https://a.example/realms/shop/", "https://a.example/realms/shop"),
    ],
)
def test_an_issuer_that_is_nearly_right_has_the_right_one(issuer: str, right: str) -> None:
    [trap] = find_traps(issuer, ["orders"])

    assert (trap.key, trap.item) == ("issuer", None)
    assert f"`issuer: {right}`" in trap.write
    assert list(find_traps(right, ["orders"])) == []


@pytest.mark.parametrize(
    ("tenant", "write"),
    [
        ("common", "`preset: entra_multitenant`"),
        ("organizations", "`preset: entra_multitenant`"),
        ("shop.onmicrosoft.com", "`preset: entra` with `tenant`"),
    ],
)
def test_no_token_of_entra_names_a_tenant_so(tenant: str, write: str) -> None:
    [trap] = find_traps(f"https://login.microsoftonline.com/{tenant}/v2.0", ["orders"])

    assert (trap.key, trap.item) == ("issuer", None)
    assert write in trap.write


@pytest.mark.parametrize(
    ("issuer", "audiences", "item", "write"),
    [
        (POOL, ["https://api.example", CLIENT], 1, f"`clients: [{CLIENT}]`"),
        ("https://shop.auth0.com/", ["https://shop.auth0.com/userinfo"], 0, "the identifier"),
        (f"https://sts.windows.net/{GUID}/", ["https://graph.microsoft.com"], 0, "application ID"),
        ("https://a.example/realms/x", ["orders", "account"], 1, "mapper"),
        ("https://securetoken.google.com/shop-1", ["shop"], None, "`audiences: [shop-1]`"),
    ],
)
def test_an_audience_that_no_token_has_or_every_one_is_found(
    issuer: str, audiences: list[str], item: int | None, write: str
) -> None:
    [trap] = find_traps(issuer, audiences)

    assert (trap.key, trap.item) == ("audiences", item)
    assert write in trap.write


def test_cognito_has_audiences_for_resources() -> None:
    assert list(find_traps(POOL, ["https://api.example/orders"])) == []


@pytest.mark.parametrize("issuer", ["https://login.example.com/", "https://[", "", "accounts"])
def test_an_issuer_of_no_known_vendor_has_no_traps(issuer: str) -> None:
    assert list(find_traps(issuer, ["account", CLIENT])) == []


def example(text: str) -> object:
    return parse_yaml(text.encode(), "example", {}).root


@pytest.mark.parametrize("name", PRESETS)
def test_no_preset_is_a_trap(name: str) -> None:
    """Not with the examples of its parameters."""
    preset = PRESETS[name]
    values: dict[str, Any] = {
        one.name: example(one.example) if one.default is None else one.default
        for one in preset.parameters
    }
    settings = preset.fill(values)
    own = {
        one.name: parse_yaml(one.example.encode(), "example", {}).root for one in preset.own_keys
    }
    every = {**settings, **own}
    listed = every["audiences"]

    found = list(find_traps(str(every["issuer"]), listed if isinstance(listed, list) else []))

    assert found == []


def test_anybody_can_get_a_token_of_some_issuers() -> None:
    assert is_for_everyone("https://token.actions.githubusercontent.com")
    assert is_for_everyone("https://accounts.google.com")
    assert not is_for_everyone("https://login.example.com")
