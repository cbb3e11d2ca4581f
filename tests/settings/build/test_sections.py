"""Sections: general settings of the main file, named parts of every file."""

from pathlib import Path

import pytest

from gateway.settings.build.sections import (
    are_mappings,
    check_general,
    check_team_files,
    collect_named,
    collect_routes,
)
from gateway.settings.schema.models import UpstreamModel
from gateway.settings.schema.routes.route import RouteModel
from gateway.settings.text.disk import MACHINE_DISK
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.files import Source, Sources
from gateway.settings.text.yaml_nodes import parse_yaml
from tests.settings.configs import assert_found, config

# A fault code, and a configuration with a mark where the fault must point.
MISTAKES = [
    ("missing_key", "¦" + config(routes="")),
    ("empty_list", config(routes="routes: ¦[]\n")),
    (
        "bad_value",
        config(issuers='issuers:\n  ¦"a b": {issuer: a, secret_env: SECRET, audiences: [a]}\n'),
    ),
    ("wrong_type missing_key", config(issuers="issuers: ¦[a]\n").replace("require", "¦require")),
    ("wrong_type", config(routes="routes: ¦{}\n")),
    ("wrong_type", config(routes="routes: [¦a]\n")),
    (
        "duplicate_name",
        config(
            routes="routes:\n"
            "  - {name: a, match: {path: /a}, upstream: orders, require: {}}\n"
            "  - {name: ¦a, match: {path: /b}, upstream: orders, require: {}}\n"
        ),
    ),
]


@pytest.mark.parametrize(("codes", "text"), MISTAKES)
def test_each_mistake_about_sections_is_found_at_its_place_and_nothing_else_is(
    codes: str, text: str, tmp_path: Path
) -> None:
    assert_found(tmp_path, codes, text)


def source(text: str, file: str = "gateway.yaml") -> Source:
    return Source(Path("/etc") / file, parse_yaml(text.encode(), file, {}))


def sources(main: str, *included: str) -> Sources:
    teams = tuple(source(text, f"team{number}.yaml") for number, text in enumerate(included, 1))
    return Sources(source(main), teams, "", MACHINE_DISK)


FIRST = "expected keys and values, e.g. version: 1; `gateway init` writes a first file"


@pytest.mark.parametrize(
    ("texts", "messages"),
    [
        (["a: 1"], []),
        (["a: 1", "b: 1"], []),
        ([""], [f"the file is empty: {FIRST}"]),
        (["[a]"], [f"the file is not a mapping: {FIRST}"]),
        (
            ["a: 1", ""],
            ["the file is empty: expected keys and values, e.g. routes: [{name: orders, …}]"],
        ),
    ],
)
def test_every_file_is_a_mapping_or_a_fault(texts: list[str], messages: list[str]) -> None:
    faults: list[Fault] = []

    holds = are_mappings(sources(*texts), faults)

    assert holds is (messages == [])
    assert [fault.message for fault in faults] == messages


def test_a_setting_in_the_wrong_shape_stands_at_its_default_and_the_others_hold() -> None:
    faults: list[Fault] = []

    model = check_general(source("version: 1\ndrain: soon\naccess_log: stderr\n"), faults)

    assert [fault.code for fault in faults] == [Code.BAD_VALUE]
    assert (model.drain, model.access_log) == (30.0, "stderr")


@pytest.mark.parametrize("version", ["", "version: 2\n", "version: x\n"])
def test_without_a_version_the_other_settings_are_still_checked(version: str) -> None:
    faults: list[Fault] = []

    model = check_general(source(f"{version}drain: 1s\naccess_log: nowhere\n"), faults)

    assert len(faults) == 2
    assert model.drain == 1.0


def test_named_parts_are_not_judged_as_general_settings() -> None:
    faults: list[Fault] = []

    check_general(source("version: 1\nissuers: 1\nupstreams: 2\nroutes: 3\n"), faults)

    assert faults == []


def test_a_team_file_says_nothing_about_the_gateway_itself() -> None:
    faults: list[Fault] = []

    check_team_files(sources("admin: false", "routes: []\nadmin: false\nroute: []"), faults)

    assert [(fault.code, fault.place.file, fault.place.line) for fault in faults] == [
        (Code.UNKNOWN_KEY, "team1.yaml", 2),
        (Code.UNKNOWN_KEY, "team1.yaml", 3),
    ]
    assert faults[1].message.endswith("did you mean `routes`?")


UPSTREAM = "upstreams: {{{}: {{servers: ['http://a']}}}}"


def test_parts_come_from_every_file_with_the_directory_of_their_own() -> None:
    faults: list[Fault] = []

    found = collect_named(
        sources(UPSTREAM.format("a"), UPSTREAM.format("b")), "upstreams", UpstreamModel, faults
    )

    assert [(one.name, one.sound, one.directory.name) for one in found] == [
        ("a", True, "gateway.yaml"),
        ("b", True, "team1.yaml"),
    ]
    assert faults == []


def test_the_first_of_two_parts_of_one_name_counts_and_the_second_is_told_where_it_is() -> None:
    faults: list[Fault] = []
    both = sources("\n" + UPSTREAM.format("a"), UPSTREAM.format("a"))

    found = collect_named(both, "upstreams", UpstreamModel, faults)

    assert [one.part.document.start.file for one in found] == ["gateway.yaml"]
    assert [(fault.code, fault.place.file) for fault in faults] == [
        (Code.DUPLICATE_NAME, "team1.yaml")
    ]
    assert "at gateway.yaml:2" in faults[0].message


def test_a_part_in_the_wrong_shape_keeps_its_name_and_is_not_sound() -> None:
    """A route that names it is not a second mistake."""
    faults: list[Fault] = []

    [found] = collect_named(sources("upstreams: {a: 1}"), "upstreams", UpstreamModel, faults)

    assert (found.name, found.model, found.sound) == ("a", None, False)
    assert len(faults) == 1


def test_routes_without_a_name_do_not_clash() -> None:
    faults: list[Fault] = []
    route = "{match: {path: /a}, upstream: u, public: true}"

    found = collect_routes(sources(f"routes: [{route}, {route}, 1]"), RouteModel, faults)

    assert [one.name for one in found] == ["", "", ""]
    assert Code.DUPLICATE_NAME not in {fault.code for fault in faults}


def test_routes_may_stand_in_team_files_alone() -> None:
    faults: list[Fault] = []
    route = "{name: a, match: {path: /a}, upstream: u, public: true}"

    found = collect_routes(sources("version: 1", f"routes: [{route}]"), RouteModel, faults)

    assert [one.name for one in found] == ["a"]
    assert faults == []
    assert found[0].part.path == ("routes", 0)
