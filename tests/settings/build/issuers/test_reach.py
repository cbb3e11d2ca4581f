"""A route that names no issuer accepts those of the main file, and of its own."""

from pathlib import Path

import pytest

from gateway.settings.load import Loaded, Rejected
from gateway.settings.values.configuration import Settings
from tests.settings.configs import config, outcome_of

OTHER = 'issuers:\n  NAME: {issuer: "https://NAME.example", discovery: true, audiences: [a]}\n'


def team(name: str, require: str = "{}") -> str:
    route = f"{{name: {name}, match: {{path: /{name}}}, upstream: orders, require: {require}}}"
    return OTHER.replace("NAME", name) + f"routes:\n  - {route}\n"


def outcome(
    directory: Path, files: dict[str, str], grant: str = "issuers", main: str = ""
) -> Loaded | Rejected:
    """Return what becomes of a configuration with *files*, all of which have *grant*."""
    for name, text in files.items():
        (directory / f"{name}.team.yaml").write_text(text)
    included = f"include: [{{files: '*.team.yaml', may: [{grant}]}}]\n"
    return outcome_of(directory, (main or config()) + included)


def accepted(settings: Settings) -> dict[str, frozenset[str]]:
    """Return the issuers that each route accepts, by name."""
    every = frozenset(settings.issuers)
    return {
        one.name: every if one.issuers is None else one.issuers
        for one in settings.policy.routes.routes
    }


def test_the_issuer_of_a_team_serves_the_routes_of_its_file_alone(tmp_path: Path) -> None:
    loaded = outcome(tmp_path, {"a": team("a"), "b": team("b")})

    assert isinstance(loaded, Loaded), loaded
    assert accepted(loaded.settings) == {
        "orders": {"main"},
        "a": {"main", "a"},
        "b": {"main", "b"},
    }


def test_with_a_grant_for_all_it_serves_every_route(tmp_path: Path) -> None:
    loaded = outcome(tmp_path, {"a": team("a"), "b": team("b")}, "issuers-for-all")

    assert isinstance(loaded, Loaded), loaded
    assert set(accepted(loaded.settings).values()) == {frozenset({"main", "a", "b"})}
    # All of them is what the decision need not look for.
    assert all(route.issuers is None for route in loaded.settings.policy.routes.routes)


def test_a_route_that_names_issuers_accepts_those_from_whichever_file(tmp_path: Path) -> None:
    main = config().replace("require: {}", "require: {issuers: [main, a]}")
    files = {"a": team("a", "{issuers: [a]}"), "b": team("b", "{issuers: [a]}")}

    loaded = outcome(tmp_path, files, main=main)

    assert isinstance(loaded, Loaded), loaded
    assert accepted(loaded.settings) == {"orders": {"main", "a"}, "a": {"a"}, "b": {"a"}}


def test_an_issuer_that_no_route_accepts_is_a_warning(tmp_path: Path) -> None:
    files = {"a": OTHER.replace("NAME", "a"), "b": team("b")}

    loaded = outcome(tmp_path, files)

    assert isinstance(loaded, Loaded), loaded
    assert [(fault.code, Path(fault.place.file).name) for fault in loaded.warnings] == [
        ("unused_issuer", "a.team.yaml")
    ]


@pytest.mark.parametrize("require", ["{}", "{optional: true}", "{scopes: [a]}"])
def test_a_route_that_could_accept_no_issuer_is_a_fault(require: str, tmp_path: Path) -> None:
    main = config(issuers="").replace("require: {}", f"require: {require}")

    rejected = outcome(tmp_path, {"a": team("a")}, main=main)

    assert isinstance(rejected, Rejected)
    assert [(fault.code, fault.place.line) for fault in rejected.faults] == [("missing_key", 8)]
    assert "e.g. `issuers: [a]`" in rejected.faults[0].message


def test_beside_issuers_that_are_not_granted_it_is_none(tmp_path: Path) -> None:
    rejected = outcome(tmp_path, {"a": team("a")}, "files", main=config(issuers=""))

    assert isinstance(rejected, Rejected)
    assert [fault.code for fault in rejected.faults] == ["not_granted"]


@pytest.mark.parametrize(
    ("same", "code"),
    [
        ("issuer: 'https://login.example.com/'", "duplicate_issuer"),
        ("issuer: 'https://a.example'", "duplicate_name"),
    ],
)
def test_a_team_cannot_stand_in_for_an_issuer_of_the_main_file(
    same: str, code: str, tmp_path: Path
) -> None:
    name = "a" if code == "duplicate_issuer" else "main"
    text = f"issuers:\n  {name}: {{{same}, discovery: true, audiences: unchecked}}\n"

    rejected = outcome(tmp_path, {"a": text}, "issuers-for-all")

    assert isinstance(rejected, Rejected)
    assert code in {fault.code for fault in rejected.faults}
