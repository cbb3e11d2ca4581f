"""An included file owns no requests but those that `include` gives it."""

from pathlib import Path

import pytest

from gateway.settings.load import Loaded, Rejected
from tests.settings.configs import ENVIRON, assert_found, config, faults, marked, outcome_of

ROUTE = "  - {name: NAME, match: {MATCH}, upstream: orders, public: true}\n"


def write_team(directory: Path, match: str, more: str = "") -> None:
    route = ROUTE.replace("NAME", "team").replace("MATCH", match)
    (directory / "team.yaml").write_text(f"routes:\n{route}{more}")


def include(limits: str, *grants: str) -> str:
    may = f", may: [{', '.join(grants)}]" if grants else ""
    return f"include: [{{files: team.yaml, {limits}{may}}}]\n"


# What is given to a file, and what one of its routes matches, marked where that is too much.
TOO_MUCH = [
    ("under: [/a/]", "path: ¦/"),
    ("under: [/a/]", "path: ¦/a"),
    ("under: [/a/]", "path: ¦/b/c"),
    ("under: [/a/]", "path: ¦/ab/c"),
    ("under: [/a/]", "path: ¦'/{x}/c'"),
    ("under: [/a/]", "path: ¦/A/c"),
    ("under: [/a/]", "path_prefix: ¦/"),
    ("under: [/a/]", "path_prefix: ¦/orders/more/"),
    ("under: [/a/b/]", "path_prefix: ¦/a/"),
    ("under: [/a/, /b/]", "path_prefix: ¦/c/"),
    ("hosts: [a.example]", "path: /a, hosts: [¦b.example]"),
    ("hosts: [a.example]", "path: /a, hosts: [a.example, ¦b.example]"),
    ("hosts: [a.example]", "path: /a, hosts: [¦'*.a.example']"),
    ("hosts: ['*.a.example']", "path: /a, hosts: [¦a.example]"),
    ("hosts: ['*.a.example']", "path: /a, hosts: [¦xa.example]"),
    ("hosts: ['*.a.example']", "path: /a, hosts: [¦'*.example']"),
    ("hosts: [a.example], under: [/a/]", "path: ¦/b, hosts: [¦b.example]"),
]
ENOUGH = [
    ("under: [/a/]", "path: /a/b"),
    ("under: [/a/]", "path: /a/"),
    ("under: [/a/]", "path: /%61/b"),
    ("under: [/a/]", "path: '/a/{x}'"),
    ("under: [/a/]", "path_prefix: /a/"),
    ("under: [/a/]", "path_prefix: '/a/{x}/'"),
    ("under: [/]", "path_prefix: /b/"),
    ("under: [/a/, /b/]", "path: /b/c"),
    ("hosts: [a.example]", "path: /a, hosts: [a.example]"),
    ("hosts: ['*.a.example']", "path: /a, hosts: [b.a.example, '*.a.example', '*.b.a.example']"),
    ("hosts: [a.example], under: [/a/]", "path: /a/b, hosts: [a.example]"),
]


@pytest.mark.parametrize(("limits", "match"), TOO_MUCH)
def test_a_route_beyond_what_its_file_was_given_is_refused_at_its_match(
    limits: str, match: str, tmp_path: Path
) -> None:
    _, places = marked(f"routes:\n{ROUTE.replace('NAME', 'team').replace('MATCH', match)}")
    write_team(tmp_path, match.replace("¦", ""))

    found = faults(tmp_path, config(include(limits)))

    assert [(one.place.line, one.place.column, one.code.value) for one in found] == [
        (*place, "not_granted") for place in places
    ]
    assert all(f"({tmp_path / 'gateway.yaml'}:11:11)" in one.message for one in found)


@pytest.mark.parametrize(("limits", "match"), ENOUGH)
def test_a_route_within_what_its_file_was_given_holds(
    limits: str, match: str, tmp_path: Path
) -> None:
    write_team(tmp_path, match)

    outcome = outcome_of(tmp_path, config(include(limits)))

    assert isinstance(outcome, Loaded), outcome


def test_a_route_without_hosts_takes_no_requests_of_all_hosts(tmp_path: Path) -> None:
    write_team(tmp_path, "path: /a")

    [fault] = faults(tmp_path, config(include("hosts: [a.example]")))

    assert (fault.code, fault.place.line) == ("not_granted", 2)
    assert "`hosts` is missing" in fault.message


@pytest.mark.parametrize(
    ("url", "codes"),
    [
        ("https://a.example/a/b", []),
        ("https://a.example/a", []),
        ("https://a.example/b", ["not_granted"]),
        ("https://b.example/a", ["not_granted"]),
        ("https://b.example", ["not_granted", "not_granted"]),
    ],
)
def test_a_resource_lies_there_too(url: str, codes: list[str], tmp_path: Path) -> None:
    write_team(
        tmp_path, "path: /a/b, hosts: [a.example]", f"resources: {{a: {{resource: '{url}'}}}}\n"
    )

    outcome = outcome_of(tmp_path, config(include("hosts: [a.example], under: [/a/]", "resources")))

    assert isinstance(outcome, Rejected) is bool(codes)
    errors = outcome.faults if isinstance(outcome, Rejected) else ()
    assert [one.code for one in errors if one.severity.value == "error"] == codes


# A fault code, and a configuration with a mark where the fault must point.
MISTAKES = [
    ("empty_list", config(include("under: ¦[]"))),
    ("wrong_type", config(include("under: ¦/a/"))),
    ("bad_value", config(include("under: [/a/, ¦/a]"))),
    ("bad_value", config(include("under: [/a/, ¦a/]"))),
    ("bad_value", config(include("under: [/a/, ¦/a//b/]"))),
    ("bad_value", config(include("under: [/a/, ¦/a/../b/]"))),
    ("bad_value", config(include("under: [/a/, ¦'/{x}/']"))),
    ("duplicate_value", config(include("under: [/a/, ¦/a/]"))),
    ("bad_value", config(include("hosts: [a.example, ¦A.example]"))),
    ("bad_value", config(include("hosts: [a.example, ¦'*']"))),
    ("duplicate_value", config(include("hosts: [a.example, ¦a.example]"))),
    (
        "conflicting_keys",
        config(include("under: [/a/]").replace("]}]", "]}, {files: ¦team.yaml, under: [/b/]}]")),
    ),
]


@pytest.mark.parametrize(("codes", "text"), MISTAKES)
def test_each_mistake_about_entries_is_found_at_its_place_and_nothing_else_is(
    codes: str, text: str, tmp_path: Path
) -> None:
    write_team(tmp_path, "path: /a/b, hosts: [a.example]")

    assert_found(tmp_path, codes, text)


def test_what_the_environment_says_is_not_shown_to_the_file(tmp_path: Path) -> None:
    write_team(tmp_path, "path: /b", "issuers: {}\n")
    text = config(include("under: ['/${HOST}/']"))

    found = [one.message for one in faults(tmp_path, text)]

    assert [message for message in found if "restricts" in message or "issuers" in message] == found
    assert len(found) == 2
    assert not [message for message in found if ENVIRON["HOST"] in message]
