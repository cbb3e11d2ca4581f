"""Draw an explanation: a picture of every check on the way of a request."""

from collections.abc import Iterator
from html import escape

from gateway.admin.explanation import ExplanationView, StepView
from gateway.decision.verdict import Allow, Deny, LogIn
from gateway.http.rehearsal import REDIRECT_STATUS

_WIDTH = 760
_LEFT, _BOX = 70, 660  # where boxes begin, and how wide they are
_HEAD, _STEP, _GAP = 64, 58, 18  # heights: of the first and the last box, a step, between two
_SIGNS = 80  # that fit into one line of a box
_PLACE_SIGNS = 36
_FONT = "font-family: ui-monospace, monospace; font-size: 13px;"
_STYLE = """
.ground { fill: #ffffff } .box { fill: #f6f8fa; stroke: #c3ccd6 } text { fill: #1c2430 }
.dim { fill: #5a6675 } .good { stroke: #1b6e3c } .bad { stroke: #b3261e } .warn { stroke: #8a5a00 }
.good-text { fill: #1b6e3c } .bad-text { fill: #b3261e } .warn-text { fill: #8a5a00 }
.way { stroke: #5a6675; stroke-width: 2 }
@media (prefers-color-scheme: dark) {
.ground { fill: #12161c } .box { fill: #1a2029; stroke: #3b4654 } text { fill: #e4e9f0 }
.dim { fill: #9aa7b7 } .good { stroke: #7bd49b } .bad { stroke: #ff8a80 } .warn { stroke: #e8b75c }
.good-text { fill: #7bd49b } .bad-text { fill: #ff8a80 } .warn-text { fill: #e8b75c }
.way { stroke: #9aa7b7 } }
"""


def draw_explanation(view: ExplanationView) -> str:
    """Return *view* as SVG: the request, each check with what it expected and found, the end.

    It is one picture without scripts or links. Texts that do not fit are cut; hovering shows them.
    """
    steps = list(view.steps)
    height = 2 * _HEAD + len(steps) * (_STEP + _GAP) + 3 * _GAP
    target = view.request.target.decode("utf-8", "backslashreplace")
    host = view.request.fields.host.decode("utf-8", "backslashreplace")
    title = f"{view.request.method} {host}{target}"
    word, outcome, colour = _outcome(view)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img"'
        f' width="{_WIDTH}" height="{height}">',
        f"<title>{_text(title)}: {_text(word)}</title><style>{_STYLE} text {{ {_FONT} }}</style>",
        f'<rect class="ground" width="{_WIDTH}" height="{height}"/>',
        *_box(_GAP, _HEAD, ("the request", title)),
    ]
    top = _GAP + _HEAD
    for step in steps:
        lines += [*_way(top), *_step(top + _GAP, step)]
        top += _GAP + _STEP
    lines += [*_way(top), *_box(top + _GAP, _HEAD, (word, outcome), colour=colour), "</svg>"]
    return "\n".join(lines)


def _outcome(view: ExplanationView) -> tuple[str, str, str]:
    """Return how it ends, in a word, in a sentence, and in a colour."""
    verdict, deny = view.verdict, view.deny
    if isinstance(verdict, Allow):
        reported = "" if deny is None else f"; only reported: {deny.reason.code}"
        text = f"{view.route} sends it to {verdict.route.upstream}{reported}"
        return "allowed", text, "warn" if deny is not None else "good"
    if isinstance(verdict, Deny):
        reason = verdict.reason
        return "refused", f"{reason.status} {reason.code}: {verdict.detail}", "bad"
    if isinstance(verdict, LogIn):
        return (
            "redirected",
            f"{REDIRECT_STATUS}, to log in with {' or '.join(verdict.logins)}",
            "warn",
        )
    return "answered", f"{verdict.status}, by the gateway itself", "warn"


def _step(top: int, view: StepView) -> Iterator[str]:
    step = view.step
    word, colour = ("ok", "good") if step.holds else ("NO", "bad")
    place = "" if view.place is None else _end_of(view.place)
    lines = f"{step.check.value}: expected {step.expected}", f"found {step.found}"
    yield from _box(top, _STEP, lines, word, colour, place)


def _box(  # noqa: PLR0913, PLR0917 - all that is in a box
    top: int,
    height: int,
    lines: tuple[str, str],
    mark: str = "",
    colour: str = "",
    place: str = "",
) -> Iterator[str]:
    """Yield a box with two *lines*, a *mark* on its left, and a *place* behind the second line."""
    first, second = lines
    yield (
        f"<g><title>{_text(f'{first}: {second}')}</title>"
        f'<rect class="box {colour}" x="{_LEFT}" y="{top}" width="{_BOX}" height="{height}" rx="6"'
        ' stroke-width="1.5"/>'
    )
    if mark:
        middle = top + height // 2 + 5
        yield f'<text class="{colour}-text" x="28" y="{middle}" font-weight="700">{mark}</text>'
    style = "" if mark or not colour else f' class="{colour}-text" font-weight="700"'
    yield f'<text{style} x="{_LEFT + 14}" y="{top + 24}">{_text(_fit(first, _SIGNS))}</text>'
    left = _SIGNS - len(place) - 2 if place else _SIGNS
    second = _text(_fit(second, left))
    yield f'<text class="dim" x="{_LEFT + 14}" y="{top + 44}">{second}</text>'
    at = f'x="{_LEFT + _BOX - 14}" y="{top + 44}" text-anchor="end"'
    yield f'<text class="dim" {at}>{_text(place)}</text></g>'


def _way(top: int) -> Iterator[str]:
    """Yield the line from a box that ends at *top* to the next one."""
    middle = _LEFT + _BOX // 2
    yield f'<line class="way" x1="{middle}" y1="{top}" x2="{middle}" y2="{top + _GAP}"/>'


def _fit(text: str, signs: int) -> str:
    return text if len(text) <= signs else f"{text[: signs - 1]}…"


def _end_of(place: str) -> str:
    return place if len(place) <= _PLACE_SIGNS else f"…{place[1 - _PLACE_SIGNS :]}"


def _text(text: str) -> str:
    """Return *text* as XML: without characters that XML cannot have."""
    return escape(
        "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text)
    )
