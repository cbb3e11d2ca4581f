"""Output for people: faults as lines, rows as columns."""

import re

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from gateway.cli.output import escape, format_table, print_faults, print_painted
from gateway.settings.text.fault import Code, Fault, Place, Severity

ERROR = Fault(Place("a.yaml", 1, 2), Code.BAD_VALUE, "not a host")
WARNING = Fault(Place("a.yaml", 3, 4), Code.UNUSED_ISSUER, "nobody", Severity.WARNING)


def test_faults_go_to_stderr_one_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_faults([ERROR, WARNING])

    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == (
        "a.yaml:1:2: bad_value: not a host\na.yaml:3:4: unused_issuer: warning: nobody\n"
    )


def test_the_name_of_a_file_makes_no_line_and_steers_no_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """CWE-150: a runner of workflows takes a line of its own for a command."""
    print_faults([Fault(Place("a\n::error::\x9b31m", 1, 2), Code.BAD_VALUE, "no\u202e")])

    assert capsys.readouterr().err == "a\\n::error::\\x9b31m:1:2: bad_value: no\\u202e\n"


COLOURS = {"ok": "green", "failed": "red", "not ready": "red", "opened": "yellow", "-": "red"}


@pytest.mark.parametrize(
    ("line", "painted"),
    [
        ("ok   a.yaml:1:2: ok then", "<ok>   a.yaml:1:2: ok then"),
        ("  ok", "  <ok>"),
        ("okay", "okay"),
        ("a.yaml: ok, 1 warning", "a.yaml: <ok>, 1 warning"),
        ("not ready: draining", "<not ready>: draining"),
        ("12 passed, 1 failed, in 2 suites", "12 passed, <1 failed>, in 2 suites"),
        ("1 rule changed, 1,004 opened (51 cells)", "1 rule changed, <1,004 opened> (51 cells)"),
        ("0 failed", "0 failed"),
        ("  changed route x: mode [opened]", "  changed route x: mode [<opened>]"),
        ("  changed route x: mode [keys, opened]", "  changed route x: mode [keys, <opened>]"),
        ("    - scopes", "    <-> scopes"),
        ("    -x", "    -x"),
    ],
)
def test_a_word_has_its_colour_where_it_says_what_the_line_means(line: str, painted: str) -> None:
    assert show(line, color=None) == line
    assert re.sub(r"\x1b\[3\dm(.*?)\x1b\[0m", r"<\1>", show(line, color=True)) == painted


def show(line: str, *, color: bool | None) -> str:
    """Return what is printed for *line* if colours are wanted, or nothing says so."""

    @click.command(context_settings={"color": color})
    def verb() -> None:
        print_painted([line], COLOURS)

    return CliRunner().invoke(verb, color=True).stdout.removesuffix("\n")


def test_a_painted_line_steers_no_terminal() -> None:
    assert "\\x1b[2J" in show("ok \x1b[2J", color=True)


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    table = format_table(("A", "LONG"), [("wider", "x"), ("y", "")])

    assert table.split("\n") == ["A      LONG", "wider  x", "y"]


CELLS = st.text(st.characters(codec="ascii", exclude_categories=["Cc"], exclude_characters=" "))
ROWS = st.lists(st.tuples(CELLS, CELLS.filter(bool)))


@given(ROWS)
def test_each_row_is_a_line_and_each_column_starts_in_one_place(
    rows: list[tuple[str, str]],
) -> None:
    lines = format_table(("NAME", "WHAT"), rows).split("\n")

    start = lines[0].index("WHAT")
    assert len(lines) == len(rows) + 1
    for line, (name, what) in zip(lines[1:], rows, strict=True):
        assert (line[:start].rstrip(), line[start:]) == (name, what)


def test_a_table_without_rows_is_its_head() -> None:
    assert format_table(("A", "B"), []) == "A  B"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("plain zo\u00eb \\n", "plain zo\u00eb \\n"),
        ("\x1b[2J\r\n\t", "\\x1b[2J\\r\\n\\t"),
        ("\x9b\u202e\u2028\ud800", "\\x9b\\u202e\\u2028\\ud800"),
    ],
)
def test_what_could_steer_a_terminal_is_escaped(line: str, shown: str) -> None:
    """CVE-2020-7694."""
    assert escape(line) == shown


@given(st.text())
def test_any_text_is_one_printable_line(text: str) -> None:
    assert escape(text).isprintable()
