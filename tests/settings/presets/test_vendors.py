"""Every preset is sound: its YAML, its placeholders, and its examples."""

import re
from pathlib import Path

import pytest

from gateway.settings.presets.preset import Parameter, Preset
from gateway.settings.presets.vendors import PRESETS
from gateway.settings.schema.issuers.issuer import IssuerModel
from gateway.settings.text.yaml_nodes import parse_yaml
from tests.settings.configs import load, one_issuer


def examples(preset: Preset) -> str:
    """Return an issuer that has what the preset requires, as in its examples."""
    keys = "".join(f", {one.name}: {one.example}" for one in preset.required)
    return f"{{preset: {preset.name}{keys}}}"


@pytest.mark.parametrize("preset", PRESETS.values(), ids=lambda preset: preset.name)
def test_the_settings_are_yaml_without_faults(preset: Preset) -> None:
    document = parse_yaml(preset.settings.encode(), "preset", {})

    assert (document.faults, document.complete) == ((), True)


@pytest.mark.parametrize("preset", PRESETS.values(), ids=lambda preset: preset.name)
def test_every_parameter_is_used_and_every_placeholder_is_a_parameter(preset: Preset) -> None:
    used = set(re.findall(r"<(\w+)>", preset.settings))
    names = {one.name for one in preset.parameters}
    groups = {group for one in preset.parameters for group in one.pattern.groupindex}

    assert used <= names | groups
    for one in preset.parameters:
        assert used & {one.name, *one.pattern.groupindex}, one.name


@pytest.mark.parametrize("preset", PRESETS.values(), ids=lambda preset: preset.name)
def test_the_examples_make_an_issuer(preset: Preset, tmp_path: Path) -> None:
    settings = load(tmp_path, one_issuer(examples(preset)))

    issuer = settings.issuers["main"].issuer.issuer
    assert "<" not in issuer
    assert issuer.startswith("https://")


def test_no_parameter_has_the_name_of_a_key_of_every_issuer() -> None:
    names = {one.name for preset in PRESETS.values() for one in preset.parameters}

    assert not names & {*IssuerModel.model_fields, "preset"}


@pytest.mark.parametrize(
    ("preset", "name", "wrong"),
    [
        ("keycloak", "realm", "https://login.example.com/realms/shop/"),
        ("keycloak", "realm", "https://login.example.com"),
        ("keycloak", "realm", "login.example.com/realms/shop"),
        ("keycloak", "realm", "https://user@login.example.com/realms/shop"),
        ("keycloak", "realm", "https://login.example.com/realms/shop?x"),
        ("auth0", "domain", "https://shop.eu.auth0.com"),
        ("auth0", "domain", "shop.eu.auth0.com/"),
        ("auth0", "domain", "Shop.eu.auth0.com"),
        ("auth0", "domain", "shop"),
        ("entra", "tenant", "contoso.onmicrosoft.com"),
        ("entra", "tenant", "common"),
        ("entra", "tenant", "72F988BF-86F1-41AF-91AB-2D7CD011DB47"),
        ("entra", "app", "api://1f2e3d4c-5b6a-4978-8695-a4b3c2d1e0f9"),
        ("entra_multitenant", "app", "1F2E3D4C-5B6A-4978-8695-A4B3C2D1E0F9"),
        ("okta", "domain", "shop.okta.com/oauth2"),
        ("okta", "server", "default/v1"),
        ("cognito", "user_pool", "a1B2c3D4e"),
        ("cognito", "user_pool", "eu-west-1"),
        ("cognito", "clients", "orders-api"),
        ("cognito", "clients", []),
        ("github_actions", "owner_id", "octo-org"),
        ("github_actions", "owner_id", 123456),
        ("google", "accounts", "shop-job"),
        ("google", "accounts", ["job@shop-4f2a1.iam.gserviceaccount.com", "*@example.com"]),
        ("authentik", "application", "https://auth.example.com/application/o/shop"),
        ("authentik", "application", "https://auth.example.com/application/o/"),
        ("firebase", "project", "My Shop"),
        ("firebase", "project", "123456789012"),
        ("supabase", "project", "https://abcdefghijklmnopqrst.supabase.co"),
        ("zitadel", "project", 294612345678901234),
        ("zitadel", "project", "shop"),
    ],
)
def test_a_value_that_the_vendor_never_has_is_refused(
    preset: str, name: str, wrong: object
) -> None:
    (parameter,) = (one for one in PRESETS[preset].parameters if one.name == name)

    assert isinstance(parameter, Parameter)
    assert parameter.problem(wrong) is not None
