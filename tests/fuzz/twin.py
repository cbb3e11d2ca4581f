"""Judge what an input costs where nothing is instrumented: ``python -m tests.fuzz.twin NAME``.

A fuzzer's own counting makes Python ten times as slow, and OpenSSL no slower; so what seems dear
there is tried again in a process beside it, which answers each input with what is wrong.
"""

import subprocess
import sys

from tests.fuzz.cost import TooSlowError, Work, check_cost


class Twin:
    """The process beside a fuzzer of the surface *name*; it ends with it."""

    def __init__(self, name: str) -> None:
        command = [sys.executable, "-m", "tests.fuzz.twin", name]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def check(self, data: bytes) -> None:
        """Raise TooSlowError where *data* costs too much."""
        asking, answering = self._process.stdin, self._process.stdout
        assert asking is not None
        assert answering is not None
        print(data.hex(), file=asking, flush=True)
        answer = answering.readline()
        assert answer.endswith("\n"), "the process beside the fuzzer has ended"
        if answer.strip():
            raise TooSlowError(answer.strip())

    def close(self) -> None:
        """End it."""
        self._process.communicate()


def judge(work: Work, line: str) -> str:
    """Return what is wrong with the cost of the input in *line*, or nothing."""
    try:
        check_cost(work, bytes.fromhex(line))
    except TooSlowError as slow:
        return str(slow)
    return ""


def main() -> None:
    """Answer until nobody asks any more."""
    from tests.fuzz.surfaces import WORK  # noqa: PLC0415 - a fuzzer instruments what it imports

    for line in sys.stdin:
        sys.stdout.write(judge(WORK[sys.argv[1]], line) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
