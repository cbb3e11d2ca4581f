"""Differences as a page: everything of the text, and harmless whatever a configuration says."""

from html.parser import HTMLParser
from pathlib import Path

from gateway.suites.differences.compare import Difference
from gateway.suites.differences.compare_regions import Asked, Gap
from gateway.suites.differences.facet import Kind
from gateway.suites.differences.report_html import format_html
from tests.suites.differences.configs import SAME, difference, edited

HOSTILE = "<img src=x onerror=alert(1)>"


class Seen(HTMLParser):
    """Collects the tags and the text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data + " "


def page(found: Difference) -> Seen:
    return Seen("\n".join(format_html(found, "old.yaml", HOSTILE)))


def test_what_opens_is_first_with_both_lines(tmp_path: Path) -> None:
    found = difference(tmp_path, edited(("require: {scopes: [read, write]}", "public: true")))
    seen = page(found)

    assert seen.text.index("opened: allowed from now on") < seen.text.index("Settings that changed")
    assert "any method" in seen.text
    assert "for nobody" in seen.text
    assert "token_missing" in seen.text
    assert "by the route everything" in seen.text
    assert f"{tmp_path}/new.yaml:24" in seen.text
    assert ("article", {"class": "opened"}) in seen.tags


def test_every_kind_of_a_setting_is_shown_and_counted(tmp_path: Path) -> None:
    text = edited(
        ("discovery: true, audiences: [orders],", "discovery: true, audiences: [orders],")
    )
    found = difference(tmp_path, text + "trusted_proxies: [0.0.0.0/0]\n")
    seen = page(found)

    assert ("span", {"class": "kind loosened"}) in seen.tags
    assert "Limits that changed" in seen.text


def test_nothing_is_said_so(tmp_path: Path) -> None:
    assert "no difference in meaning" in page(difference(tmp_path, SAME)).text


def test_what_was_not_decided_is_shown() -> None:
    found = Difference((), (), (), (Gap(Kind.OPENED, "GET a/<b>", "too much"),), Asked())
    seen = page(found)

    assert "opened? GET a/<b>" in " ".join(seen.text.split())
    assert "1 not decided" in " ".join(seen.text.split())


def test_whatever_a_file_is_called_is_shown_as_text_and_nothing_may_be_loaded() -> None:
    seen = page(Difference((), (), (), (), Asked()))

    assert HOSTILE in seen.text
    assert {tag for tag, _ in seen.tags}.isdisjoint({"img", "script", "link", "iframe", "a"})
    policy = next(attrs["content"] for tag, attrs in seen.tags if "http-equiv" in attrs)
    assert policy is not None
    assert policy.startswith("default-src 'none'")


def test_cve_2021_42574_no_text_is_shown_in_another_order(tmp_path: Path) -> None:
    claims = r'require: {claims: {role: {equals: "\u202Enimda\u009b31m"}}}'
    found = difference(tmp_path, edited(("require: {scopes: [read, write]}", claims)))
    text = "\n".join(format_html(found, "old\u202e.yaml", "\udcff.yaml"))

    assert text.replace("\n", "").isprintable()
    assert r"role equals \u202enimda\x9b31m" in text
