"""Markdown as text: complete, within the width, with links that a terminal can follow."""

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cli.columns import columns_of
from gateway.cli.help.markdown import show_markdown
from gateway.cli.help.pages import Section, read_pages


def show(text: str, page: str = "reasons", width: int = 60) -> str:
    return click.unstyle(show_markdown(text, page, width))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("## Head\n\nA **bold**\nword.", "## Head\n\nA bold word."),
        ("see [TLS](tls.md)", "see TLS (`gateway help tls`)"),
        ("see [it](tls.md#a-b)", "see it (`gateway help tls#a-b`)"),
        ("see [it](#a-b)", "see it (`gateway help reasons#a-b`)"),
        ("see [the site](https://a.example/)", "see the site (https://a.example/)"),
        ("see [https://a.example/](https://a.example/)", "see https://a.example/"),
        ("the [README](../README.md)", "the README"),
        ("![a picture](images/a.svg)", "a picture"),
        ("- one\n  more\n- two", "- one more\n- two"),
        ("1. one\n2. two", "1. one\n2. two"),
        ("```yaml\na:  b\n# c\n```\ntext", "    a:  b\n    # c\ntext"),
        ("<!-- output of x -->\ntext", "text"),
        ("| a | b |\n|---|---|\n| `x \\| y` | 1 |", "a        b\n`x | y`  1"),
        ("see [`a[5m]`](tls.md)", "see `a[5m]` (`gateway help tls`)"),
    ],
)
def test_what_is_shown(text: str, shown: str) -> None:
    assert show(text) == shown


def test_links_of_a_page_in_a_folder_are_relative_to_it() -> None:
    assert show("[a](auth0.md) [b](../tokens.md#t)", "providers/keycloak") == (
        "a (`gateway help providers/auth0`) b\n(`gateway help tokens#t`)"
    )


def test_lines_of_an_item_stand_under_its_text_and_code_stays_whole() -> None:
    shown = show("- one two three `four five six` seven", width=20)

    assert shown.splitlines() == ["- one two three", "  `four five six`", "  seven"]


PAGES_WHOLE = [one for one in read_pages() if one.level == 1]


@pytest.mark.parametrize("section", PAGES_WHOLE, ids=lambda one: one.page)
@pytest.mark.parametrize("width", [60, 100])
def test_every_page_fits_and_has_no_link_left(section: Section, width: int) -> None:
    shown = show_markdown(section.text, section.page, width)

    prose = [line for line in click.unstyle(shown).splitlines() if not line.startswith((" ", "#"))]
    wide = [line for line in prose if columns_of(line) > width and " " in line.strip()]
    assert [line for line in wide if not _is_one_code(line)] == []
    assert "](" not in "\n".join(prose)


def _is_one_code(line: str) -> bool:
    """Return whether a span of code is what makes *line* too long: it stays whole."""
    return "`" in line


@pytest.mark.parametrize("text", ["|", "| a |\n|---|\n| b | c |\n|", "| a | b |\n|-|\n| c |"])
def test_a_table_that_is_none_is_shown(text: str) -> None:
    assert "c" not in show(text) or show(text).splitlines() == ["a  b", "c"]


@given(st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=200))
def test_any_text_is_shown(text: str) -> None:
    assert isinstance(show(text), str)
