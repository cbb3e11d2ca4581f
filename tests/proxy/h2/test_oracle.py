"""The cases of HTTP/2 are well-formed, and another proxy agrees with them but where it is listed.

So the kit that plays them is known to be right about HTTP/2, and not only about ours.
"""

import asyncio
import re
import subprocess
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import uvloop
import yaml

from tests.end_to_end.conftest import program
from tests.proxy.h2.cases import HTTP2_FOLDER, cases, pieces
from tests.proxy.h2.nghttpx import nghttpx
from tests.proxy.h2.playing import play
from tests.proxy.recorder import running_recorder

THEMES = ("rfc9113", "downgrade")
CASES = [case for theme in THEMES for case in cases(theme)]


def told() -> Mapping[str, Any]:
    told: Mapping[str, Any] = yaml.safe_load((HTTP2_FOLDER / "differences.yaml").read_text())
    return told


def listed(kind: str) -> list[str]:
    return [name for group in told()[kind] for name in group["cases"]]


def test_every_case_has_a_name_of_its_own_and_says_where_it_is_from() -> None:
    names = Counter(case.name for case in CASES)

    assert [name for name, count in names.items() if count > 1] == []
    assert [case.name for case in CASES if not case.source.strip()] == []
    assert len(names) >= 250


def test_no_two_cases_send_the_same_frames() -> None:
    sent = Counter(tuple(pieces(case.steps)) for case in CASES)

    assert [steps for steps, count in sent.items() if count > 1] == []


def test_every_difference_is_of_a_case_that_is_compared_and_has_a_reason_in_words() -> None:
    names = {case.name for case in CASES}
    assert set(listed("nghttpx")) | set(listed("not_compared")) <= names
    assert not set(listed("nghttpx")) & set(listed("not_compared"))

    for group in told()["nghttpx"] + told()["not_compared"]:
        assert len(group["why"].split()) > 5


async def seen_differences(folder: Path) -> list[str]:
    """Return the name of every case in which nghttpx differs."""
    skipped = set(listed("not_compared"))
    async with running_recorder() as service:
        with nghttpx(folder, service.port) as address:
            return [
                case.name
                for case in CASES
                if case.name not in skipped and await play(address, service, case)
            ]


def test_the_differences_of_nghttpx_are_those_that_are_listed(tmp_path: Path) -> None:
    """One that is not listed fails, and one that is listed and not there as well.

    Of another version than the list is for, it is only played.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        seen = runner.run(seen_differences(tmp_path))

    said = subprocess.run(
        [program("nghttpx"), "--version"], capture_output=True, text=True, check=True
    )
    found = re.search(r"nghttp2/(\d+\.\d+)", said.stdout)
    assert found is not None
    if found[1] == told()["version"]:
        assert sorted(seen) == sorted(listed("nghttpx"))
