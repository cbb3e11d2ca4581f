"""Find the requests for one-time tickets, and read what they ask for."""

import json
from typing import Final, NamedTuple

from gateway.decision.path import split_path
from gateway.decision.reason import Reason
from gateway.decision.verdict import Deny, Publish
from gateway.http.cors import cors_fields, grant_preflight
from gateway.http.reading.request import Request
from gateway.settings.values.tickets import TicketSettings

# A body names a route or a path.
MOST_BODY_BYTES: Final = 4 * 1024

_MEMBERS: Final = frozenset(("route", "path"))


class TicketCall(NamedTuple):
    """A request for a ticket; *fields* are the CORS fields of its response."""

    settings: TicketSettings
    fields: bytes


class WantedTicket(NamedTuple):
    """What a ticket is asked for: one route, by name, or one path; empty means any."""

    route: str = ""
    path: str = ""


def find_ticket_call(
    request: Request, settings: TicketSettings
) -> TicketCall | Publish | Deny | None:
    """Return what answers *request* if it is for the path of tickets; else None."""
    if split_path(request.target) != settings.path:
        return None
    if request.method == "POST":
        return TicketCall(settings, cors_fields(settings.cors, request))
    preflight = None if settings.cors is None else grant_preflight(request, settings.cors)
    if preflight is not None:
        return Publish(b"", settings.route, preflight)
    return Deny(Reason.METHOD_NOT_ALLOWED, "a ticket is asked for by POST", methods=("POST",))


def read_wanted(body: bytes) -> WantedTicket | None:
    """Return what *body* asks for; None if it is not an object with `route` or `path`, or both."""
    if not body.strip():
        return WantedTicket()
    try:
        members = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(members, dict) or not members.keys() <= _MEMBERS:
        return None
    # Neither a name nor a path has other characters, and not all of them can be encoded.
    if not all(isinstance(one, str) and one and one.isascii() for one in members.values()):
        return None
    return WantedTicket(**members)
