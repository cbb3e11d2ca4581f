"""Revocation lists: one source each, and issuers that there are."""

from pathlib import Path

import pytest

from gateway.decision.revocation import RevocationRule
from gateway.settings.values.configuration import RevocationSettings
from tests.settings.configs import VERSION, assert_found, config, faults, load
from tests.settings.schema.test_revocations import one_list

# A fault code, and a configuration with a mark where the fault must point.
MISTAKES = [
    ("missing_key", config("revocations:\n  ¦blocked: {fresh: 10s}\n")),
    ("missing_key", config("revocations:\n  ¦blocked: {}\n")),
    ("conflicting_keys", one_list('{url: "https://a/r", ¦file: gateway.yaml}')),
    ("insecure_url", one_list('{url: ¦"http://a.example/r"}')),
    ("bad_value", one_list('{url: ¦"file:///etc/passwd"}')),
    ("bad_value", one_list('{url: ¦"https://u:p@a.example/r"}')),
    ("missing_file", one_list("{file: ¦nope.json}")),
    ("missing_file", one_list("{file: ¦.}")),
    ("unknown_reference", one_list('{url: "https://a/r", issuers: [main, ¦mian]}')),
    ("duplicate_value", one_list('{url: "https://a/r", issuers: [main, ¦main]}')),
    ("unset_variable", one_list("{url: ¦'https://a/${NOT_SET}'}")),
]

TWO_ISSUERS = """\
issuers:
  main: {issuer: "https://login.example.com/", discovery: true, audiences: [orders]}
  partner: {issuer: "https://partner.example/", discovery: true, audiences: [orders]}
"""


@pytest.mark.parametrize(("codes", "text"), MISTAKES)
def test_each_mistake_about_a_list_is_found_at_its_place_and_nothing_else_is(
    codes: str, text: str, tmp_path: Path
) -> None:
    assert_found(tmp_path, codes, text)


def test_an_issuer_that_is_nearly_named_is_suggested(tmp_path: Path) -> None:
    (fault,) = faults(tmp_path, one_list('{url: "https://a/r", issuers: [mian]}'))

    assert fault.message == "no issuer is named `mian`: did you mean `main`?"


def test_a_team_file_has_no_lists(tmp_path: Path) -> None:
    (tmp_path / "team.yaml").write_text('revocations:\n  a: {url: "https://a/r"}\n')

    found = faults(tmp_path, config("include: [team.yaml]\n"))

    assert [fault.code for fault in found] == ["unknown_key"]


def revocation(directory: Path, text: str) -> RevocationSettings:
    return load(directory, one_list(text)).revocations["blocked"]


def test_everything_said_about_a_list_reaches_those_who_keep_it(tmp_path: Path) -> None:
    built = revocation(
        tmp_path,
        '{url: "https://a/r?v=1", issuers: [main], fresh: 10s, stale: 20s, fetch_timeout: 3s,'
        " on_failure: allow}",
    )

    assert (built.location, built.is_file) == ("https://a/r?v=1", False)
    assert built.rule == RevocationRule("blocked", frozenset({"main"}), refuses_without=False)
    assert (built.times.fresh_seconds, built.times.stale_seconds) == (10, 20)
    assert built.times.fetch_timeout_seconds == 3


def test_a_file_is_found_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "revoked.json").write_text("")

    built = revocation(tmp_path, "{file: revoked.json}")

    assert (built.location, built.is_file) == (str(tmp_path / "revoked.json"), True)
    assert built.rule.refuses_without is True


def test_a_list_speaks_of_every_issuer_unless_it_names_some(tmp_path: Path) -> None:
    lists = """\
revocations:
  all: {url: "https://a/all"}
  some: {url: "https://a/some", issuers: [partner]}
"""
    settings = load(tmp_path, config(lists, issuers=TWO_ISSUERS))

    rules = settings.policy.revocations
    assert {name: [rule.name for rule in rules[name]] for name in rules} == {
        "main": ["all"],
        "partner": ["all", "some"],
    }


def test_without_lists_there_are_no_rules(tmp_path: Path) -> None:
    settings = load(tmp_path, config())

    assert settings.revocations == {}
    assert settings.policy.revocations == {}


def test_a_gateway_without_issuers_may_have_a_list_of_nobody(tmp_path: Path) -> None:
    routes = "routes:\n  - {name: a, match: {path: /a}, upstream: orders, public: true}\n"
    text = config(
        'revocations:\n  all: {url: "https://a/all"}\n', version=VERSION, issuers="", routes=routes
    )

    assert load(tmp_path, text).policy.revocations == {}


@pytest.mark.parametrize(("words", "is_required"), [("", True), (", required: false", False)])
def test_a_list_is_required_unless_it_says_otherwise(
    words: str, is_required: bool, tmp_path: Path
) -> None:
    text = one_list('{url: "https://a/r"' + words + "}")

    assert load(tmp_path, text).revocations["blocked"].is_required is is_required
