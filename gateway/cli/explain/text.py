"""Format an explanation as text."""

from collections.abc import Iterator, Sequence

from gateway.admin.explanation import ExplanationView, StepView
from gateway.cli.output import escape
from gateway.decision.explaining.candidates import Fit
from gateway.decision.explaining.header_origins import HeaderOrigin
from gateway.decision.explaining.token_steps import show_time
from gateway.decision.verdict import Allow, Deny, LogIn
from gateway.http.rehearsal import CLIENT, NOT_SHOWN, PSEUDONYM, REDIRECT_STATUS, REQUEST_ID

_STANDS_FOR = (
    (REQUEST_ID.decode(), "the id of the request"),
    (PSEUDONYM.decode(), "the gateway's name in Via"),
    (CLIENT, "the client's address"),
    (NOT_SHOWN.decode(), "what only its receiver may see"),
)


def format_explanation(view: ExplanationView, notes: Sequence[str] = ()) -> str:
    """Return *view* as lines, with *notes* at the end, escaped for a terminal."""
    lines = [
        *_verdict(view),
        "",
        "steps",
        *(line for one in view.steps for line in _step(one, view)),
        *_routes(view),
        *_identity(view),
        *_written(view),
        *(("", *(f"note: {note}" for note in notes)) if notes else ()),
    ]
    return "\n".join(map(escape, lines))


def _verdict(view: ExplanationView) -> Iterator[str]:
    verdict, deny = view.verdict, view.deny
    if isinstance(verdict, Allow):
        yield f"allowed: {view.route} sends it to {verdict.route.upstream} ({_servers(view)})"
    elif isinstance(verdict, Deny):
        yield f"refused: {verdict.reason.status} {verdict.reason.code}"
        status = view.grpc_status
        if status is not None:
            yield f"  for the caller: grpc-status {status.value} {status.name}"
    elif isinstance(verdict, LogIn):
        yield _login(verdict)
    else:
        is_document = verdict.status == 200
        what = "a public document" if is_document else "a CORS preflight response"
        yield f"answered: {verdict.status}, with {what}"
    if deny is not None:
        label = "only reported" if isinstance(verdict, Allow) else "because"
        code = "" if isinstance(verdict, Deny) else f"{deny.reason.code}: "
        yield f"  {label}: {code}{deny.detail}"
        yield f"  what to do: gateway help {deny.reason.code}"
    request = view.request
    host = request.fields.host.decode("utf-8", "backslashreplace")
    target = request.target.decode("utf-8", "backslashreplace")
    yield f"  {request.method} {target} on {host}, at {show_time(view.at)}"


def _login(verdict: LogIn) -> str:
    names = " or ".join(verdict.logins)
    if verdict.deny is None:
        return f"answered: by the login {names} itself, as its {verdict.endpoint}"
    return f"redirected: {REDIRECT_STATUS}, to log in with {names}"


def _servers(view: ExplanationView) -> str:
    return ", ".join(view.servers)


def _step(view: StepView, whole: ExplanationView) -> Iterator[str]:
    width = max(len(one.step.check.value) for one in whole.steps)
    step = view.step
    mark = "ok" if step.holds else "NO"
    place = "" if view.place is None else f"  [{view.place}]"
    yield f"  {mark}  {step.check.value:<{width}}  expected  {step.expected}{place}"
    yield f"      {'':<{width}}  found     {step.found}"


def _routes(view: ExplanationView) -> Iterator[str]:
    if not (view.routes or view.others):
        return
    yield ""
    yield "routes"
    width = max((len(one.route.name) for one in view.routes), default=0)
    for one in view.routes:
        like = f", but looks like it: {one.route.path}" if one.fit is Fit.OTHER_PATH else ""
        yield f"  {one.route.name:<{width}}  {one.fit.value}{like}  [{one.route.place}]"
    for fit, count in view.others.items():
        yield f"  {count} more: {fit.value}" if view.routes else f"  {count}: {fit.value}"


def _identity(view: ExplanationView) -> Iterator[str]:
    if not view.identity:
        return
    yield ""
    yield "identity headers"
    width = max(len(one.origin.name) for one in view.identity)
    for one in view.identity:
        place = "" if one.place is None else f"  [{one.place}]"
        yield f"  {one.origin.name:<{width}}  {_origin(one.origin)}{place}"


def _origin(origin: HeaderOrigin) -> str:
    if not origin.source:
        return "not sent: false"
    if origin.missing:
        return f"not sent: {origin.source}: missing {', '.join(origin.missing)}"
    claims = ", ".join(origin.claims)
    return origin.source if origin.source == claims else f"{origin.source}: from {claims}"


def _written(view: ExplanationView) -> Iterator[str]:
    if not view.written:
        return
    yield ""
    if isinstance(view.verdict, Allow):
        yield f"the head that {view.verdict.route.upstream} gets"
    else:
        yield "the answer"
    text = view.written.decode("utf-8", "backslashreplace")
    head, _, body = text.partition("\r\n\r\n")
    for line in head.split("\r\n"):
        yield f"  {line}"
    if body:
        yield ""
        yield f"  {body}"
    used = [f"{sign} stands for {what}" for sign, what in _STANDS_FOR if sign in head]
    if used:
        yield ""
        yield f"{'; '.join(used)}."
