"""Nothing opens unseen: whatever a random edit of a random configuration opens, diff fails.

`python -m tests.suites.differences.random_pairs 100000` tries as many pairs, on every core.
"""

from pathlib import Path
from random import Random

import pytest

from gateway.suites.differences.compare import Question, compare
from gateway.suites.differences.facet import Kind
from gateway.suites.simulation.request import SimulatedRequest
from tests.suites.differences.judge_of_pairs import World, find_opening
from tests.suites.differences.random_configs import Config, load_config
from tests.suites.differences.random_pairs import FAILING, try_pair
from tests.suites.differences.random_questions import MARK, OWN_CLAIM, Asked, Token
from tests.suites.worlds import AT

_SEEDS = 40  # in each of these tests, which run in any order


@pytest.mark.parametrize("start", range(0, 400, _SEEDS))
def test_whoever_gets_in_by_the_new_and_not_by_the_old_makes_diff_fail(start: int) -> None:
    tried = [try_pair(seed) for seed in range(start, start + _SEEDS)]

    assert [one.missed for one in tried if one.missed] == []
    assert sum(one.is_opened for one in tried) > 1


ROUTE: Config = {
    "name": "a",
    "match": {"path_prefix": "/a/"},
    "upstream": "u",
    "rate_limits": ["each"],
    "limits": {"requests": 2},
    "cors": {"origins": ["https://page.example"]},
    "rewrite": {"request_headers": {"remove": ["X-Debug"]}},
    "require": {"issuers": ["m"], "scopes": ["a"]},
}
CONFIG: Config = {
    "version": 1,
    "issuers": {
        name: {"issuer": f"https://{name}.example", "discovery": True, "audiences": ["one"]}
        for name in ("m", "p")
    },
    "upstreams": {name: {"servers": [f"http://{name}:1"]} for name in ("u", "w")},
    "rate_limits": {"each": {"rate": "3/1m", "key": ["route"]}},
    "identity": {"headers": {"X-User": "sub"}},
    "routes": [ROUTE, {"name": "w", "match": {"path": "/w"}, "upstream": "w", "public": True}],
}
CLAIMS: Config = {
    "iss": "https://m.example",
    "aud": "one",
    "sub": "s",
    "client_id": "c",
    "email": OWN_CLAIM,
    "scope": "a b",
    "exp": int(AT) + 300,
}


def ask(path: str, **claims: object) -> Asked:
    """Return a request with everything that the judge may look at."""
    headers = (("X-Debug", MARK), ("X-User", MARK))
    request = SimulatedRequest("GET", "o.test", "o.test", path.encode(), headers)
    token = Token("https://m.example", {**CLAIMS, **claims})
    return Asked(request, token, page="https://page.example")


REPORTING: Config = {**CONFIG, "routes": [{**ROUTE, "mode": "report"}, CONFIG["routes"][1]]}

ALL_ASKED = [
    ask("/a/x"),
    ask("/a/b/x"),
    ask("/a/y", scope="b"),
    ask("/a/z", iss="https://p.example"),
]


def with_route(**changes: object) -> Config:
    return {**CONFIG, "routes": [{**ROUTE, **changes}, CONFIG["routes"][1]]}


def with_limit(**each: object) -> Config:
    return {**CONFIG, "rate_limits": {"each": each}}


def with_second_route(**changes: object) -> Config:
    part = {**ROUTE, "name": "b", "match": {"path_prefix": "/a/b/"}, **changes}
    return {**CONFIG, "routes": [*CONFIG["routes"], part]}


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        (with_route(require={"issuers": ["m"]}), "allowed"),
        (with_route(require={"scopes": ["a"]}), "allowed"),
        (with_route(upstream="w"), "sent to another server"),
        (with_route(rewrite={"strip_prefix": "/a"}), "sent to "),
        (with_route(rewrite={"host": "upstream"}), "sent to "),
        (with_route(rewrite={"query": {"set": {"admin": "1"}}}), "sent with admin=1"),
        (with_route(rewrite={"request_headers": {"set": {"X-Admin": "yes"}}}), "sent with X-"),
        (with_route(identity={"headers": {"X-User": "email"}}), "sent as X-User"),
        (with_route(identity={"headers": {"X-User": "client_id"}}), "sent as X-User"),
        ({**CONFIG, "identity": {"headers": {"X-Role": "sub"}}}, "sent with X-User"),
        (CONFIG | {"identity": {"headers": {"X-User": "sub"}, "forward_token": True}},
         "sent with the token"),
        (with_route(cors={"origins": ["https://page.example"], "credentials": True}), "pages may"),
        (with_route(limits={"requests": 3}), "requests 3"),
        (with_route(limits={}), "requests inf"),
        (with_limit(rate="3/1m", key=["route", "address"]), "admitted more often"),
        (with_limit(rate="4/1m", key=["route"]), "admitted more often"),
        (with_second_route(limits={"requests": 1}), "at once more often"),
    ],
)  # fmt: skip
def test_the_judge_of_the_pairs_sees_what_opens(new: Config, expected: str, tmp_path: Path) -> None:
    """A judge that sees nothing would find no miss."""
    before, after = (load_config(one, tmp_path / name) for one, name in ((CONFIG, "o"), (new, "n")))
    assert before is not None
    assert after is not None

    found = find_opening(Random(1), World(before), World(after), ALL_ASKED)

    assert found.startswith(expected)
    assert find_opening(Random(1), World(before), World(before), ALL_ASKED) == ""
    assert FAILING & compare(before, after, Question(AT), max_cells=1).kinds


@pytest.mark.parametrize(
    "require", [{"issuers": ["m"]}, {"issuers": ["m"], "scopes": ["b"]}, {"scopes": ["a"]}]
)
def test_the_judge_of_the_pairs_sees_whom_the_old_one_only_reports(
    require: Config, tmp_path: Path
) -> None:
    """A rule that is relaxed while its route only reports is relaxed for good."""
    new = with_route(require=require)
    before, after = (load_config(one, tmp_path / k) for one, k in ((REPORTING, "o"), (new, "n")))
    assert before is not None
    assert after is not None

    found = find_opening(Random(1), World(before), World(after), ALL_ASKED)

    assert found.startswith("accepted, and was only reported")
    kinds = compare(before, after, Question(AT), max_cells=1).kinds
    assert kinds & FAILING == {Kind.LOOSENED}
