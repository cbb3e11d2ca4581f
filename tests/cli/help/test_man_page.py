"""The manual page is current, complete, and one that the readers of such pages accept."""

import shutil
import subprocess
from pathlib import Path

import click
import pytest

from gateway.cli.help.man_page import write_man_page
from gateway.cli.main import command

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "man" / "gateway.1"


def test_it_has_every_verb_with_every_option() -> None:
    page = PAGE.read_text().replace("\\-", "-")
    with click.Context(command) as context:
        for name in command.list_commands(context):
            verb = command.get_command(context, name)
            assert verb is not None
            assert f".SS gateway {name} " in page
            options = [one for one in verb.params if isinstance(one, click.Option)]
            assert all(one.opts[-1] in page for one in options)
    assert page.count(".B --help\n") == page.count(".B --color\n") == 1  # common to all


def test_text_that_roff_would_read_as_requests_is_text() -> None:
    @click.group("gateway", help=".TH is a request, \\fB an escape.\n\n\b\n'as it is\n  and -more")
    def group() -> None: ...

    page = write_man_page(group)

    assert "\n\\&.TH is a request, \\efB an escape.\n" in page
    assert "\n.EX\n\\&'as it is\n  and \\-more\n.EE\n" in page


@pytest.mark.skipif(shutil.which("mandoc") is None, reason="needs mandoc, from Debian")
def test_mandoc_has_nothing_to_say_but_that_there_is_no_date() -> None:
    """A date would have to change with every option."""
    done = subprocess.run(
        ["mandoc", "-T", "lint", "-W", "style", PAGE],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert [line.partition("WARNING: ")[2] for line in done.stdout.splitlines()] == [
        'missing date, using "": TH'
    ]


@pytest.mark.skipif(shutil.which("man") is None, reason="needs man, from Debian's man-db")
def test_man_shows_it() -> None:
    done = subprocess.run(
        ["man", "--warnings", "-l", PAGE],
        env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin", "MANWIDTH": "80"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert "EXIT STATUS" in done.stdout
    assert "gateway healthcheck [OPTIONS] [FILE]" in done.stdout
