"""Two policies that differ in several places at once, and how to tell what came of which one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tests.proxy.gateways import make_token

POLICIES: Final = ("a", "b")

# Sent with every request: each policy takes one of the two for a forged identity field, and only
# one of them lets a name with an underscore through.
FORGED: Final = b"X-Policy-A: forged\r\nX-Policy-B: forged\r\nX_Mark: 1\r\n"


def sections(policy: str, service_url: str, **changes: Any) -> dict[str, Any]:
    """Return the sections of the configuration of *policy*, in front of the service of its name.

    They differ in whom they let in, where requests go, what services are told of the caller,
    whether they see the token, and what becomes of a field with an underscore.
    """
    is_b = policy == "b"
    return {
        "access_log": "stdout",
        # Few enough for every machine's limit of open files, of which a start warns.
        "limits": {"connections": 500},
        "identity": {"headers": {f"X-Policy-{policy.upper()}": "sub"}, "forward_token": is_b},
        "underscore_names": "keep" if is_b else "drop",
        "upstreams": {"main": {"servers": [service_url]}},
        "routes": [
            {
                "name": "guarded",
                "match": {"path_prefix": "/guarded/"},
                "upstream": "main",
                "require": {"scopes": [f"{policy}:read"]},
            },
            {
                "name": "open",
                "match": {"path_prefix": "/open/"},
                "upstream": "main",
                "public": True,
            },
        ],
        **changes,
    }


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of request: *granted* are the policies that let it through."""

    path: str
    credential: bytes
    granted: frozenset[str]
    body: bytes = b""

    def request(self, number: str) -> bytes:
        """Return the request; *number* makes it unlike any other."""
        method = "POST" if self.body else "GET"
        length = b"Content-Length: %d\r\n" % len(self.body) if self.body else b""
        head = f"{method} /{self.path}/{number} HTTP/1.1\r\nHost: gateway.test\r\n".encode()
        return head + FORGED + self.credential + length + b"\r\n" + self.body

    def policy_of(self, number: str, status: int, head: bytes, body: bytes) -> str | None:
        """Return the only policy that answers so; None where none does."""
        if status == 200:
            policy = body[:1].decode("latin-1")
            whole = f"{policy} /{self.path}/{number} ".encode() + self.body
            return policy if policy in self.granted and body == whole else None
        asked = [one for one in POLICIES if f'scope="{one}:read"'.encode() in head]
        if status == 403 and len(asked) == 1 and asked[0] not in self.granted:
            return asked[0]
        return None


def kinds() -> Sequence[Kind]:
    """Return all kinds of requests, with tokens that last."""

    def credential(scope: str) -> bytes:
        return b"Authorization: Bearer " + make_token(scope=scope) + b"\r\n"

    both = frozenset(POLICIES)
    return (
        Kind("guarded", credential("a:read"), frozenset("a")),
        Kind("guarded", credential("b:read"), frozenset("b")),
        Kind("guarded", credential("a:read b:read"), both),
        Kind("guarded", credential("b:read a:read"), both, body=b"x" * 3000),
        Kind("open", b"", both),
    )


def fault_of(
    service: str,
    target: str,
    fields: Mapping[str, Sequence[str]],
    *,
    is_other_reserved: bool | None,
) -> str | None:
    """Return how a request that the service of a policy got is not by that policy; None if it is.

    *fields* are all of its values by name, in lower case. A forged field of the other policy's
    name passes only until that policy has been live: from then on the name is reserved for the
    gateway. *is_other_reserved* says which of the two holds, or None while a reload decides it.
    """
    own, other = f"x-policy-{service}", f"x-policy-{'b' if service == 'a' else 'a'}"
    is_guarded = target.startswith("/guarded/")
    expected = {
        own: ["alice"] if is_guarded else [],
        other: [] if is_other_reserved else ["forged"],
        "x_mark": ["1"] if service == "b" else [],
    }
    found = {name: list(fields.get(name, ())) for name in expected}
    if is_other_reserved is None and not found[other]:
        expected[other] = []
    has_token = "authorization" in fields
    if found == expected and has_token == (is_guarded and service == "b"):
        return None
    return f"service {service}: {target} with {found}, a token: {has_token}"
