"""Write for people what becomes of a request, and why."""

from collections.abc import Iterator, Sequence

from gateway.admin.told import Told, ToldStep, documentation
from gateway.cli.output import escape
from gateway.decision.explaining.candidates import Fit
from gateway.decision.explaining.token_steps import show_time
from gateway.decision.verdict import Allow, Deny
from gateway.http.rehearsal import CLIENT, NOT_SHOWN, PSEUDONYM, REQUEST_ID

_STANDS_FOR = (
    (REQUEST_ID.decode(), "the id of the request"),
    (PSEUDONYM.decode(), "the gateway's name in Via"),
    (CLIENT, "the client's address"),
    (NOT_SHOWN.decode(), "the credential"),
)


def format_told(told: Told, notes: Sequence[str] = ()) -> str:
    """Return *told* in lines, with *notes* at the end; nothing in it steers a terminal."""
    lines = [
        *_verdict(told),
        "",
        "steps",
        *(line for one in told.steps for line in _step(one, told)),
        *_routes(told),
        *_written(told),
        *(("", *(f"note: {note}" for note in notes)) if notes else ()),
    ]
    return "\n".join(map(escape, lines))


def _verdict(told: Told) -> Iterator[str]:
    verdict, deny = told.verdict, told.deny
    if isinstance(verdict, Allow):
        yield f"allowed: {told.route} sends it to {verdict.route.upstream} ({_servers(told)})"
    elif isinstance(verdict, Deny):
        yield f"refused: {verdict.reason.status} {verdict.reason.code}"
    else:
        is_document = verdict.status == 200
        what = "a document that is published to everybody" if is_document else "what pages may ask"
        yield f"answered: {verdict.status}, with {what}"
    if deny is not None:
        told_as = "only reported" if isinstance(verdict, Allow) else "because"
        code = f"{deny.reason.code}: " if isinstance(verdict, Allow) else ""
        yield f"  {told_as}: {code}{deny.detail}"
        yield f"  what to do: {documentation(deny.reason)}"
    request = told.request
    host = request.fields.host.decode("utf-8", "backslashreplace")
    target = request.target.decode("utf-8", "backslashreplace")
    yield f"  {request.method} {target} on {host}, at {show_time(told.at)}"


def _servers(told: Told) -> str:
    return ", ".join(told.servers)


def _step(told: ToldStep, whole: Told) -> Iterator[str]:
    width = max(len(one.step.check.value) for one in whole.steps)
    step = told.step
    mark = "ok" if step.holds else "NO"
    place = "" if told.place is None else f"  [{told.place}]"
    yield f"  {mark}  {step.check.value:<{width}}  expected  {step.expected}{place}"
    yield f"      {'':<{width}}  found     {step.found}"


def _routes(told: Told) -> Iterator[str]:
    if not (told.routes or told.others):
        return
    yield ""
    yield "routes"
    width = max((len(one.route.name) for one in told.routes), default=0)
    for one in told.routes:
        like = f", but looks like it: {one.route.path}" if one.fit is Fit.OTHER_PATH else ""
        yield f"  {one.route.name:<{width}}  {one.fit.value}{like}  [{one.route.place}]"
    for fit, count in told.others.items():
        yield f"  {count} more: {fit.value}" if told.routes else f"  {count}: {fit.value}"


def _written(told: Told) -> Iterator[str]:
    yield ""
    if isinstance(told.verdict, Allow):
        yield f"the head that {told.verdict.route.upstream} gets"
    else:
        yield "the answer"
    text = told.written.decode("utf-8", "backslashreplace")
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
