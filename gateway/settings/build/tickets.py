"""Build where one-time tickets are issued, and who gets one."""

import re
from collections.abc import Mapping, Sequence

from gateway.decision.routes.routing import Place, Route
from gateway.settings.build.login.routes import make_rule
from gateway.settings.build.routes.cors import build_one_cors
from gateway.settings.build.sections import Named
from gateway.settings.schema.routes.route import RouteModel
from gateway.settings.schema.tickets import TicketsModel
from gateway.settings.text.document import Part
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.scalars import shorten
from gateway.settings.values.login import LoginSettings
from gateway.settings.values.tickets import TicketSettings

# Long enough for a page to open a socket; a ticket in a log should be worthless by then.
_MAX_LIFETIME_SECONDS = 300.0

# No dot segments: it is compared with normalized paths (RFC 3986 §6.2.2.3).
_PATH = re.compile(r"(?:/(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._~-]+)+")


def build_tickets(
    model: TicketsModel | None,
    part: Part,
    routes: Sequence[Route],
    logins: Mapping[str, LoginSettings],
    faults: list[Fault],
) -> TicketSettings | None:
    """Return how tickets are issued; a token that no route takes by ticket gets none."""
    if model is None:
        return None
    is_path = _judge_path(model.path, part.child("path"), routes, logins, faults)
    if model.lifetime > _MAX_LIFETIME_SECONDS:
        message = f"longer than {_MAX_LIFETIME_SECONDS:g} s: a ticket may end up in a log"
        faults.append(part.child("lifetime").fault(Code.BAD_VALUE, message))
    owners = [one for one in routes if one.sources and Place.TICKET in one.sources.places]
    if not owners:
        message = "no route takes tickets: write `token_from: [ticket]` there, or leave this out"
        faults.append(part.key_fault(Code.CONFLICTING_KEYS, message))
    if not is_path:
        return None
    route = _make_route(model.path, owners, logins)
    cors = None
    if model.cors is not None:
        cors = build_one_cors(model.cors, route, part.child("cors"), faults)
    names = frozenset(one.name for one in owners)
    return TicketSettings(model.path.encode(errors="replace"), model.lifetime, route, names, cors)


def _judge_path(
    path: str,
    part: Part,
    routes: Sequence[Route],
    logins: Mapping[str, LoginSettings],
    faults: list[Fault],
) -> bool:
    """Refuse a *path* that another part answers, or that is none; return whether it is one."""
    if not _PATH.fullmatch(path):
        message = f"`{shorten(path)}` is not a plain path, e.g. /gateway/ticket"
        faults.append(part.fault(Code.BAD_VALUE, message))
        return False
    for route in routes:
        if route.path == path and not route.is_prefix:
            message = f"the route `{route.name}` ({route.place}) has this path: choose another one"
            faults.append(part.fault(Code.ROUTE_CONFLICT, message))
    for name, login in logins.items():
        if path.startswith(f"{login.prefix}/"):
            message = f"the login `{name}` answers below {login.prefix}/: choose another path"
            faults.append(part.fault(Code.ROUTE_CONFLICT, message))
    return True


def _make_route(path: str, owners: Sequence[Route], logins: Mapping[str, LoginSettings]) -> Route:
    """Return a route for the path, which accepts what one of *owners* might accept."""
    accepted = [one.issuers for one in owners]
    issuers = None if None in accepted else frozenset[str]().union(*filter(None, accepted))
    names = {rule.name for one in owners for rule in one.login}
    return Route(
        index=-1,
        name="tickets",
        hosts=(),
        path=path,
        is_prefix=False,
        methods=frozenset(("POST",)),
        upstream="",
        public=False,
        optional=False,
        issuers=issuers,
        scopes=None,
        claims=(),
        upgrades=frozenset(),
        allow_encoded_slash=False,
        allow_semicolon=False,
        place="tickets",
        login=tuple(make_rule(login) for name, login in logins.items() if name in names),
    )


def refuse_without_tickets(
    named: Sequence[Named[RouteModel]], root: Part, faults: list[Fault]
) -> None:
    """Refuse routes that take tickets if the main file, *root*, does not say who issues any."""
    if isinstance(root.raw, dict) and "tickets" in root.raw:
        return
    for one in named:
        places = (None if one.model is None else one.model.token_from) or ()
        for number, place in enumerate(places):
            if place == "ticket":
                message = "nobody issues tickets: write `tickets: {}` in the main file"
                at = one.part.child("token_from").child(number)
                faults.append(at.fault(Code.CONFLICTING_KEYS, message))
