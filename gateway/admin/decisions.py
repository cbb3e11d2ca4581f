"""Show what is remembered of a request that was refused, or would have been."""

from collections.abc import Mapping

from gateway.admin.told import documentation
from gateway.decision.policy import Policy
from gateway.decision.reason import Reason

_REASONS = {reason.code: reason for reason in Reason}

# Of a line of the access log: what the decision saw, but for whose token it was.
_KEPT = ("id", "time", "client", "method", "host", "path", "route", "upstream", "status")


def remembered_decision(line: Mapping[str, object], policy: Policy) -> Mapping[str, object]:
    """Return what ``/decisions`` shows of *line*, the members of one of the access log.

    The place of the route is the one it has now.
    """
    would_deny = line.get("would_deny")
    reason = _REASONS[str(line["reason"] or would_deny)]
    places = {route.name: route.place for route in policy.routes.routes}
    return {
        **{name: line[name] for name in _KEPT},
        "reason": line["reason"],
        "would_deny": would_deny,
        "detail": line["detail"],
        "issuer": line["issuer"],
        "place": places.get(str(line["route"])),
        "documentation": documentation(reason),
    }
