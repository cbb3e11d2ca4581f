"""Surface: the request target, as far as the decision.

An input is a character that picks method and credentials, and the target.
"""

import re
from urllib.parse import unquote_to_bytes

from gateway.decision.decide import decide
from gateway.decision.head import RequestHead
from gateway.decision.policy import Policy
from gateway.decision.rules.scopes import compile_scopes
from gateway.decision.verdict import Allow, Deny
from tests.decision.policies import NOW, claims, issuer, policy, route
from tests.fuzz.token_bytes import ED25519_KEYS, ED25519_PRIVATE
from tests.tokens import mint

_METHODS = ("GET", "POST", "PUT", "get")
_TOKEN = mint(ED25519_PRIVATE, "EdDSA", claims(scope="orders:read"))
_CREDENTIALS = ((), (b"Bearer " + _TOKEN,))
_KEYS = {"main": ED25519_KEYS}

_MAX_INPUT_BYTES = 2048


def _policy() -> Policy:
    return policy(
        route("/public/*", public=True),
        route("/orders/{id}", scopes=compile_scopes("orders:read")),
        route("/orders/{id}/items/*", scopes=compile_scopes("orders:read")),
        route("/orders/{id}/items/secret", scopes=compile_scopes("admin")),
        route("/admin/*", scopes=compile_scopes("admin")),
        route("/public/admin", scopes=compile_scopes("admin")),
        route("/put", methods=frozenset({"PUT"})),
        issuers=(issuer(algorithms=frozenset({"EdDSA"})),),
    )


_REMEMBERS = _policy()

# What each route that anybody here gets through may mean to the most careless service.
_MAY_MEAN = {
    "/public/*": re.compile(rb"/public/(?!admin\Z).*", re.DOTALL),
    "/orders/{id}": re.compile(rb"/orders/[^/]+"),
    "/orders/{id}/items/*": re.compile(rb"/orders/[^/]+/items/(?!secret\Z).*", re.DOTALL),
    "/put": re.compile(rb"/put"),
}


def check_target(data: bytes) -> None:
    """Raise for a target that is let through and can be read as another."""
    if not 1 <= len(data) <= _MAX_INPUT_BYTES:
        return
    method = _METHODS[data[0] % 4]
    credentials = _CREDENTIALS[data[0] // 4 % 2]
    target = data[1:]
    head = RequestHead(method, "h", target, credentials)
    verdict = decide(head, _REMEMBERS, _KEYS, NOW)
    again = decide(head, _REMEMBERS, _KEYS, NOW)
    afresh = decide(head, _policy(), _KEYS, NOW)
    assert _told(verdict) == _told(again) == _told(afresh)
    bare = head._replace(target=target.partition(b"?")[0])
    assert _told(decide(bare, _REMEMBERS, _KEYS, NOW))[:2] == _told(verdict)[:2]
    if not isinstance(verdict, Allow):
        return
    assert verdict.target == target
    may_mean = _MAY_MEAN[verdict.route.name]
    for reading in _careless_readings(target):
        assert may_mean.fullmatch(reading), f"{target!r} can be read as {reading!r}"


def _told(verdict: object) -> tuple[object, ...]:
    match verdict:
        case Allow():
            return ("allow", verdict.route.name, verdict.target)
        case Deny():
            name = None if verdict.route is None else verdict.route.name
            return ("deny", name, verdict.reason)
    raise AssertionError(f"neither allowed nor denied: {verdict}")


def _careless_readings(target: bytes) -> set[bytes]:
    """Return how services read a path: decoded up to twice, with all that some of them undo."""
    readings = set()
    once = target.partition(b"?")[0].partition(b"#")[0]
    twice = unquote_to_bytes(once)
    for path in (once, twice, unquote_to_bytes(twice)):
        for variant in (path, path.replace(b"\\", b"/"), path.partition(b"\0")[0]):
            for bare in (variant, re.sub(rb";[^/]*", b"", variant)):
                readings.add(_resolved(bare))
                readings.add(_resolved(re.sub(rb"/+", b"/", bare)))
    return readings


def _resolved(path: bytes) -> bytes:
    """Remove dot segments (RFC 3986 §5.2.4)."""
    kept: list[bytes] = []
    segments = path.split(b"/")
    for segment in segments:
        if segment == b"..":
            kept[1:] = kept[1:-1]
        elif segment != b".":
            kept.append(segment)
    if segments[-1] in {b".", b".."}:
        kept.append(b"")
    return b"/".join(kept)
