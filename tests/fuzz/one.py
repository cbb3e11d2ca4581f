"""Fuzz one surface in this process: ``python -m tests.fuzz.one NAME`` and libFuzzer's options."""

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["gateway.proxy", "gateway.decision"]):
    from tests.fuzz.surfaces import running_surfaces


def main() -> None:
    """Hand over to libFuzzer, which ends the process."""
    name = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder, running_surfaces(Path(folder)) as checks:
        atheris.Setup([sys.argv[0], *sys.argv[2:]], checks[name])
        atheris.Fuzz()


if __name__ == "__main__":
    main()
