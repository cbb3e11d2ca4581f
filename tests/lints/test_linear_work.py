"""What a check costs grows as the configuration does: twice as much of anything, twice the work.

Work is counted, and not timed: calls, and the memory that is held at one time.
"""

import re
import time
import tracemalloc
from collections.abc import Callable
from cProfile import Profile
from pathlib import Path

import pytest

from gateway.lints.lint import lint
from gateway.settings.load import Loaded, load_settings
from gateway.settings.text.disk import MachineDisk
from gateway.settings.text.fault import Code
from tests.settings.configs import ENVIRON, ROUTES, config

# Twice as much is about twice the work, and four times as much where all is compared with all.
MOST_RATIO = 3.0

# In front of what an included file says.
INCLUDED = "# team.yaml:\n"


def lines(count: int, line: Callable[[int], str]) -> str:
    return "".join(line(number) for number in range(count))


def listed(count: int, item: Callable[[int], str]) -> str:
    return ", ".join(item(number) for number in range(count))


def routes(count: int, rest: Callable[[int], str], upstream: str = "orders") -> str:
    """Return so many routes; *rest* is what a route says besides its name, path and upstream."""
    return "routes:\n" + lines(
        count,
        lambda n: (
            f"  - {{name: r{n}, match: {{path_prefix: /p{n}/}}, "
            f"upstream: {upstream.format(n=n)}, {rest(n)}}}\n"
        ),
    )


def one_route(rest: str) -> str:
    return routes(1, lambda _: rest)


def many_issuers(count: int) -> str:
    return "issuers:\n" + lines(
        count,
        lambda n: (
            f'  i{n}: {{issuer: "https://i{n}.example/", discovery: true, audiences: [a{n}]}}\n'
        ),
    )


def many_upstreams(count: int, name: str) -> str:
    return "upstreams:\n" + lines(
        count, lambda n: f'  {name}{n}: {{servers: ["http://h{n}.example:8000"]}}\n'
    )


def long_scopes(count: int) -> str:
    """Return two scopes of so many letters that are one in all but their signs."""
    return routes(2, lambda n: f"require: {{scopes: ['{'abcdefg:.'[n : 8 + n] * count}']}}")


def long_claim(count: int) -> str:
    return config(
        routes=ROUTES.replace("require: {}", "require:\n      claims:\n")
        + f"        ? {'.'.join(['claim'] * count)}\n        : {{exists: true}}\n"
    )


def included(guards: str, count: int) -> str:
    """Return *guards*, and an included file with as many open routes, each all of a host."""
    opened = lines(
        count,
        lambda n: (
            f"  - {{name: t{n}, match: {{path_prefix: /, hosts: [t{n}.example]}}, "
            "upstream: orders, public: true}\n"
        ),
    )
    return config("include: [team.yaml]\n", routes=guards) + f"{INCLUDED}routes:\n{opened}"


KINDS: dict[str, Callable[[int], str]] = {
    "routes": lambda n: config(
        routes=routes(n, lambda i: f"require: {{scopes: [orders:read, 'team{i // 9}:read{i}']}}")
    ),
    "near-alike scopes": lambda n: config(
        routes=routes(
            n, lambda i: f"require: {{scopes: ['team-{chr(97 + i // 26)}{chr(97 + i % 26)}:read']}}"
        )
    ),
    "letters of a scope": lambda n: config(routes=long_scopes(4 * n)),
    "scopes of one route": lambda n: config(
        routes=one_route(f"require: {{scopes: [{listed(2 * n, lambda i: f'scope{i}')}]}}")
    ),
    "scopes that scopes grant": lambda n: config(
        "scope_implies:\n" + lines(n, lambda i: f"  admin{i}: [read{i}, write{i}]\n")
    ),
    "names in a claim": lambda n: long_claim(2 * n),
    "claims of one route": lambda n: config(
        routes=one_route(
            f"require: {{claims: {{{listed(n, lambda i: f'claim{i}: {{equals: v}}')}}}}}"
        )
    ),
    "letters of a path": lambda n: config(
        routes=ROUTES.replace("/orders/", f"/{'%41orders' * 9 * n}/")
    ),
    "hosts of one route": lambda n: config(
        routes=ROUTES.replace(
            "/orders/", f"/orders/, hosts: [{listed(2 * n, lambda i: f'h{i}.example')}]"
        )
    ),
    "issuers, and routes that take all": lambda n: config(
        issuers=many_issuers(n), routes=routes(n, lambda i: f"require: {{audiences: [a{i}]}}")
    ),
    "issuers, and routes that take one": lambda n: config(
        "identity: {headers: {X-User: sub}}\n",
        issuers=many_issuers(n),
        routes=routes(n, lambda i: f"require: {{issuers: [i{i}]}}"),
    ),
    "resources": lambda n: config(
        "resources:\n" + lines(n, lambda i: f'  s{i}: {{resource: "https://a.example/p{i}"}}\n'),
        routes=routes(n, lambda _: "require: {}").replace("/}", "/, hosts: [a.example]}"),
    ),
    "routes that are rewritten to one path, at servers of their own": lambda n: config(
        upstreams=many_upstreams(n, "u"),
        routes=routes(
            n, lambda i: f"require: {{scopes: [s{i}x]}}, rewrite: {{strip_prefix: /p{i}}}", "u{n}"
        ),
    ),
    "routes that are rewritten to one path, at one server": lambda n: config(
        routes=routes(n, lambda i: f"require: {{}}, rewrite: {{strip_prefix: /p{i}}}")
    ),
    "servers": lambda n: config(
        upstreams="upstreams:\n  orders: {servers: ["
        + listed(2 * n, lambda i: f"'http://h{i}.example:80'")
        + "]}\n"
    ),
    "warnings, and texts of the environment": lambda n: config(
        routes=routes(n, lambda _: "mode: report, require: {scopes: ['${HOST}']}")
    ),
    "silences": lambda n: config(
        routes=routes(n, lambda _: "mode: report, require: {}").replace(
            "  - {name", "  # gateway: allow report_only because of a trial\n  - {name"
        )
    ),
    "upstreams that are not there": lambda n: config(
        upstreams=many_upstreams(n, "up-"),
        routes=routes(n, lambda _: "require: {}", "upstream-{n}"),
    ),
    "keys that are not there": lambda n: config(
        routes=routes(n, lambda _: "require: {}").replace("require", "requires")
    ),
    "routes of one name": lambda n: config(
        routes=re.sub(r"name: r[0-9]+", "name: one", routes(n, lambda _: "require: {}"))
    ),
    "comments": lambda n: config("# gateway: allow" + " # gateway: allow x" * 4 * n + "\n"),
    "guards that open routes of an included file take": lambda n: included(
        routes(n, lambda _: "require: {}"), n
    ),
    "guards that open routes of an included file leave alone": lambda n: included(
        routes(n, lambda _: "require: {}").replace("/}", "/, hosts: [a.example]}"), n
    ),
}  # fmt: skip


def work(run: Callable[[], object]) -> tuple[int, int]:
    """Return how many calls *run* takes, and how many bytes it holds at most."""
    tracemalloc.start()
    try:
        run()
        most_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    with Profile() as profile:
        run()
    calls = sum(entry.callcount for entry in profile.getstats())
    return calls, most_bytes


def ratios(small: Callable[[], object], large: Callable[[], object]) -> tuple[float, float]:
    """Return how many times as many calls, and bytes, *large* takes."""
    (calls, held_bytes), (more_calls, more_bytes) = work(small), work(large)
    return more_calls / calls, more_bytes / held_bytes


class SmallDisk(MachineDisk):
    """Has no room for a file of the largest size at hand, which would hide what else is held."""

    def read(self, path: Path, most_bytes: int) -> bytes:
        return super().read(path, min(most_bytes, path.stat().st_size))


def check(text: str, directory: Path) -> None:
    file = directory / "gateway.yaml"
    main, _, team = text.partition(INCLUDED)
    file.write_text(main)
    (directory / "team.yaml").write_text(team)
    outcome = load_settings(file, ENVIRON, SmallDisk())
    if isinstance(outcome, Loaded):
        lint(outcome, time.time())
        return
    # Else nothing else would have been looked at.
    assert {fault.code for fault in outcome.faults}.isdisjoint({Code.NOT_YAML, Code.TOO_LARGE})


@pytest.mark.parametrize("kind", KINDS)
def test_twice_as_much_is_about_twice_the_work(kind: str, tmp_path: Path) -> None:
    make = KINDS[kind]
    check(make(2), tmp_path)  # what is made once for all

    found = ratios(lambda: check(make(200), tmp_path), lambda: check(make(400), tmp_path))

    assert max(found) < MOST_RATIO, found


def test_what_is_compared_with_all_others_or_kept_for_each_of_its_letters_would_be_seen() -> None:
    def compare(count: int) -> None:
        for one in range(count):
            for other in range(count):
                max(one, other)

    def keep(count: int) -> list[str]:
        return ["x" * count for _ in range(count)]

    assert ratios(lambda: compare(50), lambda: compare(100))[0] > MOST_RATIO
    assert ratios(lambda: keep(1000), lambda: keep(2000))[1] > MOST_RATIO
