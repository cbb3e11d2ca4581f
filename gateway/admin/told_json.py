"""Show all there is to say of a request as JSON."""

from collections.abc import Mapping

from gateway.admin.told import Told, ToldStep, documentation
from gateway.decision.explaining.candidates import Candidate, Fit
from gateway.decision.explaining.token_steps import show_time
from gateway.decision.verdict import Allow, Deny

# What people read of a head whose bytes are not all UTF-8.
_ESCAPED = "backslashreplace"


def told_as_json(told: Told) -> dict[str, object]:
    """Return *told* as values that JSON knows; documented in ``docs/explain.md``."""
    verdict, deny, request = told.verdict, told.deny, told.request
    head, _, body = told.written.decode("utf-8", _ESCAPED).partition("\r\n\r\n")
    is_allowed = isinstance(verdict, Allow)
    return {
        "verdict": "allow" if is_allowed else "refused" if deny is not None else "published",
        "status": verdict.reason.status if isinstance(verdict, Deny) else None,
        "reason": verdict.reason.code if isinstance(verdict, Deny) else None,
        "would_deny": deny.reason.code if is_allowed and deny is not None else None,
        "detail": None if deny is None else deny.detail,
        "documentation": None if deny is None else documentation(deny.reason),
        "at": show_time(told.at),
        "request": {
            "method": request.method,
            "host": request.fields.host.decode("utf-8", _ESCAPED),
            "target": request.target.decode("utf-8", _ESCAPED),
        },
        "route": told.route,
        "upstream": None if told.upstream is None else told.upstream.name,
        "servers": told.servers,
        "steps": [_step(one) for one in told.steps],
        "routes": [_route(one) for one in told.routes],
        "other_routes": {_word(fit): count for fit, count in told.others.items()},
        "forwarded": f"{head}\r\n\r\n" if is_allowed else None,
        "answer": None if is_allowed else {"head": f"{head}\r\n\r\n", "body": body},
    }


def _step(told: ToldStep) -> Mapping[str, object]:
    step = told.step
    return {
        "check": step.check.value,
        "holds": step.holds,
        "expected": step.expected,
        "found": step.found,
        "reason": None if step.reason is None else step.reason.code,
        "place": told.place,
    }


def _route(one: Candidate) -> Mapping[str, object]:
    return {"name": one.route.name, "fit": _word(one.fit), "place": one.route.place}


def _word(fit: Fit) -> str:
    return fit.name.lower()
