"""Pages of the documentation are found by every name that a message uses."""

import re
from pathlib import Path

import pytest

from gateway.cli.help.pages import (
    all_topics,
    find_rows,
    find_sections,
    list_pages,
    make_anchor,
    pages_path,
    read_pages,
)
from gateway.decision.reason import Reason
from gateway.settings.schema.json_schema import make_schema
from gateway.settings.text.fault import Code

ROOT = Path(__file__).parents[3]


def test_the_pages_are_those_of_the_checkout() -> None:
    """There is no copy that could differ: the wheel has the same files, see test_package.py."""
    pages = {one.page for one in read_pages() if one.level == 1}

    assert pages_path() == ROOT / "docs"
    files = (ROOT / "docs").rglob("*.md")
    assert pages == {str(file.relative_to(ROOT / "docs").with_suffix("")) for file in files}


@pytest.mark.parametrize("reason", list(Reason), ids=lambda reason: reason.code)
def test_every_reason_has_its_section(reason: Reason) -> None:
    found = [one for one in find_sections(reason.code) if one.page == "reasons"]

    assert [one.heading for one in found] == [f"{reason.code} ({reason.status})"]
    assert found[0].text.startswith(f"## {reason.code} ({reason.status})\n\n")
    assert "\n## " not in found[0].text


@pytest.mark.parametrize("code", list(Code), ids=lambda code: code.value)
def test_every_code_of_check_has_its_section(code: Code) -> None:
    found = [one for one in find_sections(code.value) if one.page == "checks"]

    assert [one.heading for one in found] == [code.value]


def test_every_link_between_pages_is_a_topic() -> None:
    for section in (one for one in read_pages() if one.level == 1):
        for page, anchor in re.findall(r"\]\(([a-z-]+)\.md(?:#([^)]+))?\)", section.text):
            folder = section.page.rpartition("/")[0]
            topic = f"{folder}/{page}" if folder else page
            assert find_sections(f"{topic}#{anchor}" if anchor else topic), (section.page, topic)


@pytest.mark.parametrize(
    ("topic", "found"),
    [
        ("reasons", ["reasons"]),
        ("reasons.md", ["reasons"]),
        ("docs/reasons.md", ["reasons"]),
        ("docs/reasons.md#scope_missing-403", ["reasons#scope_missing-403"]),
        ("keycloak", ["providers/keycloak"]),
        ("providers/keycloak", ["providers/keycloak"]),
        ("Report-only mode", ["configuration#report-only-mode"]),
        ("commands#gateway-check", ["commands#gateway-check"]),
        ("keys_unavailable", ["checks#keys_unavailable", "reasons#keys_unavailable-503"]),
        ("nothing", []),
        ("", []),
        ("#", []),
        ("reasons#nothing", []),
    ],
)
def test_a_topic_is_a_page_or_a_heading_or_a_link(topic: str, found: list[str]) -> None:
    assert [one.topic for one in find_sections(topic)] == found


def test_a_comment_in_code_is_no_heading() -> None:
    assert all(not one.heading.startswith("gateway: ") for one in read_pages())
    assert find_sections("tutorial")[0].text.count("\n## ") > 3


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("leeway", "configuration#issuersname"),
        ("--strict", "commands#gateway-check"),
        ("gateway_decisions_total", "metrics#requests"),
    ],
)
def test_a_row_of_a_table_is_found_under_its_deepest_heading(name: str, place: str) -> None:
    assert place in [one.section.topic for one in find_rows(name)]
    assert all(one.head.startswith("| ") and name in one.text for one in find_rows(name))


def test_every_key_of_the_configuration_is_a_topic() -> None:
    assert set(make_schema()["properties"]) <= all_topics()


def test_the_index_lists_the_pages_with_their_questions() -> None:
    pages = dict(list_pages())

    assert pages["reasons"].endswith("?")
    assert {page for page in pages if not find_sections(page)} == set()


def test_anchors_are_those_of_github() -> None:
    assert make_anchor("issuers.NAME `x`") == "issuersname-x"
