"""The corpus before nginx and HAProxy: where they differ from us is known, and why."""

import asyncio
import re
import subprocess
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import uvloop
import yaml

from tests.end_to_end.conftest import program
from tests.proxy.corpus import FOLDER, request_cases
from tests.proxy.oracles import ORACLES, difference, verdict
from tests.proxy.recorder import running_recorder

COMPARED = [case for case in request_cases() if not case.is_about_access]
_VERDICTS = {
    "forwards",
    "refuses",
    "forwards otherwise",
    "forwards other fields",
    "serves on",
    "closes",
}


def told() -> Mapping[str, Any]:
    told: Mapping[str, Any] = yaml.safe_load((FOLDER / "differences.yaml").read_text())
    return told


def groups() -> list[Mapping[str, Any]]:
    groups: list[Mapping[str, Any]] = told()["differences"]
    return groups


def version(oracle: str) -> str:
    """Return the major and minor version of the program that is installed."""
    done = subprocess.run([program(oracle), "-v"], capture_output=True, text=True, check=True)
    found = re.search(r"\d+\.\d+", done.stdout + done.stderr)
    assert found is not None
    return found[0]


def listed(oracle: str) -> list[tuple[str, str]]:
    return [
        (name, group["verdict"])
        for group in groups()
        if group["proxy"] == oracle
        for name in group["cases"]
    ]


def test_every_difference_is_of_a_case_that_is_compared_and_has_a_reason_in_words() -> None:
    names = {case.name for case in COMPARED}

    for group in groups():
        assert group.keys() == {"proxy", "verdict", "why", "cases"}
        assert group["proxy"] in ORACLES
        assert group["verdict"] in _VERDICTS
        assert len(group["why"].split()) > 5
        assert set(group["cases"]) <= names


def test_most_of_the_corpus_is_compared() -> None:
    assert len(COMPARED) > 400


async def seen_differences(oracle: str, folder: Path) -> list[tuple[str, str]]:
    """Return the name of every case in which *oracle* differs, and how."""
    found = []
    async with running_recorder() as service:
        with ORACLES[oracle](folder, service.port) as address:
            for case in COMPARED:
                how = difference(case, await verdict(address, service, case))
                if how is not None:
                    found.append((case.name, how))
    return found


@pytest.mark.parametrize("oracle", ORACLES)
def test_the_differences_are_those_that_are_listed(oracle: str, tmp_path: Path) -> None:
    """One that is not listed fails, and one that is listed and not there as well.

    Of another version than the list is for, only a verdict in every case is asked.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        seen = Counter(runner.run(seen_differences(oracle, tmp_path)))

    known = Counter(listed(oracle))
    if version(oracle) != told()["versions"][oracle]:
        assert {how for _, how in seen} <= _VERDICTS
        return
    assert sorted(seen - known) == [], "not listed"
    assert sorted(known - seen) == [], "listed, and not so"
