"""Give routes the logins that they name, and refuse those that could never work."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from gateway.decision.browser import LoginRule
from gateway.decision.routes.routing import Route
from gateway.decision.routes.template import Segment, parse_template
from gateway.settings.build.checks import refuse_repeated, refuse_unknown
from gateway.settings.build.login.logins import hosts_of
from gateway.settings.build.sections import Named
from gateway.settings.schema.routes.route import RouteModel
from gateway.settings.text.document import Part
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.scalars import shorten
from gateway.settings.values.login import Endpoint, LoginSettings


def refuse_logins_of_public_routes(named: Sequence[Named[RouteModel]], faults: list[Fault]) -> None:
    """Refuse `login` on public routes: nobody has to log in there."""
    for one in named:
        if one.model is not None and one.model.public and one.model.login is not None:
            message = (
                "a public route reads no session: write `require: {optional: true}` for a route"
                " that serves everybody and knows who has logged in"
            )
            faults.append(one.part.child("login").key_fault(Code.CONFLICTING_KEYS, message))


def add_logins(
    routes: Sequence[Route],
    named: Sequence[Named[RouteModel]],
    logins: Mapping[str, LoginSettings],
    known: Collection[str],
    faults: list[Fault],
) -> tuple[Route, ...]:
    """Return *routes*, each with the logins that it names; *named* are the routes as written.

    *known* are the names of all logins, faulty ones included.
    """
    rules = {name: make_rule(login) for name, login in logins.items()}
    by_name = {one.name: one for one in named}
    refuse_logins_of_public_routes(named, faults)
    found: list[Route] = []
    for route in routes:
        one = by_name[route.name]
        names = _names(one, known, faults)
        for number, name in enumerate(names):
            if name in logins:
                at = _place(one.part.child("login"), number)
                _refuse_useless(route, logins[name], at, faults)
        own = tuple(rules[name] for name in names if name in rules)
        found.append(replace(route, login=own) if own else route)
    _refuse_taken_paths(found, by_name, logins, faults)
    return tuple(found)


def make_rule(login: LoginSettings) -> LoginRule:
    """Return what the decision knows of *login*."""
    return LoginRule(
        login.name,
        frozenset(origin.text.encode("ascii") for origin in login.origins),
        frozenset(origin.authority.encode("ascii") for origin in login.origins),
    )


def _names(one: Named[RouteModel], known: Collection[str], faults: list[Fault]) -> Sequence[str]:
    login = None if one.model is None or one.model.public else one.model.login
    if login is None:
        return ()
    part = one.part.child("login")
    names = [login] if isinstance(login, str) else login
    for number, name in enumerate(names):
        refuse_unknown("login", name, known, _place(part, number), faults)
    refuse_repeated(names, part, faults)
    return names


def _place(part: Part, number: int) -> Part:
    """Return the part of one name: *part* is a name, or a list of them."""
    return part.child(number) if isinstance(part.raw, list) else part


def _refuse_useless(route: Route, login: LoginSettings, part: Part, faults: list[Fault]) -> None:
    """Refuse a login whose sessions the route would never accept."""
    if route.hosts and not any(_serves(route, host) for host in hosts_of(login)):
        shown = ", ".join(origin.text for origin in login.origins)
        message = (
            f"`{login.name}` logs in only on {shorten(shown)}, and none of these is a host of this"
            " route: add the route's host to its `origins`, or correct `hosts`"
        )
        faults.append(part.fault(Code.BAD_VALUE, message))
    if route.issuers is not None and login.issuer not in route.issuers:
        message = (
            f"`{login.name}` logs in at the issuer `{login.issuer}`, whose tokens this route does"
            " not accept: add it to `require.issuers`"
        )
        faults.append(part.fault(Code.BAD_VALUE, message))


def _refuse_taken_paths(
    routes: Sequence[Route],
    named: Mapping[str, Named[RouteModel]],
    logins: Mapping[str, LoginSettings],
    faults: list[Fault],
) -> None:
    """Refuse routes for the paths at which a login itself responds, on a host of it."""
    taken = {login.name: _taken(login) for login in logins.values()}
    for route in routes if taken else ():
        owned = (route.segments, route.is_prefix)
        for login in logins.values():
            if owned not in taken[login.name]:
                continue
            if not route.hosts or any(_serves(route, host) for host in hosts_of(login)):
                message = (
                    f"the login `{login.name}` ({login.place}) itself responds at"
                    f" `{login.prefix}/…`: write another `prefix` there, or give this route hosts"
                    " that are none of its `origins`"
                )
                at = named[route.name].part.child("match")
                faults.append(at.key_fault(Code.ROUTE_CONFLICT, message))
                break


def _taken(login: LoginSettings) -> frozenset[tuple[tuple[Segment, ...], bool]]:
    """Return the templates that can only be meant for the endpoints of *login*."""
    try:
        prefix = parse_template(f"{login.prefix}/", is_prefix=True)
    except ValueError:  # a fault of the prefix, reported with the login
        return frozenset()
    return frozenset(((prefix, True), *(((*prefix, one.value), False) for one in Endpoint)))


def _serves(route: Route, host: str) -> bool:
    return any(
        host == own or (own.startswith("*.") and host.endswith(own[1:])) for own in route.hosts
    )
