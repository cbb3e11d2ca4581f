"""Run a program in a terminal of its own, type into it, and see its screen."""

import fcntl
import os
import pty
import select
import subprocess
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.hanging import LIMIT_SECONDS


class Terminal:
    """The terminal that *process* runs in; *shown* is all that it has written."""

    def __init__(self, process: "subprocess.Popen[bytes]", side: int) -> None:
        self.process = process
        self.shown = ""
        self._side = side

    def type(self, text: str) -> None:
        os.write(self._side, text.encode())

    def wait_for(self, text: str) -> str:
        """Return all that was shown, once *text* is in it; fail after a while."""
        ends_at = time.monotonic() + LIMIT_SECONDS
        while text not in self.shown:
            came = self._read(max(ends_at - time.monotonic(), 0))
            assert came, f"{text!r} is not in {self.shown!r}"
        return self.shown

    def wait(self) -> tuple[int, str]:
        """Return the exit code of the process, and all that was shown."""
        while self._read(LIMIT_SECONDS):
            pass
        return self.process.wait(timeout=LIMIT_SECONDS), self.shown

    def _read(self, seconds: float) -> bool:
        """Read what comes within *seconds*; return whether something did."""
        readable, _, _ = select.select([self._side], [], [], seconds)
        try:
            piece = os.read(self._side, 65536) if readable else b""
        except OSError:  # the other side is closed
            piece = b""
        self.shown += piece.decode("utf-8", "replace")
        return bool(piece)


@contextmanager
def in_terminal(
    arguments: Sequence[str | Path],
    directory: Path,
    env: Mapping[str, str] | None = None,
    columns: int = 80,
) -> Iterator[Terminal]:
    """Run *arguments* in a terminal with *columns*; kill them at the end.

    Without colours of the environment of the tests, unless *env* has them.
    """
    own = {key: value for key, value in os.environ.items() if not key.endswith("_COLOR")}
    side, end = pty.openpty()
    termios.tcsetwinsize(side, (24, columns))
    process = subprocess.Popen(
        arguments,
        cwd=directory,
        env={**own, "TERM": "xterm", **(env or {})},
        stdin=end,
        stdout=end,
        stderr=end,
        # The terminal is its own: Ctrl-C reaches it, and it can control jobs.
        start_new_session=True,
        preexec_fn=_take_terminal,  # noqa: PLW1509 - one system call
    )
    os.close(end)
    try:
        yield Terminal(process, side)
    finally:
        process.kill()
        process.wait(timeout=LIMIT_SECONDS)
        os.close(side)


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
