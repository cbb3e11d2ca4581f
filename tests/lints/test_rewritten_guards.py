"""A route whose rewritten paths are what another one guards is found, and no other is."""

import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.decision.readings import find_odd
from gateway.decision.reason import Reason
from gateway.decision.routes.routing import Match, Route, RouteTable, find_conflicts
from gateway.decision.routes.segments import split_segments
from gateway.decision.rules.scopes import AllOf, AnyOf, NoneOf, compile_scopes
from gateway.decision.verdict import Deny
from gateway.http.service_view import make_view
from gateway.http.writing.rewriting import rewrite_target
from gateway.lints.rewritten_guards import find_meetings
from gateway.settings.values.rewrite import Rewrite
from tests.decision.policies import numbered, route
from tests.lints.warned import assert_warned, routes, warnings
from tests.settings.configs import config

ADMIN = "admin, match: {path_prefix: /admin/}, require: {scopes: [admin]}"
STRIP = "rewrite: {strip_prefix: /web}"
TENANT = "claims: {tenant: {equals: '{path.t}'}}"


def web(rest: str = "require: {}") -> str:
    return f"web, match: {{path_prefix: /web/}}, {STRIP}, {rest}"


USERS = "admin, match: {path: /admin/users}, require: {scopes: [admin]}"
SLASH = "allow_encoded_slash: true"
SEMICOLON = "allow_semicolon: true"


def one(rest: str, path: str = "/web/{x}") -> str:
    return f"web, match: {{path: '{path}'}}, {STRIP}, require: {{}}, {rest}"


WARNED = [
    [ADMIN, web()],
    [ADMIN, web("require: {scopes: [other]}")],
    [ADMIN, web("require: {scopes: {any: [admin, other]}}")],
    [ADMIN, web().replace("/web/}", "/web/, methods: [POST]}")],
    [ADMIN, web().replace("/web/}", "/web/, hosts: [a.example, '*.b.example']}")],
    [ADMIN, web().replace("prefix: /web/", ": '/web/{area}/{page}'").replace("path_:", "path:")],
    [ADMIN.replace("/admin/", "'/admin/{a}/{b}'").replace("path_prefix", "path"), web()],
    [ADMIN, web(), f"o, match: {{path: /web/admin/health}}, {STRIP}, require: {{scopes: [admin]}}"],
    [ADMIN, web("require: {scopes: [other, admin]}")],
    [ADMIN.replace("scopes: [admin]", "max_age: 5m"), web("require: {max_age: 6m}")],
    [f"a, match: {{path: '/{{t}}/x'}}, require: {{{TENANT}}}", web()],
    [
        f"a, match: {{path: '/{{t}}/{{u}}'}}, require: {{{TENANT}}}",
        f"b, match: {{path: '/web/{{u}}/{{t}}'}}, require: {{{TENANT}}}, {STRIP}",
    ],
    # What is sent may be read as another path than what was asked for.
    [USERS, one(SLASH)],
    [ADMIN, one(SLASH)],
    [USERS, one(SEMICOLON, "/web/admin/{x}/z")],
    [USERS, one(SEMICOLON, "/web/{x}/{y}/{z}")],
    [
        USERS.replace("/users}", "/users}, rewrite: {strip_prefix: /admin}"),
        one(SLASH, "/{x}").replace(STRIP + ", ", ""),
    ],
]
SILENT = [
    [ADMIN, web("require: {scopes: [admin]}")],
    [
        ADMIN,
        web(),
        f"o, match: {{path_prefix: /web/admin/}}, {STRIP}, require: {{scopes: [admin]}}",
    ],
    [
        ADMIN.replace("/admin/", "/admin/, methods: [POST]"),
        web().replace("b/}", "b/, methods: [GET]}"),
    ],
    [ADMIN, web().replace("{strip_prefix: /web}", "{replace_prefix: {from: /web, to: /site}}")],
    [ADMIN, web().replace("{strip_prefix: /web}", "{host: upstream}")],
    [USERS, one(SLASH, "/web/own/{x}")],
    [USERS, one(SLASH).replace("require: {}", "require: {scopes: [admin]}")],
    [USERS, one(SEMICOLON, "/web/admin/users/x")],
    # The decision refuses such a reading of what is asked for.
    [USERS.replace("/admin", "/web/admin").replace("match", STRIP + ", match"), one(SLASH)],
    [ADMIN, web().replace("prefix: /web/", ": '/web/{area}'").replace("path_:", "path:")],
    [ADMIN.replace("require: {scopes: [admin]}", "public: true"), web("public: true")],
    [
        f"a, match: {{path: '/{{t}}/x'}}, require: {{{TENANT}}}",
        f"b, match: {{path: '/web/{{t}}/x'}}, require: {{{TENANT}}}, {STRIP}",
    ],
    [
        f"all, match: {{path_prefix: /web/}}, {STRIP}, require: {{}}",
        f"part, match: {{path_prefix: /web/admin/}}, {STRIP}, require: {{scopes: [admin]}}",
    ],
]


@pytest.mark.parametrize("lines", WARNED)
def test_a_route_that_reaches_what_another_one_guards_is_doubtful(
    lines: list[str], tmp_path: Path
) -> None:
    text = routes(*lines).replace("rewrite:", "¦rewrite:", 1)

    found = warnings(tmp_path, config(routes=text.replace("¦", "")))

    assert [one.code.value for one in found].count("guard_rewritten") == 1
    if len(found) == 1:
        assert_warned(tmp_path, "guard_rewritten", config(routes=text))


@pytest.mark.parametrize("lines", SILENT)
def test_a_route_that_does_not_is_none_to_speak_of(lines: list[str], tmp_path: Path) -> None:
    found = warnings(tmp_path, config(routes=routes(*lines)))

    assert "guard_rewritten" not in {one.code.value for one in found}


def test_it_is_the_guard_that_is_rewritten(tmp_path: Path) -> None:
    text = routes(
        "web, match: {path_prefix: /}, require: {}",
        "guarded, match: {path_prefix: /api/}, rewrite: {strip_prefix: /api},"
        " require: {scopes: [admin]}",
    )

    (found,) = warnings(tmp_path, config(routes=text))

    assert found.message == (
        f"`guarded` ({tmp_path}/gateway.yaml:8) guards `/api/x`, which the service receives"
        " as `/x`; it receives the same for `/x`, where `web` requires less"
    )


def test_a_route_is_told_of_once(tmp_path: Path) -> None:
    """Each may ask for what the other does not, and there may be others."""
    other = "other, match: {path: /a}, require: {scopes: [a]}"

    (found,) = warnings(
        tmp_path, config(routes=routes(ADMIN, other, web("require: {scopes: [w]}")))
    )

    assert found.message.endswith("the same holds for 1 more")


def test_two_upstreams_with_one_server_are_one_service(tmp_path: Path) -> None:
    upstreams = "upstreams:\n" + "".join(
        f'  {name}: {{servers: ["http://10.0.0.{number}"]}}\n'
        for name, number in (("orders", 7), ("again", 7), ("else", 8))
    )
    lines = [ADMIN, web() + ", upstream: again", web().replace("web", "w") + ", upstream: else"]

    found = warnings(tmp_path, config(upstreams=upstreams, routes=routes(*lines)))

    assert [one.code.value for one in found] == ["guard_rewritten"]
    assert "`web`" in found[0].message


# --- the law

REFUSAL = Deny(Reason.PATH_REJECTED, "")
RULES = [
    None,
    compile_scopes("x"),
    compile_scopes("y"),
    compile_scopes(AllOf(("x", "y"))),
    compile_scopes(AnyOf(("x", "y"))),
    compile_scopes(NoneOf(("x",))),
]
GRANTS = [frozenset(one) for one in ((), ("x",), ("y",), ("x", "y"))]
WORDS = ("a", "b", "c")
METHODS: list[frozenset[str]] = [frozenset(), frozenset({"GET"}), frozenset({"PUT"})]
SERVERS = {"orders": frozenset({"10.0.0.7"}), "twin": frozenset({"10.0.0.7", "10.0.0.8"})}
ASKED = list(product(("else.test", "one.test", "z.two.test"), ("GET", "PUT", "POST")))
PATHS = [
    "/" + "/".join(words) + end
    for length in range(4)
    for words in product(WORDS, repeat=length)
    for end in (("", "/") if length else ("",))
]


@st.composite
def estates(
    draw: st.DrawFn, *, odd: bool = False
) -> tuple[tuple[Route, ...], list[Rewrite | None]]:
    """Return routes that do not tie, and what they rewrite.

    Where *odd* paths are what it is about, nothing else tells routes apart.
    """
    found: list[Route] = []
    rewrites: list[Rewrite | None] = []
    for number in range(draw(st.integers(2, 5))):
        segments = draw(
            st.lists(st.sampled_from(["a", "b", "{v}", "{w}"]), max_size=3, unique=True)
        )
        is_prefix = draw(st.booleans())
        end = "/*" if is_prefix else draw(st.sampled_from(["", "/"]) if segments else st.just("/"))
        public = draw(st.booleans())
        made = route(
            "".join(f"/{one}" for one in segments) + end,
            name=str(number),
            methods=frozenset() if odd else draw(st.sampled_from(METHODS)),
            hosts=() if odd else draw(st.sampled_from([(), ("one.test",), ("*.two.test",)])),
            upstream=draw(st.sampled_from(list(SERVERS))),
            public=public,
            optional=not public and draw(st.booleans()),
            scopes=None if public else draw(st.sampled_from(RULES)),
            allow_encoded_slash=odd,
            allow_semicolon=odd,
        )
        if find_conflicts(numbered([*found, made])):
            continue
        literals = next((i for i, one in enumerate(segments) if "{" in one), len(segments))
        cut = draw(st.integers(0, literals))
        prefix = draw(st.sampled_from([b"", b"/a", b"/b/a"]))
        rewrites.append(Rewrite(cut, prefix) if cut else None)
        found.append(made)
    return numbered(found), rewrites


def owned(table: RouteTable, rewrites: list[Rewrite | None]) -> Iterator[tuple[str, bytes, Route]]:
    """Yield the method, the service's path and the route of each request that has one."""
    for path, (host, method) in product(PATHS, ASKED):
        segments = split_segments(path.encode())
        assert isinstance(segments, tuple)
        match = table.find(host, segments, method)
        if isinstance(match, Match):
            rewrite = rewrites[match.route.index]
            raw = path.encode()
            yield method, raw if rewrite is None else rewrite_target(raw, rewrite), match.route


def passes(one: Route, granted: frozenset[str] | None) -> bool:
    """Return whether a caller with these scopes passes; None is one without a token.

    On a public route everybody is one without.
    """
    if one.public or granted is None:
        return one.public or one.optional
    return one.scopes is None or one.scopes.holds(granted)


def known(one: Route, granted: frozenset[str] | None) -> frozenset[str] | None:
    """Return what the service knows of who passed."""
    return None if one.public else granted


@settings(max_examples=150)
@given(estates())
def test_nothing_reaches_the_service_by_less_than_another_way_asks_for_without_a_warning(
    estate: tuple[tuple[Route, ...], list[Rewrite | None]],
) -> None:
    """Whoever has a path sent would have it sent by every route that has the same one sent.

    And where that is not so, the path that is warned of shows it.
    """
    built, rewrites = estate
    table = RouteTable(built)
    meetings = list(find_meetings(table, rewrites, SERVERS))
    warned = {(loose.route.index, tight.route.index) for loose, tight, _ in meetings}
    ways: dict[tuple[str, bytes], set[Route]] = {}
    for method, sent, one in owned(table, rewrites):
        ways.setdefault((method, sent), set()).add(one)
    for found in ways.values():
        for lax, strict in product(found, repeat=2):
            if not any(make_view(one, rewrites[one.index]).is_rewritten for one in (lax, strict)):
                continue  # another host tells them apart
            for granted in (None, *GRANTS):
                if passes(lax, granted) and not passes(strict, known(lax, granted)):
                    assert (lax.index, strict.index) in warned
    for loose, tight, common in meetings:
        if loose.is_reading:
            continue
        for view in (loose, tight):
            raw = "/" + "/".join(view.ask(common))
            rewrite = rewrites[view.route.index]
            made = raw.encode() if rewrite is None else rewrite_target(raw.encode(), rewrite)
            assert made.decode() == "/" + "/".join(common)
            owners = [table.find(host, view.ask(common), method) for host, method in ASKED]
            assert view.route in [one.route for one in owners if isinstance(one, Match)]
        assert any(
            passes(loose.route, granted) and not passes(tight.route, known(loose.route, granted))
            for granted in (None, *GRANTS)
        )


ODD = st.lists(
    st.tuples(
        st.sampled_from(["/", "%2F", "%2f"]),
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from(["", "", ";", ";v=a"]),
    ),
    min_size=1,
    max_size=4,
).map(lambda parts: "".join("".join(part) for part in [("/", *parts[0][1:]), *parts[1:]]))


def readings(sent: str) -> set[str]:
    """Return what services make of a path: slashes decoded, parameters cut off, the end trimmed."""
    found = {sent}
    for _ in range(5):
        for path in tuple(found):
            found |= {path.replace("%2F", "/"), path.replace("%2f", "/"), path.rstrip("/") or "/"}
            found |= {re.sub(";[^/]*", "", path), path.partition(";")[0]}
    return found


@settings(max_examples=300)
@given(estates(odd=True), st.lists(ODD, min_size=20, max_size=30))
def test_nothing_is_read_as_what_another_way_guards_without_a_warning(
    estate: tuple[tuple[Route, ...], list[Rewrite | None]], odd: list[str]
) -> None:
    """GHSA-6jwx-7vp4-9847 by way of CVE-2021-29492: the prefix goes, and an encoded slash stays."""
    built, rewrites = estate
    table = RouteTable(built)
    warned = {
        (lax.route.index, strict.route.index)
        for lax, strict, _ in find_meetings(table, rewrites, SERVERS)
    }
    guards: dict[str, set[Route]] = {}
    for _, sent, one in owned(table, rewrites):
        guards.setdefault(sent.decode(), set()).add(one)
    is_rewritten = [make_view(one, rewrites[one.index]).is_rewritten for one in built]
    for path in odd:
        lax = find_odd(table, (path.encode(), "one.test", "GET"), REFUSAL)
        if not isinstance(lax, Match):
            continue
        rewrite = rewrites[lax.route.index]
        raw = path.encode()
        sent = raw if rewrite is None else rewrite_target(raw, rewrite)
        read = [guards.get(one, set()) for one in readings(sent.decode())]
        for strict in set().union(*read):
            if not (is_rewritten[lax.route.index] or is_rewritten[strict.index]):
                continue  # another host tells them apart
            if SERVERS[lax.route.upstream].isdisjoint(SERVERS[strict.upstream]):
                continue
            for granted in (None, *GRANTS):
                if passes(lax.route, granted) and not passes(strict, known(lax.route, granted)):
                    assert (lax.route.index, strict.index) in warned
