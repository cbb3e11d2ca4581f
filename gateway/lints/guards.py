"""Warn about routes that open what others guard."""

from collections.abc import Iterator, Mapping

from gateway.decision.routes.routing import Route
from gateway.lints.nesting import Area, Nested, Nesting
from gateway.settings.text.document import Part
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.places import Places
from gateway.settings.values.configuration import Upstream


def find_opened_guards(nesting: Nesting, places: Places) -> Iterator[Fault]:
    """Yield a warning for each route without a token inside one that requires it.

    Not for every exception: a single path such as `/healthz` is clearly meant. But
    `/admin/{page}` opens nearly all of `/admin/`, and a prefix opens paths that do not exist yet.
    """
    for area in nesting.areas():
        yield from _opened_by_method(area, places)
    for pair in nesting.nested():
        if pair.adds_words and not (pair.is_part and pair.is_open_ended):
            continue
        for route in pair.inner.routes:
            guards = [one for one in pair.around.owners(route.methods) if _is_guarded(one)]
            if guards and not _is_guarded(route):
                message = (
                    f"`{route.name}` needs no token, and serves a part of what"
                    f" `{guards[0].name}` ({guards[0].place}) guards"
                )
                yield _at(route, places).key_warning(Code.GUARD_OPENED, message)


def _opened_by_method(area: Area, places: Places) -> Iterator[Fault]:
    guards = [route for route in area.routes if route.methods and _is_guarded(route)]
    for route in area.routes:
        if guards and not route.methods and not _is_guarded(route):
            guarded = sorted(frozenset().union(*(guard.methods for guard in guards)))
            message = (
                f"`{route.name}` needs no token, and serves every method but those of"
                f" `{guards[0].name}` ({guards[0].place}), which guards {', '.join(guarded)}"
            )
            yield _at(route, places).key_warning(Code.GUARD_OPENED, message)


def find_surrounded_guards(
    nesting: Nesting, upstreams: Mapping[str, Upstream], places: Places
) -> Iterator[Fault]:
    """Yield a warning for each open route around guarded ones that go to one of its servers.

    Many services treat `/admin`, `/Admin/` and `/admin/` as one path, and nearly all of them all
    hosts alike. The gateway does not: a request that the guarded route does not match falls to the
    open one.
    """
    servers = {
        name: frozenset(server.authority for server in one.servers)
        for name, one in upstreams.items()
    }
    for pairs, message in ((nesting.nested(), _by_path), (nesting.elsewhere(), _by_host)):
        surrounded: dict[str, tuple[Route, list[Route]]] = {}
        for pair in pairs:
            for outer, inner in _surrounded(pair):
                if not servers[outer.upstream].isdisjoint(servers[inner.upstream]):
                    surrounded.setdefault(outer.name, (outer, []))[1].append(inner)
        for outer, inner_routes in surrounded.values():
            first, *others = dict.fromkeys(inner_routes)
            more = f" (and of {len(others)} more)" if others else ""
            text = message(outer, f"`{first.name}` ({first.place}){more}", first)
            yield _at(outer, places).key_warning(Code.GUARD_SURROUNDED, text)


def _by_path(outer: Route, guarded: str, _first: Route) -> str:
    return (
        f"requests that `{outer.upstream}` may treat as paths of {guarded}, e.g. in other letter"
        " case or without the trailing slash, pass here without a token"
    )


def _by_host(outer: Route, guarded: str, first: Route) -> str:
    return (
        f"requests for paths of {guarded} with another Host than `{first.hosts[0]}` pass here"
        " without a token, and reach the same servers: write `hosts` here, or leave them out there"
    )


def _surrounded(pair: Nested) -> Iterator[tuple[Route, Route]]:
    for inner in pair.inner.routes:
        if not _is_guarded(inner):
            continue
        for outer in pair.around.owners(inner.methods):
            if not _is_guarded(outer):
                yield outer, inner


def _is_guarded(route: Route) -> bool:
    return not route.public and not route.optional


def _at(route: Route, places: Places) -> Part:
    part = places.route(route.name)
    return part.child("public") if route.public else part.child("require").child("optional")
