"""Close scope hierarchies: what a scope grants, directly or by what it grants."""

from collections.abc import Mapping, Sequence

from gateway.settings.text.document import Part
from gateway.settings.text.fault import Code, Fault


def close_scopes(
    implies: Mapping[str, Sequence[str]], part: Part, faults: list[Fault]
) -> dict[str, frozenset[str]]:
    """Return all that each scope grants besides itself; a cycle is a fault.

    In a cycle all scopes are one; whoever wrote it meant a hierarchy.
    """
    closed: dict[str, frozenset[str]] = {}
    for scope in implies:
        reached = _reach(scope, implies)
        if scope in reached:
            message = f"`{scope}` grants itself in the end: a hierarchy has no cycles"
            faults.append(part.child(scope).key_fault(Code.SCOPE_CYCLE, message))
        closed[scope] = reached
    return closed


def _reach(scope: str, implies: Mapping[str, Sequence[str]]) -> frozenset[str]:
    reached: set[str] = set()
    waiting = list(implies[scope])
    while waiting:
        granted = waiting.pop()
        if granted not in reached:
            reached.add(granted)
            waiting.extend(implies.get(granted, ()))
    return frozenset(reached)
