"""Ask with a good token for what belongs to somebody else: another value in the path."""

from collections.abc import Iterator
from dataclasses import replace

from gateway.decision.decide import find_route
from gateway.decision.head import RequestHead
from gateway.decision.reason import Reason
from gateway.decision.routes.routing import Match
from gateway.decision.routes.template import Variable, parse_template
from gateway.decision.rules.operands import path_variables
from gateway.suites.asking.minting import bearer
from gateway.suites.asking.request import AskedRequest
from gateway.suites.asking.wire import authorization, write_head
from gateway.suites.hostile.attack import Attack, Guard, let_through
from gateway.suites.hostile.control import Control
from gateway.suites.samples.meaning import claim_holds

_FAILED = frozenset({Reason.CLAIM_RULE_FAILED})


def swap_variables(control: Control) -> Iterator[Attack]:
    """Yield the control's request with another value for each path variable that is compared."""
    credential = authorization(bearer(control.draft.sign()))
    for test in control.route.claims:
        guard = Guard(None, ("require", "claims", test.claim, test.operator))
        for name in sorted(path_variables(test.operand)):
            for other in _others(control.variables[name]):
                variables = {**control.variables, name: other}
                request = _with_variable(control, name, other)
                is_own = claim_holds(test, control.draft.claims, variables)
                if is_own or not _owns(control, request):
                    continue
                yield Attack(
                    "path-of-another", f"{{{name}}} is {other}", "OWASP API1:2023",
                    write_head(request, *credential), _FAILED, guard, let_through, request.line,
                )  # fmt: skip


def _others(value: str) -> list[str]:
    others = ("somebody-else", f"{value}x", value.swapcase(), value[:-1], "*", f"{value},x")
    return [other for other in dict.fromkeys(others) if other not in {"", ".", "..", value}]


def _with_variable(control: Control, name: str, value: str) -> AskedRequest:
    route, request = control.route, control.request
    path, mark, query = request.target.partition(b"?")
    parts = path[1:].split(b"/")
    for place, segment in enumerate(parse_template(route.path, route.is_prefix)):
        if isinstance(segment, Variable) and segment.name == name:
            parts[place] = value.encode()
    return replace(request, target=b"/" + b"/".join(parts) + mark + query)


def _owns(control: Control, request: AskedRequest) -> bool:
    head = RequestHead(request.method, request.host, request.target, ())
    match = find_route(head, control.stage.settings.policy)
    return isinstance(match, Match) and match.route is control.route
