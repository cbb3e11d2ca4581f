"""Laws of reading suites: whatever a file holds, it can be run or says why not."""

import copy
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from gateway.suites.files.read_suite import BrokenSuite
from gateway.suites.running.ready import Configurations, ReadySuite, make_ready
from tests.suites.worlds import ENVIRON, ESTATE, FAILING

WHOLE = yaml.safe_load(FAILING) | {"at": "2026-01-01T00:00:00Z"}
WORDS = ["alice", "boss", "allow", "main", "blocked", "+5m", "GET https://h/", "", "a\u2028b"]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.sampled_from(WORDS)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from([*WORDS, "allow", "extends", "claims"]), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every value inside of *value*."""
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value))
    else:
        inner = []
    return [path, *(found for key, item in inner for found in paths(item, (*path, key)))]


def run(content: bytes) -> ReadySuite | BrokenSuite:
    with TemporaryDirectory() as name:
        path = Path(name) / "a.test.yaml"
        path.write_bytes(content)
        (path.parent / "gateway.yaml").write_text(ESTATE)
        ready = make_ready(path, None, {}, Configurations(ENVIRON))
    if isinstance(ready, ReadySuite):
        for test, persona in ready.cases():
            ready.judge(test, persona)
    return ready


def holds(ready: ReadySuite | BrokenSuite) -> bool:
    return isinstance(ready, ReadySuite) or len(ready.faults) > 0


@given(st.binary(max_size=200))
def test_any_bytes_are_a_suite_or_faults(content: bytes) -> None:
    assert holds(run(content))


@given(st.sampled_from(paths(WHOLE)[1:]), VALUES)
def test_whatever_stands_at_a_key_it_is_a_suite_or_faults(
    path: tuple[Any, ...], value: Any
) -> None:
    suite = copy.deepcopy(WHOLE)
    *way, last = path
    inner = suite
    for key in way:
        inner = inner[key]
    inner[last] = value

    assert holds(run(json.dumps(suite).encode()))


@given(st.dictionaries(st.sampled_from(["iss", "aud", "exp", "nbf", "sub", "scope", "x"]), VALUES))
def test_whatever_a_token_claims_its_request_is_decided(claims: dict[str, Any]) -> None:
    suite = copy.deepcopy(WHOLE)
    suite["personas"]["alice"]["claims"] = claims

    assert holds(run(json.dumps(suite).encode()))
