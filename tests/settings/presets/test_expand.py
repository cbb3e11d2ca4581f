"""A preset is replaced by its settings; what is wrong with it is told at its place."""

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gateway.settings.load import Loaded, Rejected, load_settings
from gateway.settings.presets.vendors import PRESETS
from tests.settings.configs import (
    ROUTES,
    UPSTREAMS,
    assert_found,
    config,
    faults,
    load,
    one_issuer,
    outcome_of,
)

TENANT = "72f988bf-86f1-41af-91ab-2d7cd011db47"
APP = "1f2e3d4c-5b6a-4978-8695-a4b3c2d1e0f9"
ENTRA = f"preset: entra, tenant: {TENANT}, app: {APP}"


def test_a_preset_is_the_settings_of_its_vendor(tmp_path: Path) -> None:
    issuer = load(tmp_path, one_issuer(f"{{{ENTRA}}}")).issuers["main"].issuer

    assert issuer.issuer == f"https://login.microsoftonline.com/{TENANT}/v2.0"
    assert issuer.audiences == frozenset({APP, f"api://{APP}"})
    assert issuer.algorithms == {"RS256"}


def test_keys_beside_a_preset_win_and_tables_are_merged(tmp_path: Path) -> None:
    own = "audiences: [other], leeway: 5s, keys: {fresh: 1m}"
    settings = load(tmp_path, one_issuer(f"{{{ENTRA}, {own}}}")).issuers["main"]

    assert settings.issuer.audiences == frozenset({"other"})
    assert settings.issuer.leeway_seconds == 5
    assert settings.issuer.algorithms == {"RS256"}
    assert settings.times.fresh_seconds == 60


@pytest.mark.parametrize(
    "own",
    [
        "any: [{scp: {exists: true}}, {roles: {contains: reader}}]",
        "any: {exists: true}",
        "any: [{roles: {contains: reader}}], all: [{roles: {exists: true}}]",
        "any: [{roles: {contains: reader}}], all: {exists: true}",
        "roles: {contains: reader}",
    ],
)
def test_a_group_beside_a_preset_does_not_replace_what_guards_it_from_id_tokens(
    own: str, tmp_path: Path
) -> None:
    """An ID token of Entra may have roles, and the API as its audience, but never `azp`."""
    text = one_issuer(f"{{{ENTRA}, require: {{claims: {{{own}}}}}}}")
    rules = load(tmp_path, text).issuers["main"].issuer.claims

    id_token = {"roles": ["reader"], "any": 1, "all": 1}
    assert not all(rule.holds(id_token, {}) for rule in rules)
    assert all(rule.holds({**id_token, "azp": "web"}, {}) for rule in rules)
    assert not all(rule.holds({"azp": "web"}, {}) for rule in rules)


def test_a_fault_in_a_group_beside_a_preset_has_its_own_place(tmp_path: Path) -> None:
    own = "require: {claims: {all: [{a: {¦equls: 1}}], any: [{b: {¦equls: 1}}]}}"

    assert_found(tmp_path, "unknown_key", one_issuer(f"{{{ENTRA}, {own}}}"))


def test_an_example_adds_nothing_to_a_table_that_is_written(tmp_path: Path) -> None:
    """Otherwise the tenant of the example would be accepted as well."""
    (tmp_path / "tenants.txt").write_text("contoso\n")
    entra = f"preset: entra_multitenant, app: {APP}"

    issuer = load(tmp_path, one_issuer(f"{{{entra}, tenants: {{allow_file: tenants.txt}}}}"))
    without = faults(tmp_path, one_issuer(f"{{{entra}, tenants: {{claim: org}}}}"))

    tenants = issuer.issuers["main"].issuer.tenants
    assert tenants is not None
    assert tenants.allowed == frozenset({"contoso"})
    assert [fault.code.value for fault in without] == ["conflicting_keys"]


@pytest.mark.parametrize("preset", [ENTRA, f"preset: entra_multitenant, app: {APP}"])
def test_tokens_of_both_versions_of_entra_are_of_one_issuer(preset: str, tmp_path: Path) -> None:
    allow = "" if preset == ENTRA else f", tenants: {{allow: [{TENANT}]}}"
    issuer = load(tmp_path, one_issuer(f"{{{preset}{allow}}}")).issuers["main"].issuer

    assert issuer.may_issue(f"https://login.microsoftonline.com/{TENANT}/v2.0")
    assert issuer.may_issue(f"https://sts.windows.net/{TENANT}/")
    assert not issuer.may_issue(f"https://sts.windows.net/{TENANT}")


def test_a_key_source_replaces_that_of_the_preset(tmp_path: Path) -> None:
    own = 'jwks_url: "https://mirror.example.com/keys"'
    source = load(tmp_path, one_issuer(f"{{{ENTRA}, {own}}}")).issuers["main"].source

    assert source.location == "https://mirror.example.com/keys"


def test_an_issuer_that_is_asked_about_tokens_has_no_algorithms_of_the_preset(
    tmp_path: Path,
) -> None:
    own = "introspection: {client_id: a, client_secret: '${SECRET}'}"
    settings = load(tmp_path, one_issuer(f"{{{ENTRA}, {own}}}"))

    assert set(settings.issuers) == {"main"}


def test_a_parameter_may_come_from_the_environment(tmp_path: Path) -> None:
    text = one_issuer(f"{{preset: entra, tenant: '${{TENANT}}', app: {APP}}}")

    issuer = load(tmp_path, text, {"TENANT": TENANT}).issuers["main"].issuer

    assert TENANT in issuer.issuer


def test_a_value_of_the_environment_is_never_in_a_fault(tmp_path: Path) -> None:
    text = one_issuer("{preset: auth0, domain: '${HOST}', audiences: [a]}")

    (fault,) = faults(tmp_path, text)

    assert "10.0.0.9" not in fault.message
    assert "`${HOST}` is not the domain" in fault.message


def test_an_issuer_of_an_included_file_may_have_a_preset(tmp_path: Path) -> None:
    team = f"issuers:\n  team: {{{ENTRA}}}\n" + ROUTES.replace("orders", "team")
    team = team.replace("upstream: team", "upstream: orders")
    (tmp_path / "team.yaml").write_text(team)
    main = config("include: [{files: team.yaml, may: [issuers]}]\n")
    (tmp_path / "gateway.yaml").write_text(main)

    loaded = load_settings(tmp_path / "gateway.yaml", {})

    assert isinstance(loaded, Loaded)
    assert set(loaded.settings.issuers) == {"main", "team"}
    assert loaded.places.of_issuer("team", "audiences").file.endswith("team.yaml")


@pytest.mark.parametrize(
    ("code", "issuer"),
    [
        ("unknown_reference", "{preset: ¦entr, tenant: x}"),
        ("wrong_type", "{preset: ¦7}"),
        ("missing_key", f"{{¦preset: entra, app: {APP}}}"),
        ("missing_key", "{¦preset: auth0, domain: shop.eu.auth0.com}"),
        ("bad_value", f"{{preset: entra, tenant: ¦contoso.com, app: {APP}}}"),
        ("bad_value", f"{{preset: entra, tenant: ¦7, app: {APP}}}"),
        ("missing_key", f"{{¦preset: entra_multitenant, app: {APP}}}"),
        ("unknown_key", f"{{{ENTRA}, ¦tennant: x}}"),
        ("unknown_key", f"{{{ENTRA}, ¦user_pool: x}}"),
        ("unknown_key", f"{{{ENTRA.replace('preset', '¦presets')}}}"),
        # What a preset brings is checked as if it were written there.
        ("conflicting_keys", f"{{{ENTRA}, jwks_url: 'https://a.example', ¦jwks_file: a.json}}"),
        ("insecure_url", "{preset: ¦keycloak, realm: 'http://k.example/realms/a', audiences: [a]}"),
        ("unset_variable", f"{{preset: entra, tenant: ¦'${{UNSET}}', app: {APP}}}"),
        ("bad_value", f"{{{ENTRA}, leeway: ¦1h}}"),
    ],
)
def test_a_fault_is_one_and_has_its_place(code: str, issuer: str, tmp_path: Path) -> None:
    assert_found(tmp_path, code, one_issuer(issuer))


def test_faults_say_what_to_write(tmp_path: Path) -> None:
    def message(issuer: str) -> str:
        (fault,) = faults(tmp_path, one_issuer(issuer))
        return fault.message

    assert message("{preset: entr, tenant: x}").endswith("did you mean `entra`?")
    assert "there are keycloak, auth0," in message("{preset: nothing_like_it}")
    missing = message(f"{{preset: entra, app: {APP}}}")
    assert missing.startswith("`preset: entra` needs `tenant`: the ID of the tenant")
    assert missing.endswith(f"e.g. `tenant: {TENANT}`")
    several = message(f"{{preset: entra, tenant: common, app: {APP}}}")
    assert "`common` is not the ID of the tenant" in several
    assert "`entra_multitenant` is for several" in several
    assert message(f"{{{ENTRA}, tennant: x}}").endswith("did you mean `tenant`?")


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from([*PRESETS]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
KEYS = st.sampled_from(["preset", "presets", "tenant", "clients", "audiences", "require", "x"])


@given(issuers=st.dictionaries(st.sampled_from("ab"), st.dictionaries(KEYS, ANYTHING)) | ANYTHING)
def test_no_content_of_a_file_is_an_error_of_ours(
    issuers: object, tmp_path_factory: pytest.TempPathFactory
) -> None:
    text = json.dumps({**yaml.safe_load(config()), "issuers": issuers})

    outcome = outcome_of(tmp_path_factory.getbasetemp(), text)

    assert isinstance(outcome, Loaded | Rejected)


def test_a_misspelled_key_is_one_only_if_its_value_names_a_preset(tmp_path: Path) -> None:
    for value in ("[auth0]", "{auth0: 1}", "other", "7"):
        keys = f"issuer: a, jwks_url: 'https://a.example', audiences: [a], x: {value}"
        (fault,) = faults(tmp_path, one_issuer(f"{{{keys}}}"))

        assert fault.code.value == "unknown_key"


def test_a_file_without_issuers_or_with_wrong_ones_is_left_to_the_schema(tmp_path: Path) -> None:
    for issuers in ("issuers: [preset]\n", "issuers: {main: preset}\n", "issuers: 7\n"):
        text = config(issuers=issuers, upstreams=UPSTREAMS)

        assert next(fault.code.value for fault in faults(tmp_path, text)) == "wrong_type"
