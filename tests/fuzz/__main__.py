"""Fuzz each surface for a while: ``python -m tests.fuzz [NAME …]``, SECONDS for each.

What is found lies in ``.fuzz/NAME/findings``; what was learned is kept in ``.fuzz/NAME/corpus``.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.fuzz.seeds import seeds
from tests.fuzz.surfaces import NAMES, max_input_bytes

_FOLDER = Path(".fuzz")
_DEFAULT_SECONDS = 60
_INPUT_SECONDS = 20  # for one input; a loop that never ends is a finding

_DONE = re.compile(r"^#(\d+)\s+DONE\s+cov: (\d+)", re.MULTILINE)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def fuzz(surface: str, seconds: int) -> bool:
    """Fuzz *surface* for *seconds*; return whether nothing was found."""
    folder = _FOLDER / surface
    for name in ("corpus", "seeds", "findings"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for name, data in seeds(surface):
        (folder / "seeds" / name).write_bytes(data)
    command = [
        *(sys.executable, "-m", "tests.fuzz.one", surface),
        f"-max_total_time={seconds}",
        f"-max_len={max_input_bytes(surface)}",
        f"-timeout={_INPUT_SECONDS}",
        f"-artifact_prefix={folder / 'findings'}/",
        *(str(folder / "corpus"), str(folder / "seeds")),
    ]
    log = folder / "log"
    with log.open("w") as stream:
        code = subprocess.run(command, stdout=stream, stderr=stream, check=False).returncode
    text = log.read_text(errors="replace")
    done = _DONE.search(text)
    if code == 0 and done is not None:
        _say(f"{surface}: {done[1]} inputs in {seconds} s, {done[2]} edges reached, no finding")
        return True
    _say(f"{surface}: a finding, or a fuzzer that did not run; see {log}")
    for line in text.splitlines():
        if "Error: " in line or "Malformed: " in line or line.startswith("artifact_prefix"):
            _say(f"  {line[:400]}")
    return False


def main() -> int:
    """Fuzz the surfaces named, or all; return 1 where something was found."""
    names = sys.argv[1:] or list(NAMES)
    unknown = sorted(set(names) - set(NAMES))
    if unknown:
        _say(f"no such surface: {', '.join(unknown)}; there are {', '.join(NAMES)}")
        return 2
    seconds = int(os.environ.get("SECONDS_EACH", _DEFAULT_SECONDS))
    outcomes = [fuzz(name, seconds) for name in names]
    return 0 if all(outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
