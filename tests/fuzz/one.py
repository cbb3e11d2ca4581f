"""Fuzz one surface in this process: ``python -m tests.fuzz.one NAME`` and libFuzzer's options."""

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["gateway.proxy", "gateway.decision", "gateway.keyring"]):
    from tests.fuzz.cost import TooSlowError, check_cost
    from tests.fuzz.surfaces import WORK, Check, running_surfaces
    from tests.fuzz.twin import Twin


def bounded(name: str, check: Check) -> Check:
    """Return *check* of a surface along with the bound on what an input costs, if it has one."""
    work = WORK.get(name)
    if work is None:
        return check

    twin = Twin(name)

    def check_both(data: bytes) -> None:
        check(data)
        try:
            check_cost(work, data)
        except TooSlowError:  # for being instrumented, it may be
            twin.check(data)

    return check_both


def main() -> None:
    """Hand over to libFuzzer, which ends the process."""
    name = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder, running_surfaces(Path(folder)) as checks:
        atheris.Setup([sys.argv[0], *sys.argv[2:]], bounded(name, checks[name]))
        atheris.Fuzz()


if __name__ == "__main__":
    main()
