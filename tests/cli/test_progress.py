"""Progress is shown at a terminal, and nowhere else."""

import io
import os
import pty
import sys
import termios
from collections.abc import Iterator
from typing import TextIO

import pytest

from gateway.cli.output import show_progress


class Terminal:
    """A terminal: *screen* is what programs write to, ``read`` what somebody sees of it."""

    def __init__(self) -> None:
        self._side, end = pty.openpty()
        self.screen: TextIO = os.fdopen(end, "w")
        self.shown = ""

    def resize(self, columns: int) -> None:
        termios.tcsetwinsize(self._side, (24, columns))

    def read(self) -> str:
        """Return all that has come, once something more has."""
        self.shown += os.read(self._side, 65536).decode()
        return self.shown

    def close(self) -> None:
        self.screen.close()
        os.close(self._side)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    made = Terminal()
    made.resize(80)
    yield made
    made.close()


def last_line(shown: str, columns: int = 80) -> str:
    """Return what stands on the line in the end."""
    line = [" "] * columns
    at = 0
    for sign in shown:
        if sign == "\r":
            at = 0
        else:
            line[at] = sign
            at += 1
    return "".join(line).rstrip()


def test_a_line_says_what_goes_on_and_is_erased_in_the_end(terminal: Terminal) -> None:
    with show_progress("reading a.yaml", terminal.screen, after_seconds=0.0):
        while ")" not in terminal.shown:
            terminal.read()
        assert last_line(terminal.shown) == "reading a.yaml (0 s)"
    while last_line(terminal.shown):
        terminal.read()

    assert terminal.shown.endswith("\r")
    assert "\n" not in terminal.shown


def test_a_bar_says_how_much_is_done_of_what_is_known(terminal: Terminal) -> None:
    with show_progress("work", terminal.screen, after_seconds=0.0) as progress:
        progress.total = 8
        for _ in range(3):
            progress.advance()
        while "37 %" not in terminal.shown:
            terminal.read()
        assert "work [#######.............] 37 % (" in terminal.shown
        progress.done = 9  # more than was expected
        while "100 %" not in terminal.shown:
            terminal.read()
        assert f"work [{'#' * 20}] 100 % (" in terminal.shown
        progress.total = 0
        while not last_line(terminal.shown).startswith("work ("):
            terminal.read()


def test_the_line_is_erased_where_the_work_ends_with_an_error(terminal: Terminal) -> None:
    def work() -> None:
        with show_progress("work", terminal.screen, after_seconds=0.0):
            while ")" not in terminal.shown:
                terminal.read()
            sys.exit(3)

    with pytest.raises(SystemExit):
        work()
    while last_line(terminal.shown):
        terminal.read()


def test_what_is_done_soon_writes_nothing(terminal: Terminal) -> None:
    with show_progress("work", terminal.screen, after_seconds=600.0):
        pass
    terminal.screen.write("behind")
    terminal.screen.flush()

    assert terminal.read() == "behind"


@pytest.mark.parametrize("after_seconds", [0.0, 600.0])
def test_what_is_no_terminal_is_told_nothing(after_seconds: float) -> None:
    stream = io.StringIO()

    with show_progress("work", stream, after_seconds):
        pass

    assert stream.getvalue() == ""


def test_a_narrow_terminal_shows_the_end_and_no_name_can_steer_it(terminal: Terminal) -> None:
    terminal.resize(20)

    with show_progress("reading \x1b[2J/a/long/name.yaml", terminal.screen, after_seconds=0.0):
        while ")" not in terminal.shown:
            terminal.read()

    assert last_line(terminal.shown, 20) == "/long/name.yaml (0 s)"[-19:]
    assert "\x1b" not in terminal.shown
