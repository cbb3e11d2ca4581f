"""Show an explanation: the decision, its reasons, and the bytes that would be sent."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final, assert_never

from gateway.decision.explaining.candidates import Candidate, Fit, find_candidates
from gateway.decision.explaining.explanation import Explanation
from gateway.decision.explaining.header_origins import HeaderOrigin, header_origins
from gateway.decision.explaining.steps import Setting, Step
from gateway.decision.explaining.token_steps import show_time
from gateway.decision.head import RequestHead
from gateway.decision.path import split_path
from gateway.decision.reason import Reason
from gateway.decision.routes.host import canonical_host
from gateway.decision.verdict import Allow, Deny, LogIn, Needed, Publish, Settled
from gateway.http.reading.grpc_request import is_grpc
from gateway.http.reading.request import Request
from gateway.http.rehearsal import NOT_SHOWN, REDIRECT_STATUS, Rehearsal
from gateway.http.writing.grpc_status import GrpcStatus, grpc_status_of
from gateway.http.writing.h2_head import render_h2_request
from gateway.settings.values.configuration import Upstream

PlaceOf = Callable[[Setting], str | None]
"""Returns the place of a setting: ``file:line``, or None if it is not known."""

# Of the routes at one path: more would hide the ones that matter.
_SHOWN_ROUTES: Final = 10
_SHOWN_NEAR: Final = 3

# How bytes of a head are shown that are not UTF-8.
_ESCAPED: Final = "backslashreplace"

_CREDENTIAL: Final = re.compile(rb"(\r\nAuthorization: )[^\r]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class StepView:
    """A step, with the *place* of the setting that requires it."""

    step: Step
    place: str | None


@dataclass(frozen=True, slots=True)
class HeaderView:
    """The origin of an identity header, with the *place* of its setting."""

    origin: HeaderOrigin
    place: str | None


@dataclass(frozen=True, slots=True, eq=False)
class ExplanationView:
    """The explanation of a request at the time *at*, ready to be shown.

    *deny* is why it is refused or redirected to log in, or would be if its route did not only
    report. *upstream* is where it is sent. *routes* are the relevant ones, *others* counts the rest
    by how they fit. *written* is the head that is sent upstream, without a credential, or the whole
    response of the gateway. *identity* are the identity headers of an allowed request,
    *grpc_status* is what a refused caller of gRPC receives.
    """

    request: Request
    verdict: Settled | LogIn
    deny: Deny | None
    route: str | None
    upstream: Upstream | None
    steps: tuple[StepView, ...]
    routes: tuple[Candidate, ...]
    others: Mapping[Fit, int]
    written: bytes
    at: float
    identity: tuple[HeaderView, ...] = ()
    grpc_status: GrpcStatus | None = None

    @property
    def servers(self) -> list[str]:
        """Return the URLs of the servers that may receive the request."""
        servers = () if self.upstream is None else self.upstream.servers
        return [f"{'https' if one.tls else 'http'}://{one.authority}" for one in servers]


def view_explanation(
    rehearsal: Rehearsal, request: Request, explanation: Explanation, at: float, place_of: PlaceOf
) -> ExplanationView:
    """Return the view of *request*; raise ValueError if anything is needed first."""
    verdict, route = explanation.verdict, explanation.route
    if isinstance(verdict, Needed):
        raise ValueError("no decision without keys, or the answer of an issuer")
    deny, upstream = None, None
    written = rehearsal.render(request, verdict, at, explanation.session)
    if isinstance(verdict, Allow):
        deny = verdict.would_deny
        upstream = rehearsal.settings.upstreams[verdict.route.upstream]
        written = _CREDENTIAL.sub(rb"\g<1>" + NOT_SHOWN, written)
        if upstream.is_http2:
            written = _as_h2(written, request, upstream)
    elif isinstance(verdict, Deny):
        deny = verdict
    elif isinstance(verdict, LogIn):
        deny = verdict.deny
    candidates = _candidates(request, rehearsal)
    shown = _relevant(request, candidates)
    return ExplanationView(
        request=request,
        verdict=verdict,
        deny=deny,
        route=None if route is None else route.name,
        upstream=upstream,
        steps=tuple(
            StepView(step, None if step.setting is None else place_of(step.setting))
            for step in explanation.steps
        ),
        routes=shown,
        others=Counter(one.fit for one in candidates if one not in shown),
        written=written,
        at=at,
        identity=_identity(verdict, rehearsal, place_of),
        grpc_status=_grpc_status(verdict, request, rehearsal),
    )


def _grpc_status(
    verdict: Settled | LogIn, request: Request, rehearsal: Rehearsal
) -> GrpcStatus | None:
    if not isinstance(verdict, Deny) or not rehearsal.is_call(request):
        return None
    return grpc_status_of(verdict.reason)


def _as_h2(head: bytes, request: Request, upstream: Upstream) -> bytes:
    """Return *head* as it is sent over HTTP/2, a field in each line."""
    scheme = b"https" if upstream.servers[0].tls else b"http"
    takes_trailers = is_grpc(request) or request.accepts_trailers()
    fields = render_h2_request(head, scheme, takes_trailers)
    return b"".join(b"%b: %b\r\n" % one for one in fields) + b"\r\n"


def _identity(
    verdict: Settled | LogIn, rehearsal: Rehearsal, place_of: PlaceOf
) -> tuple[HeaderView, ...]:
    if not isinstance(verdict, Allow) or verdict.token is None:
        return ()
    origins = header_origins(verdict.token, verdict.route, rehearsal.settings.policy)
    return tuple(HeaderView(one, place_of(one.setting)) for one in origins)


def _candidates(request: Request, rehearsal: Rehearsal) -> Sequence[Candidate]:
    host = canonical_host(request.fields.host)
    if request.fields.fault is not None or host is None:
        return ()
    head = RequestHead(request.method, host, request.target, ())
    return find_candidates(head, rehearsal.settings.policy)


def _relevant(request: Request, candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Return the routes that match the path; if none does, those with the most similar paths."""
    fitting = [one for one in candidates if one.fit is not Fit.OTHER_PATH][:_SHOWN_ROUTES]
    if any(one.fit is not Fit.OTHER_HOST for one in fitting):
        return tuple(fitting)
    by_path = {one.route.path: one for one in candidates if one.fit is Fit.OTHER_PATH}
    path = split_path(request.target).decode("latin-1")
    return (*fitting, *(by_path[near] for near in get_close_matches(path, by_path, _SHOWN_NEAR)))


def documentation(reason: Reason) -> str:
    """Return the place in the documentation of what *reason* means, and what to do."""
    return f"docs/reasons.md#{reason.code}-{reason.status}"


def view_as_json(view: ExplanationView) -> dict[str, object]:
    """Return *view* as JSON values; ``docs/explain.md`` documents them."""
    verdict, deny, request = view.verdict, view.deny, view.request
    head, _, body = view.written.decode("utf-8", _ESCAPED).partition("\r\n\r\n")
    is_allowed = isinstance(verdict, Allow)
    return {
        "verdict": name_verdict(verdict),
        "status": _status(verdict),
        "grpc_status": None if view.grpc_status is None else int(view.grpc_status),
        "reason": deny.reason.code if deny is not None and not is_allowed else None,
        "would_deny": deny.reason.code if is_allowed and deny is not None else None,
        "detail": None if deny is None else deny.detail,
        "documentation": None if deny is None else documentation(deny.reason),
        "at": show_time(view.at),
        "request": {
            "method": request.method,
            "host": request.fields.host.decode("utf-8", _ESCAPED),
            "target": request.target.decode("utf-8", _ESCAPED),
        },
        "login": _login(verdict) if isinstance(verdict, LogIn) else None,
        "route": view.route,
        "upstream": None if view.upstream is None else view.upstream.name,
        "servers": view.servers,
        "steps": [_step(one) for one in view.steps],
        "routes": [_route(one) for one in view.routes],
        "other_routes": {_word(fit): count for fit, count in view.others.items()},
        "identity": [_header(one) for one in view.identity],
        "forwarded": f"{head}\r\n\r\n" if is_allowed else None,
        "answer": {"head": f"{head}\r\n\r\n", "body": body} if head and not is_allowed else None,
    }


def name_verdict(verdict: Settled | LogIn) -> str:
    """Return ``allow``, ``refused``, ``login`` or ``published``."""
    match verdict:
        case Allow():
            return "allow"
        case Deny():
            return "refused"
        case LogIn():
            return "login"
        case Publish():
            return "published"
        case _:
            assert_never(verdict)


def _status(verdict: Settled | LogIn) -> int | None:
    if isinstance(verdict, Deny):
        return verdict.reason.status
    return REDIRECT_STATUS if isinstance(verdict, LogIn) and verdict.deny is not None else None


def _login(verdict: LogIn) -> Mapping[str, object]:
    return {"names": list(verdict.logins), "endpoint": verdict.endpoint}


def _step(view: StepView) -> Mapping[str, object]:
    step = view.step
    return {
        "check": step.check.value,
        "holds": step.holds,
        "expected": step.expected,
        "found": step.found,
        "reason": None if step.reason is None else step.reason.code,
        "place": view.place,
    }


def _header(view: HeaderView) -> Mapping[str, object]:
    origin = view.origin
    return {
        "header": origin.name,
        "source": origin.source or None,
        "sent": origin.is_sent,
        "claims": list(origin.claims),
        "missing": list(origin.missing),
        "place": view.place,
    }


def _route(one: Candidate) -> Mapping[str, object]:
    return {"name": one.route.name, "fit": _word(one.fit), "place": one.route.place}


def _word(fit: Fit) -> str:
    return fit.name.lower()
