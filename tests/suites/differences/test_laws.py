"""The laws of differences, each of them one sentence."""

import json
import random
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from gateway.settings.load import Loaded, load_settings
from gateway.suites.differences.compare import Difference, Question, compare
from gateway.suites.differences.facet import Kind
from gateway.suites.differences.side import Caller, Side
from gateway.suites.simulation.request import SimulatedRequest
from tests.suites.worlds import AT

Config = dict[str, Any]
Found = set[tuple[str, str, Kind]]  # the request, the caller, and how it differs

SCOPES = st.sampled_from(["s", "t", "u"])
GROUPS = st.sampled_from(["all", "any", "none"])
TERMS = SCOPES | st.builds(
    lambda key, terms: {key: terms}, GROUPS, st.lists(SCOPES, min_size=1, max_size=2, unique=True)
)
CLAIMS = st.dictionaries(
    st.sampled_from(["c", "d"]),
    st.sampled_from(
        [
            {"equals": "x"},
            {"in": ["x", "y"]},
            {"at_least": 2},
            {"exists": False},
            {"not_equals": "x"},
            {"matches": "?*"},
            {"contains": "x"},
        ]
    ),
    min_size=1,
    max_size=2,
)
REQUIRES = st.fixed_dictionaries(
    {},
    optional={
        "optional": st.booleans(),
        "issuers": st.sampled_from([["m"], ["p"], ["m", "p"]]),
        "scopes": st.lists(TERMS, min_size=1, max_size=2, unique_by=str),
        "claims": CLAIMS,
        "audiences": st.sampled_from([["a"], ["a", "b"]]),
        "max_age": st.just("5m"),
    },
)
MATCHES = st.fixed_dictionaries(
    {"path": st.sampled_from(["/a", "/a/{x}", "/a/b", "/c"])},
    optional={
        "hosts": st.sampled_from([["h.example"], ["*.h.example"], ["h.example", "i.example"]]),
        "methods": st.sampled_from([["GET"], ["GET", "POST"], ["PUT"]]),
    },
) | st.fixed_dictionaries({"path_prefix": st.sampled_from(["/", "/a/"])})
ISSUERS = st.fixed_dictionaries(
    {
        "issuer": st.just("https://m.example"),
        "discovery": st.just(True),
        "audiences": st.sampled_from([["a", "b"], ["a"], ["b"], "unchecked"]),
        "algorithms": st.sampled_from([["ES256"], ["ES256", "EdDSA"]]),
    },
    optional={
        "profile": st.sampled_from(["any", "rfc9068"]),
        "leeway": st.sampled_from(["5s", "30s"]),
        "mode": st.just("report"),
    },
)
PARTNER = {"issuer": "https://p.example", "discovery": True, "audiences": ["a"]}


@st.composite
def routes(draw: st.DrawFn) -> Config:
    route: Config = {
        "match": draw(MATCHES),
        "upstream": draw(st.sampled_from(["one", "two"])),
    }
    if draw(st.booleans()):
        route["public"] = True
        return route
    route["require"] = draw(REQUIRES)
    if draw(st.integers(0, 5)) == 0:
        route["mode"] = "report"
    return route


@st.composite
def configs(draw: st.DrawFn) -> Config:
    listed = draw(st.lists(routes(), min_size=1, max_size=4))
    config: Config = {
        "version": 1,
        "issuers": {"m": draw(ISSUERS), "p": PARTNER},
        "upstreams": {name: {"servers": [f"http://{name}:1"]} for name in ("one", "two")},
        "routes": [{"name": f"r{number}", **route} for number, route in enumerate(listed)],
    }
    if draw(st.booleans()):
        config["scope_implies"] = draw(st.sampled_from([{"u": ["s"]}, {"u": ["s", "t"]}]))
    return config


def load(config: Config) -> Loaded | None:
    """Return what is loaded, or None where two routes tie."""
    with TemporaryDirectory() as directory:
        path = Path(directory) / "gateway.yaml"
        path.write_text(json.dumps(config))
        loaded = load_settings(path, {})
    return loaded if isinstance(loaded, Loaded) else None


def both(old: Config, new: Config) -> tuple[Loaded, Loaded]:
    before, after = load(old), load(new)
    assume(before is not None)
    assume(after is not None)
    assert before is not None
    assert after is not None
    return before, after


def told(difference: Difference) -> Found:
    return {
        (cell.request.line, caller, cell.kind)
        for cell in difference.cells
        for caller in cell.callers
        if cell.kind in {Kind.OPENED, Kind.CLOSED}
    }


# Each example signs tokens and asks hundreds of questions twice.
SLOW = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])


def shuffled(value: Any, order: random.Random) -> Any:
    """Return *value* with everything in another order whose order says nothing."""
    if isinstance(value, dict):
        items = [(key, shuffled(one, order)) for key, one in value.items()]
        order.shuffle(items)
        return dict(items)
    if isinstance(value, list):
        listed = [shuffled(one, order) for one in value]
        order.shuffle(listed)
        return listed
    return value


@SLOW
@given(configs(), st.randoms(use_true_random=False))
def test_what_stands_in_another_order_is_no_difference(
    config: Config, order: random.Random
) -> None:
    before, after = both(config, shuffled(config, order))

    assert compare(before, after, Question(AT)).is_empty


@SLOW
@given(configs(), configs())
def test_what_opens_in_one_direction_closes_in_the_other(old: Config, new: Config) -> None:
    before, after = both(old, new)

    there, back = compare(before, after, Question(AT)), compare(after, before, Question(AT))

    assert bool(there.of(Kind.OPENED)) is bool(back.of(Kind.CLOSED))
    assert bool(there.of(Kind.CLOSED)) is bool(back.of(Kind.OPENED))
    assert not there.gaps


@SLOW
@given(configs(), configs())
def test_whoever_gets_in_or_out_does_so_by_a_rule_that_changed(old: Config, new: Config) -> None:
    before, after = both(old, new)

    difference = compare(before, after, Question(AT))

    assert bool(difference.changed) or not difference.cells


def _with_token(claims: Config, typ: str, algorithm: str) -> Caller:
    usual = {"sub": "s", "iat": int(AT), "jti": "j", "client_id": "c"}
    return Caller("random", claims["iss"], {**usual, **claims}, {"typ": typ}, algorithm)


VALUES = st.sampled_from(["x", "y", "z", 1, 2, 3, True, None, ["x"]])
TOKENS = st.fixed_dictionaries(
    {
        "iss": st.sampled_from(["https://m.example", "https://p.example"]),
        "aud": st.sampled_from(["a", "b", "c", ["a", "b"]]),
        "scope": st.sets(SCOPES).map(lambda scopes: " ".join(sorted(scopes))),
        "exp": st.sampled_from([AT + 300, AT + 300, AT - 3, AT - 20]),
    },
    optional={"c": VALUES, "d": VALUES, "auth_time": st.sampled_from([AT - 10, AT - 1000])},
)
CALLERS = st.just(Caller("nobody")) | st.builds(
    _with_token,
    TOKENS,
    st.sampled_from(["JWT", "at+jwt"]),
    st.sampled_from(["ES256", "EdDSA"]),
)
REQUESTS = st.builds(
    lambda method, host, path: SimulatedRequest(method, host, host, path),
    st.sampled_from(["GET", "POST", "PUT", "DELETE"]),
    st.sampled_from(["h.example", "i.example", "x.h.example", "other.example"]),
    st.sampled_from([b"/a", b"/a/b", b"/a/x", b"/c", b"/", b"/a/", b"/a/x/y", b"/z"]),
)


@settings(SLOW, max_examples=50)
@given(configs(), configs(), st.lists(st.tuples(CALLERS, REQUESTS), max_size=12))
def test_whoever_gets_in_from_now_on_is_not_alone(
    old: Config, new: Config, asked: list[tuple[Caller, SimulatedRequest]]
) -> None:
    """Where any token opens anything, some cell opens the same route instead of the same."""
    before, after = both(old, new)
    sides = Side(before, AT, {}), Side(after, AT, {})
    cells = compare(before, after, Question(AT)).of(Kind.OPENED)
    opened = {(cell.old.route, cell.new.route) for cell in cells}

    for caller, request in asked:
        was, will_be = (side.ask(caller, request) for side in sides)
        if will_be.is_allowed and not was.is_allowed:
            assert (was.route, will_be.route) in opened, (caller, request.line)
