"""Random pairs of configurations, and what opens from one to the other.

A random configuration is edited as people do, and random requests, tokens and sessions are put to
both. What is refused by the old one, or guarded better, and not by the new one, must make `gateway
diff` fail.
"""

import sys
from atexit import register
from collections import Counter
from dataclasses import dataclass
from functools import cache, partial
from multiprocessing import Pool
from pathlib import Path
from random import Random
from shutil import rmtree
from tempfile import mkdtemp
from typing import Final

from gateway.suites.differences.compare import Question, compare
from gateway.suites.differences.facet import Kind
from tests.suites.differences.judge_of_pairs import World, find_opening
from tests.suites.differences.random_configs import load_config
from tests.suites.differences.random_edits import make_pair
from tests.suites.differences.random_questions import questions
from tests.suites.worlds import AT

FAILING: Final = {Kind.OPENED, Kind.LOOSENED, Kind.KEYS, Kind.MOVED}


@dataclass(frozen=True, slots=True)
class Tried:
    """What trying the pair of a *seed* showed.

    *missed* describes an opening of which the difference does not tell. *is_undecided* if something
    else could not be decided.
    """

    seed: int
    is_valid: bool = False
    is_opened: bool = False
    is_undecided: bool = False
    missed: str | None = None


def try_pair(seed: int, number: int = 48, *, is_quick: bool = False) -> Tried:
    """Ask both configurations of the pair *seed* some questions, and compare what they open.

    If *is_quick*, nothing is compared where no opening is found.
    """
    random = Random(seed)
    pair = make_pair(random)
    old, new = (load_config(one, _folder() / name) for one, name in zip(pair, "on", strict=True))
    if old is None or new is None:
        return Tried(seed)
    has_lists = random.random() < 0.9
    worlds = World(old, has_lists), World(new, has_lists)
    found = find_opening(random, *worlds, list(questions(random, pair, number)))
    if not found and is_quick:
        return Tried(seed, True)
    difference = compare(old, new, Question(AT), max_cells=1)
    kinds = {*difference.kinds, *(gap.kind for gap in difference.gaps)}
    missed = f"{seed}: {found}" if found and not FAILING & kinds else None
    is_undecided = bool(difference.gaps) and not FAILING & difference.kinds
    return Tried(seed, True, bool(found), is_undecided, missed)


@cache
def _folder() -> Path:
    """Return where this process writes configurations: making a folder for each takes longer."""
    folder = Path(mkdtemp())
    register(rmtree, folder, ignore_errors=True)
    return folder


def main(number: int) -> int:
    """Try *number* pairs on every core; print what is missed, and how many opened anything."""
    counts: Counter[str] = Counter()
    with Pool() as pool:
        for tried in pool.imap_unordered(partial(try_pair, is_quick=True), range(number), 50):
            counts["valid"] += tried.is_valid
            counts["opened"] += tried.is_opened
            counts["undecided"] += tried.is_undecided
            if tried.missed:
                counts["missed"] += 1
                sys.stdout.write(f"missed {tried.missed}\n")
                sys.stdout.flush()
    shown = ", ".join(f"{count:,} {name}" for name, count in counts.items())
    sys.stdout.write(f"{number:,} pairs: {shown}\n")
    return 1 if counts["missed"] else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
