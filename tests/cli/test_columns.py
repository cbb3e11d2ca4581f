"""Tables and text fit a terminal, and lose nothing that fits."""

import unicodedata

import click
from hypothesis import given
from hypothesis import strategies as st

from gateway.cli.columns import columns_of, cut, fit_table, fold, wrap

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Mn", "Me", "Cf"]))
WORDS = st.lists(st.text("abc中/,", min_size=1, max_size=30), min_size=1).map(" ".join)


def test_the_widest_column_gives_first() -> None:
    table = fit_table(("NAME", "NEEDS"), [("orders", "a token: scopes orders:read")], 24, {})

    assert table.splitlines() == [
        "NAME    NEEDS",
        "orders  a token: scopes",
        "        orders:read",
    ]


def test_a_table_that_fits_is_as_it_was() -> None:
    rows = [("wider", "x"), ("y", "")]

    assert fit_table(("A", "LONG"), rows, 80, {}) == fit_table(("A", "LONG"), rows, None, {})
    assert fit_table(("A", "LONG"), rows, None, {}).splitlines() == ["A      LONG", "wider  x", "y"]


def test_a_long_word_goes_on_after_a_sign_and_is_cut_where_it_has_none() -> None:
    assert wrap("https://login.example/realms/one", 16) == [
        "https://login.",
        "example/realms/",
        "one",
    ]
    assert wrap("a-rather-long-name", 9) == ["a-rather-", "long-name"]
    assert wrap("a 0123456789abcdefghij", 11) == ["a", "01234…fghij"]


def test_cells_have_the_colour_of_their_text() -> None:
    table = fit_table(("A", "B"), [("no", "nothing (public)")], 14, {"nothing (public)": "red"})

    assert table.splitlines()[1] == f"no  {click.style('nothing', fg='red')}"
    assert table.splitlines()[2] == f"    {click.style('(public)', fg='red')}"


def test_wide_signs_take_two_columns_and_accents_none() -> None:
    assert columns_of("中文") == 4
    assert columns_of(unicodedata.normalize("NFD", "é")) == 1
    assert cut("中文中文中文", 6) == "中…文"


@given(WORDS, st.integers(8, 40))
def test_wrapped_lines_fit_and_have_every_word_in_its_order(text: str, width: int) -> None:
    lines = wrap(text, width)

    assert all(columns_of(line) <= width for line in lines)
    if "…" not in "".join(lines):
        assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_a_long_line_goes_on_between_words_and_what_is_to_be_copied_stays_whole() -> None:
    code = click.style("missing_file", fg="red")
    line = f"  - a.yaml:8:11: {code}: cannot read it; write `tls: {{certificate: tls.crt}}` there"

    assert fold(line, 40).split("\n") == [
        f"  - a.yaml:8:11: {code}: cannot",
        "      read it; write",
        "      `tls: {certificate: tls.crt}`",
        "      there",
    ]
    assert fold(line, 200) == line


@given(WORDS, st.integers(8, 40))
def test_folded_lines_fit_or_are_one_word(text: str, width: int) -> None:
    lines = fold(text, width).split("\n")

    assert all(columns_of(line) <= width or len(line.split()) == 1 for line in lines)
    assert " ".join(line.strip() for line in lines) == text


@given(st.lists(st.tuples(TEXT, TEXT, TEXT)), st.integers(16, 120))
def test_no_line_of_a_table_is_wider_than_the_terminal(
    rows: list[tuple[str, str, str]], width: int
) -> None:
    table = fit_table(("ONE", "TWO", "THREE"), rows, width, {})

    assert all(columns_of(line) <= width for line in table.split("\n"))


@given(TEXT, st.integers(1, 40))
def test_what_is_cut_keeps_its_ends(text: str, width: int) -> None:
    shown = cut(text, width)

    assert columns_of(shown) <= width
    if shown != text:
        begin, end = shown.split("…")[0], shown.rpartition("…")[2]
        assert text.startswith(begin)
        assert text.endswith(end)
