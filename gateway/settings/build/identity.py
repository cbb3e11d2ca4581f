"""Build what services receive about the caller."""

from gateway.decision.identity import CGI_PREFIX, Identity, canonical_alias
from gateway.decision.rules.claim_names import parse_claim_name
from gateway.settings.schema.models import IdentityModel
from gateway.settings.schema.types import TOKEN
from gateway.settings.text.document import Part
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.scalars import shorten

# Fields that frame the message, name the host, carry credentials, or that the gateway sets
# itself: a claim in one of them would let a token rewrite the request (RFC 9110, RFC 9112).
RESERVED = frozenset(
    b"host authorization cookie set-cookie connection keep-alive te trailer upgrade expect "
    b"transfer-encoding via forwarded date range max-forwards x-request-id x-real-ip "
    b"traceparent tracestate".split()
)
_RESERVED_STARTS = (b"content-", b"proxy-", b"x-forwarded-", b"sec-", b"if-")


def build_identity(model: IdentityModel, part: Part, faults: list[Fault]) -> Identity:
    """Return the sound headers, refusing names that a service could take for another."""
    headers: list[tuple[bytes, tuple[str, ...]]] = []
    owners: dict[bytes, str] = {}
    for name, claim in model.headers.items():
        item = part.child("headers").child(name)
        problem = _name_problem(name, owners)
        if problem is not None:
            faults.append(item.key_fault(Code.BAD_VALUE, problem))
            continue
        try:
            headers.append((name.encode("ascii"), parse_claim_name(claim)))
        except ValueError as error:
            faults.append(item.fault(Code.BAD_VALUE, str(error)))
    return Identity(tuple(headers), model.forward_token, _reserved(model, part, owners, faults))


def _reserved(
    model: IdentityModel, part: Part, owners: dict[bytes, str], faults: list[Fault]
) -> tuple[bytes, ...]:
    if model.assertion is None:
        return ()
    name = model.assertion.header
    carries_a_claim = name in owners.values()
    problem = _name_problem(name, owners)
    if problem is None and not carries_a_claim:
        return (name.encode("ascii"),)
    problem = problem or f"`{shorten(name)}` carries a claim already"
    at = part.child("assertion").child("header")
    faults.append(at.fault(Code.BAD_VALUE, problem))
    return ()


def _name_problem(name: str, owners: dict[bytes, str]) -> str | None:
    if not TOKEN.fullmatch(name):
        return f"`{shorten(name)}` is not the name of a header field"
    alias = canonical_alias(name.encode("ascii")).removeprefix(CGI_PREFIX)
    if alias in RESERVED or alias.startswith(_RESERVED_STARTS):
        return f"`{shorten(name)}` has a meaning of its own and cannot carry a claim"
    owner = owners.setdefault(alias, name)
    if owner != name:
        return f"`{shorten(name)}` and `{shorten(owner)}` are one name to some services"
    return None
