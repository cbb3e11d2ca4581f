"""An open route of an included file that owns what another file guards is found."""

from itertools import product
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from gateway.decision.routes.routing import Match, Route, RouteTable
from gateway.lints.taken_guards import find_taken_guards
from gateway.settings.load import Loaded
from tests.lints.warned import routes, warnings
from tests.settings.configs import config, outcome_of

ADMIN = "admin, match: {path_prefix: /admin/}, require: {scopes: [admin]}"
ALL = "all, match: {path_prefix: /}, require: {}"
ONE_WORD = "one, match: {path: '/a/{x}/c'}, require: {}"
DEBUG = "debug, match: {path: /admin/debug}, "


def found(directory: Path, main: str, team: str, entry: str = "team.yaml") -> list[tuple[str, int]]:
    """Return the codes and lines in the team's file of all warnings."""
    (directory / "team.yaml").write_text(team)
    warned = warnings(directory, config(f"include: [{entry}]\n", routes=main))
    assert all(Path(fault.place.file).name == "team.yaml" for fault in warned), warned
    return [(fault.code.value, fault.place.line) for fault in warned]


OPENED = [
    (ADMIN, f"{DEBUG}public: true"),
    (ADMIN, f"{DEBUG}require: {{optional: true, scopes: [admin]}}"),
    (ADMIN, f"{DEBUG}public: true".replace("debug}", "debug, hosts: [a.example]}")),
    (ADMIN, f"{DEBUG}public: true".replace("debug}", "debug, methods: [GET]}")),
    (ADMIN, "mine, match: {path_prefix: /, hosts: [a.example]}, public: true"),
    (ADMIN, "mine, match: {path_prefix: /, hosts: ['*.example']}, public: true"),
    (ADMIN, "mine, match: {path_prefix: '/{x}/', hosts: [a.example]}, public: true"),
    (ADMIN, "mine, match: {path_prefix: /admin/, hosts: [a.example]}, public: true"),
    (
        ADMIN.replace("/admin/}", "/admin/, hosts: ['*.example']}"),
        "mine, match: {path_prefix: /, hosts: [a.example]}, public: true",
    ),
    (ALL, "mine, match: {path_prefix: /, hosts: [a.example]}, public: true"),
    (
        ALL.replace("/}", "/, hosts: [a.example]}"),
        "mine, match: {path: /debug, hosts: [a.example]}, public: true",
    ),
    (
        ALL.replace("/}", "/, hosts: ['*.example']}"),
        "mine, match: {path: /debug, hosts: [a.example]}, public: true",
    ),
    (ONE_WORD, "mine, match: {path: '/a/b/{y}'}, public: true"),
    (ONE_WORD, "mine, match: {path_prefix: /a/b/}, public: true"),
    (ONE_WORD, "mine, match: {path: '/{x}/b/c', hosts: [a.example]}, public: true"),
]
KEPT = [
    (ADMIN, f"{DEBUG}require: {{}}".replace("{}", "{scopes: [debug]}")),
    (ADMIN, "mine, match: {path: /healthz}, public: true"),
    (ALL, "mine, match: {path: /healthz, hosts: [a.example]}, public: true"),
    (ADMIN.replace("/}", "/, hosts: [b.example]}"), f"{DEBUG}public: true"),
    (
        ADMIN.replace("/}", "/, hosts: [b.example]}"),
        "mine, match: {path_prefix: /, hosts: [a.example]}, public: true",
    ),
    (
        ADMIN.replace("/}", "/, methods: [POST]}"),
        f"{DEBUG}public: true".replace("debug}", "debug, methods: [GET]}"),
    ),
]


@pytest.mark.parametrize(("main", "team"), OPENED)
def test_what_opens_the_guard_of_another_file_is_warned_of_once(
    main: str, team: str, tmp_path: Path
) -> None:
    assert found(tmp_path, routes(main), routes(team)) == [("guard_opened", 2)]


@pytest.mark.parametrize(("main", "team"), KEPT)
def test_what_takes_nothing_of_a_guard_is_no_doubt(main: str, team: str, tmp_path: Path) -> None:
    assert found(tmp_path, routes(main), routes(team)) == []


def test_the_exceptions_of_one_file_are_its_own(tmp_path: Path) -> None:
    one_path = "mine, match: {path: /healthz}, require: {}"

    assert found(tmp_path, routes(one_path), routes(ADMIN, f"{DEBUG}public: true")) == []
    assert warnings(tmp_path, config(routes=routes(ADMIN, f"{DEBUG}public: true"))) == ()


OWN = "issuers:\n  team: {issuer: 'https://team.example/', discovery: true, audiences: [orders]}\n"


@pytest.mark.parametrize(
    ("main", "require", "found_at"),
    [
        (ADMIN, "{issuers: [team], scopes: [admin]}", [("guard_opened", 4)]),
        (ADMIN, "{scopes: [admin]}", [("guard_opened", 4)]),
        (ADMIN, "{issuers: [main], scopes: [debug]}", []),
        (ADMIN.replace("{scopes", "{issuers: [main, team], scopes"), "{issuers: [team]}", []),
        (ALL, "{scopes: [debug]}", []),
    ],
)
def test_a_route_for_tokens_of_its_own_file_opens_what_is_guarded_from_them(
    main: str, require: str, found_at: list[tuple[str, int]], tmp_path: Path
) -> None:
    """Whoever writes the file makes the tokens, with any scope."""
    team = OWN + routes(f"{DEBUG}require: {require}", "mine, match: {path: /mine}, require: {}")

    opened = found(tmp_path, routes(main), team, "{files: team.yaml, may: [issuers]}")

    assert [one for one in opened if one[0] == "guard_opened"] == found_at


SEGMENTS = ["a", "b", "{x}", "{y}"]
HOSTS = ["", "a.example", "b.a.example", "*.example", "*.a.example"]


@st.composite
def matches(draw: st.DrawFn) -> tuple[str, str, str, str]:
    """Return a path, how it matches, a host and a method, each perhaps none."""
    path = "".join(f"/{one}" for one in draw(st.lists(st.sampled_from(SEGMENTS), max_size=2)))
    if path.count("{x}") > 1 or path.count("{y}") > 1:
        path = path.replace("{x}", "a").replace("{y}", "b")
    key = draw(st.sampled_from(["path", "path_prefix"]))
    host, method = draw(st.sampled_from(HOSTS)), draw(st.sampled_from(["", "GET", "PUT"]))
    return path + "/" * (key == "path_prefix" or not path), key, host, method


def written(number: int, match: tuple[str, str, str, str], rest: str) -> str:
    path, key, host, method = match
    more = f", hosts: ['{host}']" * bool(host) + f", methods: [{method}]" * bool(method)
    return f"r{number}, match: {{{key}: '{path}'{more}}}, {rest}"


def takes(route: Route, every: RouteTable, main: RouteTable) -> bool:
    """Return whether *route* owns a request that is guarded without it, by trying all kinds."""
    for host, size in product(
        ["", "a.example", "b.a.example", "c.example", "c.a.example"], [1, 2, 3]
    ):
        for path in product(["a", "b", "c", ""], repeat=size):
            for method in ("GET", "PUT", "POST"):
                own, other = (one.find(host, path, method) for one in (every, main))
                if not isinstance(own, Match) or own.route is not route:
                    continue
                if isinstance(other, Match) and not other.route.public:
                    guard = other.route
                    is_last = guard.is_prefix and guard.path == "/" and not guard.hosts
                    if not is_last or (route.is_prefix and route.path == "/"):
                        return True
    return False


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    main=st.lists(st.tuples(matches(), st.booleans()), min_size=1, max_size=4),
    team=st.lists(matches(), min_size=1, max_size=2),
)
def test_whatever_is_taken_is_found_and_nothing_else(
    main: list[tuple[tuple[str, str, str, str], bool]],
    team: list[tuple[str, str, str, str]],
    tmp_path: Path,
) -> None:
    rests = ["public: true" if is_open else "require: {}" for _, is_open in main]
    guards = [
        written(n, one, rest) for n, ((one, _), rest) in enumerate(zip(main, rests, strict=True))
    ]
    (tmp_path / "team.yaml").write_text(
        routes(*(written(n + 9, one, "public: true") for n, one in enumerate(team)))
    )
    outcome = outcome_of(tmp_path, config("include: [team.yaml]\n", routes=routes(*guards)))
    assume(isinstance(outcome, Loaded))
    assert isinstance(outcome, Loaded)
    every = outcome.settings.policy.routes

    warned = {fault.place.line for fault in find_taken_guards(every, outcome.places)}

    alone = RouteTable(every.routes[: len(main)])
    added = every.routes[len(main) :]
    assert warned == {n + 2 for n, one in enumerate(added) if takes(one, every, alone)}


@pytest.mark.parametrize("confined", ["hosts: [a.example]", "under: [/admin/]"])
def test_a_file_that_is_confined_was_given_what_it_owns(confined: str, tmp_path: Path) -> None:
    team = routes(f"{DEBUG}public: true".replace("debug}", "debug, hosts: [a.example]}"))

    assert found(tmp_path, routes(ADMIN), team, f"{{files: team.yaml, {confined}}}") == []
