"""A suite file is read whole, or all that is wrong with it is said with its place."""

from pathlib import Path

import pytest

from gateway.suites.files.read_suite import BrokenSuite, UnreadableError, read_suite
from gateway.suites.files.suite import Demands, Suite

GOOD = """\
version: 1
gateway: ./gateway.yaml
environment: {CI_SECRET: not-a-secret}
at: "2026-06-01T12:00:00+02:00"
personas:
  alice: {issuer: main, claims: {scope: "orders:read", tenant: acme}}
  boss: {extends: alice, claims: {scope: "orders:admin"}}
  nobody: {anonymous: true}
tests:
  - name: tenants read their own orders
    request: GET https://api.example.com/tenants/acme/orders/7?x=1
    expect:
      alice: allow
      boss:
        allow:
          upstream: orders
          route: read-order
          target: /tenants/acme/orders/7?x=1
          headers: {X-Gateway-Subject: alice, X-Two: [a, b]}
          present: [X-Request-Id]
          absent: [Authorization]
          would_deny: scope_missing
      others: token_missing
  - name: the long form
    request: {method: POST, url: "http://h:8080", headers: {A: b, C: [d, e]}}
    expect: {others: route_not_found}
"""


def read(directory: Path, text: str) -> Suite | BrokenSuite:
    path = directory / "a.test.yaml"
    path.write_text(text)
    return read_suite(path, {})


def faults(directory: Path, text: str) -> list[str]:
    suite = read(directory, text)
    assert isinstance(suite, BrokenSuite), "nothing wrong was found"
    return [str(fault).removeprefix(f"{directory}/") for fault in suite.faults]


def test_a_suite_says_what_is_asked_and_what_must_come(tmp_path: Path) -> None:
    suite = read(tmp_path, GOOD)

    assert isinstance(suite, Suite), suite
    assert suite.gateway == tmp_path / "gateway.yaml"
    assert suite.environment == {"CI_SECRET": "not-a-secret"}
    assert suite.at == 1_780_308_000
    first, second = suite.tests
    assert (first.name, first.place.line) == ("tenants read their own orders", 10)
    assert (first.request.method, first.request.host) == ("GET", "api.example.com")
    assert first.request.target == b"/tenants/acme/orders/7?x=1"
    assert [(name, one.answer) for name, one in first.expected.items()] == [
        ("alice", "allow"),
        ("boss", "allow"),
        ("nobody", "token_missing"),
    ]
    assert first.expected["boss"].demands == Demands(
        route="read-order",
        upstream="orders",
        target="/tenants/acme/orders/7?x=1",
        headers=(("X-Gateway-Subject", ("alice",)), ("X-Two", ("a", "b"))),
        present=("X-Request-Id",),
        absent=("Authorization",),
        would_deny="scope_missing",
    )
    assert second.request.method == "POST"
    assert (second.request.authority, second.request.target) == ("h:8080", b"/")
    assert second.request.headers == (("A", "b"), ("C", "d"), ("C", "e"))
    assert [one.answer for one in second.expected.values()] == ["route_not_found"] * 3


def test_without_a_time_it_is_always_the_same_day(tmp_path: Path) -> None:
    suite = read(tmp_path, "version: 1\n")

    assert isinstance(suite, Suite)
    assert suite.at == 1_767_268_800


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "1:1: wrong_type: the file is empty"),
        ("- a\n", "1:1: wrong_type: the file is not a mapping"),
        (
            "version: 2\n",
            "1:10: not_supported: this gateway reads version 1",
        ),
        ("personas: {}\n", "1:1: missing_key: the key `version` is missing"),
        ("version: 1\npersonae: {}\n", "2:1: unknown_key: unknown key `personae`: did you mean"),
        ("version: 1\npersonas: []\n", "2:11: wrong_type: expected a mapping of names"),
        ("version: 1\ntests: {}\n", "2:8: wrong_type: expected a list of tests"),
        ("version: 1\ntests: []\n", "2:8: empty_list: the list is empty"),
        ("version: 1\ntests: [a]\n", "2:9: wrong_type: expected a mapping"),
        ("version: 1\nat: now\n", '2:5: bad_value: not a time: write it like "2026-01-01T12'),
        ('version: 1\nat: "2026-01-01T12:00:00"\n', "2:5: bad_value: not a time"),
        ('version: 1\nat: "1969-01-01T12:00:00Z"\n', "2:5: bad_value: a token has no time"),
        ("version: 1\nenvironment: {a-b: c}\n", "2:15: bad_value: `a-b` is not the name of"),
        ("version: 1\ninclude: [none.yaml]\n", "2:11: missing_file: cannot read "),
        ("version: 1\ntests:\n  - name: a\n", "3:5: missing_key: the key `request` is missing"),
        ("version: 1\n\x00", "1:1: not_yaml: not YAML"),
    ],
)
def test_a_file_that_is_no_suite_is_a_fault_with_its_place(
    text: str, expected: str, tmp_path: Path
) -> None:
    found = faults(tmp_path, text)

    assert [fault for fault in found if fault.startswith(f"a.test.yaml:{expected}")], found


def test_a_date_without_quotes_is_one_fault(tmp_path: Path) -> None:
    """YAML disputes it: what else is wrong with it is no news."""
    found = faults(tmp_path, "version: 1\nat: 2026-06-01T12:00:00Z\n")

    assert found == [
        "a.test.yaml:2:5: yaml_surprise: `2026-06-01T12:00:00Z` is a date in YAML 1.1: quote it"
    ]


def test_what_yaml_disputes_is_one_fault_anywhere(tmp_path: Path) -> None:
    text = """\
version: 1
personas:
  alice: {issuer: no, times: {exp: 12:30}, claims: }
tests: [{name: a, request: GET https://h, expect: {alice: on}}]
"""

    assert [fault.split(": ")[:2] for fault in faults(tmp_path, text)] == [
        ["a.test.yaml:3:19", "yaml_surprise"],
        ["a.test.yaml:3:36", "yaml_surprise"],
        ["a.test.yaml:3:52", "wrong_type"],
        ["a.test.yaml:4:59", "yaml_surprise"],
    ]


def test_without_a_version_the_rest_is_checked_all_the_same(tmp_path: Path) -> None:
    found = faults(tmp_path, "personas: {a: {}}\ntests: []\n")

    assert [fault.split(": ")[1] for fault in found] == ["missing_key", "missing_key", "empty_list"]


@pytest.mark.parametrize("name", ["a" * 5000, "loop.yaml", "folder", "gateway.yaml/x"])
def test_a_name_that_no_file_can_have_is_a_fault(name: str, tmp_path: Path) -> None:
    (tmp_path / "loop.yaml").symlink_to(tmp_path / "loop.yaml")
    (tmp_path / "folder").mkdir()

    (fault,) = faults(tmp_path, f"version: 1\ninclude: [{name}]\n")

    assert fault.startswith("a.test.yaml:2:11: missing_file: cannot read ")


def test_a_folder_that_is_a_link_is_not_left_by_its_name(tmp_path: Path) -> None:
    """`link/..` is the folder that holds what the link leads to."""
    (tmp_path / "real" / "inner").mkdir(parents=True)
    (tmp_path / "real" / "people.yaml").write_text(SHARED)
    (tmp_path / "link").symlink_to(tmp_path / "real" / "inner")
    suite = tmp_path / "link" / "a.test.yaml"
    suite.write_text("version: 1\ninclude: [../people.yaml]\n")

    read = read_suite(suite, {})

    assert isinstance(read, Suite), read
    assert list(read.personas) == ["alice", "nobody"]


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    text = """\
version: 1
at: never
personas:
  alice: {isuer: main}
  bob: {extends: carl}
tests:
  - {name: a, expect: {alice: allow}}
  - {name: b, request: GET https://h, expect: {alice: nope, others: allow}}
"""

    assert [fault.split(": ")[0] for fault in faults(tmp_path, text)] == [
        "a.test.yaml:2:5",
        "a.test.yaml:4:3",
        "a.test.yaml:4:11",
        "a.test.yaml:5:18",
        "a.test.yaml:7:5",
        "a.test.yaml:8:55",
    ]


def test_a_file_that_cannot_be_read_is_for_the_caller_to_say(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="cannot read"):
        read_suite(tmp_path / "missing.test.yaml", {})


SHARED = "version: 1\npersonas:\n  alice: {issuer: main}\n  nobody: {anonymous: true}\n"


def test_personas_can_be_shared_by_suites(tmp_path: Path) -> None:
    (tmp_path / "people.yaml").write_text(SHARED)
    text = "version: 1\ninclude: [people.yaml]\npersonas: {boss: {extends: alice}}\n"

    suite = read(tmp_path, text)

    assert isinstance(suite, Suite)
    assert list(suite.personas) == ["alice", "nobody", "boss"]
    assert suite.personas["boss"].persona.issuer == "main"


def test_a_shared_file_has_personas_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "people.yaml").write_text(SHARED + "gateway: a.yaml\n")
    text = "version: 1\ninclude: [people.yaml]\npersonas: {alice: {issuer: main}}\n"

    assert [fault.split(": ", 2)[:2] for fault in faults(tmp_path, text)] == [
        ["a.test.yaml:3:12", "duplicate_name"],
        ["people.yaml:5:1", "unknown_key"],
    ]
