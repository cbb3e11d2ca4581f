"""There are as many workers as usable cores, by affinity or by the share of a container."""

import os
from pathlib import Path

import pytest

from gateway.cli.run.resources import usable_cores

CORES = len(os.sched_getaffinity(0))


def test_without_a_limit_every_core_is_usable(tmp_path: Path) -> None:
    assert usable_cores(tmp_path / "nowhere") == CORES


@pytest.mark.parametrize(
    "text",
    ["max 100000\n", "", "100000", "1 2 3", "a b", "100000 0", "\xff\xfe", "1e5 100000", "max"],
)
def test_what_says_no_limit_or_makes_no_sense_is_none(tmp_path: Path, text: str) -> None:
    file = tmp_path / "cpu.max"
    file.write_bytes(text.encode("latin-1"))

    assert usable_cores(file) == CORES


@pytest.mark.parametrize(
    ("text", "cores"),
    [
        ("100000 100000\n", 1),
        ("50000 100000", 1),
        ("1 100000", 1),
        ("150000 100000", 2),  # half a core is better than none at all
        ("100000000 100000", CORES),
        ("-1 100000", 1),
    ],
)
def test_a_share_of_the_time_counts_in_whole_cores(tmp_path: Path, text: str, cores: int) -> None:
    file = tmp_path / "cpu.max"
    file.write_text(text)

    assert usable_cores(file) == min(CORES, cores)


def test_a_directory_is_no_limit(tmp_path: Path) -> None:
    assert usable_cores(tmp_path) == CORES


def test_only_cores_that_we_may_run_on_count(tmp_path: Path) -> None:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        assert usable_cores(tmp_path / "nowhere") == 1
    finally:
        os.sched_setaffinity(0, before)
