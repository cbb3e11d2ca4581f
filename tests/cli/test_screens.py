"""What people see in a terminal: colours that mean something, tables that fit, no traces."""

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

import click
import pytest

from gateway.cli.columns import columns_of
from tests.cli.config_files import INVALID, VALID, write_config
from tests.cli.terminal import in_terminal

COMMAND = Path(sys.executable).with_name("gateway")

WIDE = VALID + (
    "  - {name: a-route-with-a-rather-long-name, match: {path: '/tenants/{tenant}/orders/{id}',"
    " methods: [GET, HEAD, POST, PUT, DELETE]}, upstream: orders, require: {scopes: {any:"
    " [orders:read, orders:write, orders:admin]}, claims: {tenant: {equals: '{path.tenant}'}}}}\n"
)
TESTS = """\
version: 1
gateway: gateway.yaml
personas:
  nobody: {anonymous: true}
tests:
  - {name: health, request: GET http://a/healthz, expect: {nobody: allow}}
  - {name: wrong, request: GET http://a/x, expect: {nobody: allow}}
"""

GREEN, RED, YELLOW = 32, 31, 33


def see(
    directory: Path, *words: str, columns: int = 80, env: Mapping[str, str] | None = None
) -> tuple[int, list[str]]:
    """Return the exit code of `gateway` with *words*, and the lines in its terminal."""
    with in_terminal([COMMAND, *words], directory, env, columns) as terminal:
        code, shown = terminal.wait()
    return code, shown.replace("\r\n", "\n").splitlines()


def coloured(lines: list[str], colour: int) -> set[str]:
    """Return the texts in *colour*."""
    return set(re.findall(rf"\x1b\[{colour}m(.*?)\x1b\[0m", "\n".join(lines)))


@pytest.fixture
def workplace(tmp_path: Path) -> Path:
    write_config(tmp_path, WIDE)
    (tmp_path / "access.test.yaml").write_text(TESTS)
    (tmp_path / "new.yaml").write_text(VALID.replace("require: {}", "public: true"))
    (tmp_path / "old.yaml").write_text(VALID)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "colour", "words"),
    [
        ("check gateway.yaml", GREEN, {"valid"}),
        ("explain /healthz --config gateway.yaml", GREEN, {"allowed", "ok"}),
        ("explain /x --config gateway.yaml", RED, {"refused", "NO"}),
        ("test access.test.yaml", RED, {"FAIL", "1 failed"}),
        ("test access.test.yaml -v", GREEN, {"ok", "1 passed"}),
        ("routes gateway.yaml", YELLOW, {"nothing (public)"}),
        ("demo --once", GREEN, {"ok"}),
    ],
)
def test_colours_say_what_is_allowed_and_what_is_not(
    arguments: str, colour: int, words: set[str], workplace: Path
) -> None:
    _, lines = see(workplace, *arguments.split(), columns=200)

    assert words <= coloured(lines, colour)


def test_what_a_change_opens_is_red(workplace: Path) -> None:
    _, lines = see(workplace, "diff", "old.yaml", "new.yaml")

    assert "opened" in coloured(lines, RED)


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
@pytest.mark.parametrize("arguments", ["explain /x", "routes", "test access.test.yaml", "check"])
def test_who_wants_no_colours_has_none(
    arguments: str, env: dict[str, str], workplace: Path
) -> None:
    environ = {"GATEWAY_CONFIG": "gateway.yaml", **env}
    _, lines = see(workplace, *arguments.split(), env=environ)

    assert lines
    assert "\x1b" not in "".join(lines)


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_a_table_fits_the_terminal_and_keeps_its_words(columns: int, workplace: Path) -> None:
    code, lines = see(workplace, "routes", "gateway.yaml", columns=columns)

    plain = [click.unstyle(line) for line in lines]
    assert code == 0
    assert max(map(columns_of, plain)) <= columns
    if columns >= 80:
        assert "…" not in "".join(plain)


def test_a_message_goes_on_between_words(workplace: Path) -> None:
    write_config(workplace, INVALID)

    _, wide = see(workplace, "check", "gateway.yaml", columns=300)
    _, narrow = see(workplace, "check", "gateway.yaml", columns=50)

    # Without the last line, which has commands to copy.
    lines = [click.unstyle(line) for line in narrow[:-1]]
    assert max(map(columns_of, lines)) <= 50
    assert len(lines) > len(wide[:-1])
    assert " ".join(lines).split() == click.unstyle(" ".join(wide[:-1])).split()


def test_a_person_is_told_which_command_explains_a_code(workplace: Path) -> None:
    write_config(workplace, INVALID)

    code, lines = see(workplace, "check", "gateway.yaml")

    assert code == 1
    last = click.unstyle(lines[-1])
    assert last == "what to do: gateway help unknown_key, gateway help bad_value"


def test_ctrl_c_leaves_one_mark_and_no_trace(workplace: Path) -> None:
    fifo = workplace / "fifo.yaml"
    os.mkfifo(fifo)
    with in_terminal([COMMAND, "check", "fifo.yaml"], workplace) as terminal:
        writer = os.open(fifo, os.O_WRONLY)  # returns once the gateway reads
        terminal.type("\x03")
        code, shown = terminal.wait()
        os.close(writer)

    assert (code, shown) == (130, "^C\r\n")


def test_help_fits_the_terminal(workplace: Path) -> None:
    code, lines = see(workplace, "help", "key_unknown", columns=70)

    assert code == 0
    plain = [click.unstyle(line) for line in lines]
    assert max(map(columns_of, plain)) <= 70
    assert coloured(lines, 36)  # code
