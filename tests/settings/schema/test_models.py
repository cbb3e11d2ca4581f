"""The shape of a file: which values each key takes, and what stands for one left out."""

from pathlib import Path

import pytest
from pydantic import BaseModel

from gateway.settings.schema.identity import DEFAULT_IDENTITY, IdentityModel
from gateway.settings.schema.issuers.issuer import IssuerModel, KeyTimesModel
from gateway.settings.schema.models import (
    AdminModel,
    ConfigFile,
    LimitsModel,
    ListenModel,
    ReloadModel,
    TeamFile,
    TimeoutsModel,
    UpstreamModel,
)
from gateway.settings.schema.routes.claims import ClaimModel
from gateway.settings.schema.routes.route import (
    MatchModel,
    RequireModel,
    RouteModel,
    ScopeGroup,
)
from gateway.settings.schema.tls import CertificateModel, TlsModel, UpstreamTlsModel
from tests.settings.configs import assert_found, config, load, one_upstream

# A fault code, and a configuration with a mark where the fault must point.
MISTAKES = [
    ("not_supported", config(version="version: ¦2\n")),
    ("wrong_type", config(version="version: ¦true\n")),
    ("wrong_type", config(version="version: ¦'1'\n")),
    ("wrong_type", config(version="version: ¦1.0\n")),
    ("bad_value", config("drain: ¦30\n")),
    ("bad_value", config("drain: ¦30 s\n")),
    ("bad_value", config("timeouts: {head: ¦0s}\n")),
    ("bad_value", config("limits: {body: ¦10MB}\n")),
    ("bad_value", config("limits: {head: ¦0KiB}\n")),
    ("bad_value", config("limits: {body_rate: ¦0B}\n")),
    ("bad_value", config("limits: {read_rate: ¦240}\n")),
    ("bad_value", config("limits: {connections: ¦0}\n")),
    ("bad_value", config("workers: ¦many\n")),
    ("bad_value", config("workers: ¦0\n")),
    ("bad_value", config("admin: ¦true\n")),
    ("bad_value", config("half_close: ¦ignore\n")),
    ("wrong_type", config("http2: ¦1\n")),
    ("bad_value", config("reload: {watch: ¦0s}\n")),
    ("empty_list", config("suites: ¦[]\n")),
    ("empty_list", one_upstream("{servers: ¦[]}")),
    ("wrong_type", one_upstream('{servers: ¦"http://a"}')),
]


@pytest.mark.parametrize(("codes", "text"), MISTAKES)
def test_each_mistake_of_a_value_is_found_at_its_place_and_nothing_else_is(
    codes: str, text: str, tmp_path: Path
) -> None:
    assert_found(tmp_path, codes, text)


@pytest.mark.parametrize(
    "kind", [ConfigFile, KeyTimesModel, TimeoutsModel, LimitsModel, IdentityModel, AdminModel]
)
def test_a_default_is_a_value_that_could_be_written(kind: type[BaseModel]) -> None:
    """The words in the schema and the documentation mean what the gateway does."""
    required = {name: 1 for name, field in kind.model_fields.items() if field.is_required()}

    silent = kind.model_validate(required)

    written = {
        name: field.default
        for name, field in kind.model_fields.items()
        if isinstance(field.default, str | int | dict) and field.default != {}
    }
    assert written
    assert kind.model_validate(required | written) == silent


@pytest.mark.parametrize(
    "kind",
    [
        CertificateModel, UpstreamTlsModel,
        ConfigFile, TeamFile, TlsModel, ListenModel, AdminModel, UpstreamModel, IdentityModel,
        ReloadModel, TimeoutsModel, LimitsModel, IssuerModel, KeyTimesModel, RouteModel, MatchModel,
        RequireModel, ClaimModel, ScopeGroup,
    ],
)  # fmt: skip
def test_every_key_tells_an_editor_what_it_is(kind: type[BaseModel]) -> None:
    for field in kind.model_fields.values():
        assert field.description


def test_a_team_file_has_the_shared_keys_and_the_main_file_has_them_too() -> None:
    shared = {"issuers", "upstreams", "resources", "defaults", "routes"}
    assert set(TeamFile.model_fields) == shared
    assert set(TeamFile.model_fields) < set(ConfigFile.model_fields)


def test_no_default_header_carries_a_claim_twice() -> None:
    assert len(set(DEFAULT_IDENTITY.values())) == len(DEFAULT_IDENTITY)


def test_the_admin_port_can_be_turned_off(tmp_path: Path) -> None:
    assert load(tmp_path, config("admin: false\n")).admin is None


def test_workers_auto_is_for_the_machine_to_say(tmp_path: Path) -> None:
    assert load(tmp_path, config("workers: auto\n")).workers is None
    assert load(tmp_path, config("workers: 3\n")).workers == 3
