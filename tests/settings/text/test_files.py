from pathlib import Path

import pytest

from gateway.decision.routes.routing import Match
from tests.settings.configs import assert_found, config, faults, load, marked

TEAM = """\
issuers:
  team: {issuer: "https://team.example", jwks_file: keys.json, audiences: [team]}
upstreams:
  team: {servers: ["http://10.0.0.9"]}
routes:
  - {name: team, match: {path: /team}, upstream: team, require: {issuers: [team, main]}}
"""

GRANTED = "include: [{files: teams/*.yaml, may: [issuers, upstreams]}]\n"


def write_team(directory: Path, text: str = TEAM, name: str = "team.yaml") -> Path:
    teams = directory / "teams"
    teams.mkdir(exist_ok=True)
    (teams / "keys.json").write_text("{}")
    (teams / name).write_text(text)
    return teams / name


def test_an_included_file_adds_issuers_upstreams_and_routes(tmp_path: Path) -> None:
    team = write_team(tmp_path)

    settings = load(tmp_path, config(GRANTED))

    assert set(settings.issuers) == {"main", "team"}
    assert set(settings.upstreams) == {"orders", "team"}
    match = settings.policy.routes.find("a", ("team",), "GET")
    assert isinstance(match, Match)
    assert match.route.place == f"{team}:6"


def test_relative_names_start_from_the_file_that_has_them(tmp_path: Path) -> None:
    write_team(tmp_path)

    settings = load(tmp_path, config(GRANTED.replace("*", "team")))

    assert settings.issuers["team"].source.location == str(tmp_path / "teams" / "keys.json")


def test_a_file_that_two_patterns_match_is_read_once(tmp_path: Path) -> None:
    write_team(tmp_path)

    patterns = ("teams/team.yaml", "teams/t*", "**/team.yaml")
    entries = [f"{{files: '{one}', may: [upstreams, issuers]}}" for one in patterns]

    settings = load(tmp_path, config(f"include: [{', '.join(entries)}]\n"))

    assert len(settings.policy.routes.routes) == 2


def test_faults_of_an_included_file_point_into_it(tmp_path: Path) -> None:
    text, [place] = marked(TEAM.replace("upstream: team", "upstream: ¦teem"))
    team = write_team(tmp_path, text)

    found = [f for f in faults(tmp_path, config(GRANTED)) if f.code == "unknown_reference"]

    assert [(f.place.file, f.place.line, f.place.column) for f in found] == [(str(team), *place)]


def test_names_must_not_clash_between_files(tmp_path: Path) -> None:
    text, places = marked(
        TEAM.replace("  team: {issuer", "  ¦main: {issuer")
        .replace("  team: {servers", "  ¦orders: {servers")
        .replace("name: team", "name: ¦orders")
    )
    write_team(tmp_path, text)

    found = faults(tmp_path, config(GRANTED))

    clashes = [(f.place.line, f.place.column) for f in found if f.code == "duplicate_name"]
    assert clashes == places


def test_an_included_file_cannot_change_the_gateway(tmp_path: Path) -> None:
    text, places = marked(TEAM + "¦admin: 0.0.0.0:1\n¦include: [x]\n¦identity: {}\n¦version: 1\n")
    write_team(tmp_path, text)

    found = faults(tmp_path, config(GRANTED))

    assert [(f.place.line, f.place.column, f.code.value) for f in found] == [
        (*place, "unknown_key") for place in places
    ]


def test_routes_of_two_files_that_tie_are_a_fault(tmp_path: Path) -> None:
    write_team(tmp_path)
    route = "{name: b, match: {path: /team}, upstream: team, require: {}}"
    write_team(tmp_path, f"routes:\n  - {route}\n", "z.yaml")

    found = faults(tmp_path, config(GRANTED))

    assert [(fault.code, fault.place.line) for fault in found] == [("route_conflict", 2)]


def test_a_broken_included_file_is_one_fault(tmp_path: Path) -> None:
    write_team(tmp_path, "routes: [\n")

    found = faults(tmp_path, config(GRANTED))

    assert [fault.code for fault in found] == ["not_yaml"]


def test_the_digest_covers_included_files(tmp_path: Path) -> None:
    write_team(tmp_path)
    text = config(GRANTED)
    before = load(tmp_path, text).digest

    write_team(tmp_path, TEAM + "# more\n")

    assert load(tmp_path, text).digest != before


# A fault code, and a configuration with a mark where the fault must point.
MISTAKES = [
    ("unmatched_include", config("include: [¦teams/*.yaml]\n")),
    ("missing_file", config("include: [¦team.yaml]\n")),
]


@pytest.mark.parametrize(("codes", "text"), MISTAKES)
def test_each_mistake_about_files_is_found_at_its_place_and_nothing_else_is(
    codes: str, text: str, tmp_path: Path
) -> None:
    assert_found(tmp_path, codes, text)


@pytest.mark.parametrize("name", ["loop", "x" * 5000])
def test_a_name_that_leads_nowhere_is_a_fault(name: str, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")

    assert_found(tmp_path, "missing_file", config(f"include: [¦{name}]\n"))


def test_a_name_that_no_file_can_have_is_a_fault(tmp_path: Path) -> None:
    found = faults(tmp_path, config('include: ["team\\0.yaml"]\n'))

    assert {fault.code.value for fault in found} == {"bad_value", "missing_file"}
