"""Send forged identity headers, under every name that a service may accept."""

from collections.abc import Iterator, Sequence

from gateway.decision.identity import CGI_PREFIX, Identity, canonical_alias
from gateway.decision.reason import Reason
from gateway.settings.schema.identity import DEFAULT_HEADER, DEFAULT_IDENTITY, TXN_HEADER
from gateway.suites.hostile.attack import Attack, Guard, Harm, let_through
from gateway.suites.hostile.control import Control
from gateway.suites.simulation.minting import bearer
from gateway.suites.simulation.request import SimulatedRequest
from gateway.suites.simulation.sandbox import Sent
from gateway.suites.simulation.wire import Field, write_head

# In no token and no configuration, so that it cannot be confused with a true value.
FORGED = b"forged-by-an-attacker"

# Services may still read the default names if a configuration has others, and any name with the
# same prefix.
_ALWAYS = tuple(
    name.encode() for name in (*DEFAULT_IDENTITY, DEFAULT_HEADER, TXN_HEADER, "X-Gateway-Forged")
)

_GUARD = Guard(None, ())
_SOURCE = "CVE-2025-64484"

# A configuration may refuse names with an underscore.
_REFUSED = frozenset({Reason.REQUEST_MALFORMED})


def identity_names(identity: Identity) -> list[bytes]:
    """Return the header names that no client may send to a service under *identity*."""
    own = [name for name, _ in identity.headers]
    names = {canonical_alias(name): name for name in (*_ALWAYS, *identity.reserved, *own)}
    # Services read a CGI variable from the field that fills it.
    filled = [name[len(CGI_PREFIX) :] for alias, name in names.items() if _is_variable(alias)]
    return [*names.values(), *filled]


def _is_variable(alias: bytes) -> bool:
    return alias.startswith(CGI_PREFIX) and len(alias) > len(CGI_PREFIX)


def spoof_identity(control: Control) -> Iterator[Attack]:
    """Yield the valid request with identity headers next to the token."""
    credential = control.carry(bearer(control.draft.sign()))
    request, names = control.request, _names(control)
    harm = other_identity(control.sent, names)
    for variant, fields in identity_spellings(names).items():
        head = write_head(request, *fields, *credential)
        yield _attack("spoofed-identity", variant, _SOURCE, head, _REFUSED, harm, request)
        head = write_head(request, *credential, *fields)
        text = f"{variant}, after the token"
        yield _attack("spoofed-identity", text, _SOURCE, head, _REFUSED, harm, request)
    yield from _dropped(control, names, credential, harm)


def _dropped(
    control: Control, names: Sequence[bytes], credential: tuple[Field, ...], harm: Harm
) -> Iterator[Attack]:
    """Yield requests whose Connection header names the gateway's own headers."""
    request, forged = control.request, [(name, FORGED) for name in names]
    source = "CVE-2022-31813, CVE-2024-45410, RFC 9110 §7.6.1"
    connections = {
        "all in one field": [(b"Connection", b", ".join(names))],
        "with keep-alive": [(b"Connection", b"keep-alive, " + b", ".join(names))],
        "each in a field": [(b"Connection", name) for name in names],
        "in lower case": [(b"connection", b",".join(names).lower())],
        "with X-Forwarded-For and X-Request-Id": [
            (b"Connection", b"X-Forwarded-For, X-Forwarded-Host, Forwarded, Via, X-Request-Id, "
             + b", ".join(names))
        ],
    }  # fmt: skip
    for variant, fields in connections.items():
        head = write_head(request, *fields, *credential)
        yield _attack("connection-identity", variant, source, head, _REFUSED, harm, request)
        head = write_head(request, *fields, *forged, *credential)
        text = f"{variant}, and forged"
        yield _attack("connection-identity", text, source, head, _REFUSED, harm, request)


def spoof_instead(control: Control) -> Iterator[Attack]:
    """Yield the request with identity headers and no token."""
    request, names = control.request, _names(control)
    reasons = _REFUSED | {Reason.TOKEN_MISSING}
    harm = any_identity(names) if control.route.optional else let_through
    for variant, fields in identity_spellings(names).items():
        head = write_head(request, *fields)
        yield _attack("identity-without-token", variant, _SOURCE, head, reasons, harm, request)


def spoof_on_public(request: SimulatedRequest, names: Sequence[bytes]) -> Iterator[Attack]:
    """Yield *request*, of a public route, with identity headers, which services trust too."""
    source = "CVE-2025-64484"
    harm = any_identity(names)
    for variant, fields in identity_spellings(names).items():
        head = write_head(request, *fields)
        yield _attack("identity-on-public", variant, source, head, _REFUSED, harm, request)


def _attack(  # noqa: PLR0913, PLR0917 - all that an attack is made of
    name: str,
    variant: str,
    source: str,
    head: bytes,
    reasons: frozenset[Reason],
    harm: Harm,
    request: SimulatedRequest,
) -> Attack:
    return Attack(name, variant, source, head, reasons, _GUARD, harm, request.line)


def _names(control: Control) -> list[bytes]:
    return identity_names(control.sandbox.settings.policy.identity)


def identity_spellings(names: Sequence[bytes]) -> dict[str, list[Field]]:
    """Return all of *names* in each spelling that CGI and its successors accept."""
    spelt = {
        "as they are": names,
        "in lower case": [name.lower() for name in names],
        "in capitals": [name.upper() for name in names],
        "with underscores": [name.replace(b"-", b"_") for name in names],
        "with one underscore": [name.replace(b"-", b"_", 1) for name in names],
        "with dots": [name.replace(b"-", b".") for name in names],
        "with tildes": [name.replace(b"-", b"~") for name in names],
        "as CGI variables": [b"HTTP_" + name.upper().replace(b"-", b"_") for name in names],
        "as CGI variables with dashes": [b"HTTP-" + name for name in names],
        "as CGI variables with dots": [b"http." + name.replace(b"-", b".") for name in names],
    }  # fmt: skip
    fields = {variant: [(name, FORGED) for name in all_] for variant, all_ in spelt.items()}
    fields["twice"] = [(name, FORGED) for name in names for _ in range(2)]
    fields["empty"] = [(name, b"") for name in names]
    return fields


def other_identity(control: Sent, names: Sequence[bytes]) -> Harm:
    """Return the harm of a request that brings the service another identity than *control*."""
    true = _identity(control, names)

    def harm(sent: Sent) -> str | None:
        forged = _find_forged(sent)
        if forged is not None:
            return forged
        if _identity(sent, names) != true:
            return "the service receives identity headers that are not from the token"
        return None

    return harm


def any_identity(names: Sequence[bytes]) -> Harm:
    """Return the harm of a request that brings the service any identity at all."""

    def harm(sent: Sent) -> str | None:
        if _identity(sent, names):
            return "the service receives identity headers without a token"
        return _find_forged(sent)

    return harm


def _find_forged(sent: Sent) -> str | None:
    for line in sent.head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if FORGED in value:
            return f"the service receives the forged header {name.decode('latin-1')}"
    return None


def _identity(sent: Sent, names: Sequence[bytes]) -> list[bytes]:
    """Return the fields that the service receives with one of *names*, in any case."""
    lower = {name.lower() for name in names}
    lines = sent.head.split(b"\r\n")[1:]
    return sorted(line for line in lines if line.partition(b":")[0].strip().lower() in lower)
