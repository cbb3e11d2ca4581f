"""Tell what becomes of a request, why, and what would be sent or answered."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from gateway.decision.explaining.candidates import Candidate, Fit, find_candidates
from gateway.decision.explaining.explanation import Explanation
from gateway.decision.explaining.steps import Step
from gateway.decision.head import RequestHead
from gateway.decision.path import split_path
from gateway.decision.reason import Reason
from gateway.decision.routes.host import canonical_host
from gateway.decision.verdict import Allow, Deny, NeedKeys, Settled
from gateway.http.reading.request import Request
from gateway.http.rehearsal import NOT_SHOWN, Rehearsal
from gateway.settings.values.configuration import Upstream

PlaceOf = Callable[[Step], str | None]
"""Says where the setting stands that asks for a step: ``file:line``, or None."""

# Of the routes at one path: whoever has more of them looks for long.
_SHOWN_ROUTES: Final = 10
_SHOWN_NEAR: Final = 3

_CREDENTIAL: Final = re.compile(rb"(\r\nAuthorization: )[^\r]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ToldStep:
    """A step, with the *place* of the setting that asks for it."""

    step: Step
    place: str | None


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """All there is to say of a request that is asked at the time *at*.

    *deny* is why it is refused; where it is let through all the same, why it would be.
    *upstream* is the service that gets it. *routes* are those worth a look, *others* counts
    the rest by how they fit. *written* is the head that the service gets, without a
    credential, or the whole answer of the gateway.
    """

    request: Request
    verdict: Settled
    deny: Deny | None
    route: str | None
    upstream: Upstream | None
    steps: tuple[ToldStep, ...]
    routes: tuple[Candidate, ...]
    others: Mapping[Fit, int]
    written: bytes
    at: float

    @property
    def servers(self) -> list[str]:
        """Return the URLs of the servers that may get the request."""
        servers = () if self.upstream is None else self.upstream.servers
        return [f"{'https' if one.tls else 'http'}://{one.authority}" for one in servers]


def tell(
    rehearsal: Rehearsal, request: Request, explanation: Explanation, at: float, place_of: PlaceOf
) -> Told:
    """Return all there is to say of *request*; raises ValueError where keys are needed first."""
    verdict, route = explanation.verdict, explanation.route
    if isinstance(verdict, NeedKeys):
        raise ValueError("nothing is decided before there are keys")
    deny, upstream = None, None
    written = rehearsal.render(request, verdict, at)
    if isinstance(verdict, Allow):
        deny = verdict.would_deny
        upstream = rehearsal.settings.upstreams[verdict.route.upstream]
        written = _CREDENTIAL.sub(rb"\g<1>" + NOT_SHOWN, written)
    elif isinstance(verdict, Deny):
        deny = verdict
    candidates = _candidates(request, rehearsal)
    shown = _worth_a_look(request, candidates)
    return Told(
        request=request,
        verdict=verdict,
        deny=deny,
        route=None if route is None else route.name,
        upstream=upstream,
        steps=tuple(ToldStep(step, place_of(step)) for step in explanation.steps),
        routes=shown,
        others=Counter(one.fit for one in candidates if one not in shown),
        written=written,
        at=at,
    )


def _candidates(request: Request, rehearsal: Rehearsal) -> Sequence[Candidate]:
    host = canonical_host(request.fields.host)
    if request.fields.fault is not None or host is None:
        return ()
    head = RequestHead(request.method, host, request.target, ())
    return find_candidates(head, rehearsal.settings.policy)


def _worth_a_look(request: Request, candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Return the routes that match the path, and where none does, those that look most like it."""
    fitting = [one for one in candidates if one.fit is not Fit.OTHER_PATH][:_SHOWN_ROUTES]
    if any(one.fit is not Fit.OTHER_HOST for one in fitting):
        return tuple(fitting)
    by_path = {one.route.path: one for one in candidates if one.fit is Fit.OTHER_PATH}
    path = split_path(request.target).decode("latin-1")
    return (*fitting, *(by_path[near] for near in get_close_matches(path, by_path, _SHOWN_NEAR)))


def documentation(reason: Reason) -> str:
    """Return where the documents say what *reason* means, and what to do."""
    return f"docs/reasons.md#{reason.code}-{reason.status}"
