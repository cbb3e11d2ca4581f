"""Build what services receive about the caller."""

import re
from collections.abc import Mapping
from pathlib import Path

from gateway.decision.identity import CGI_PREFIX, Identity, canonical_alias
from gateway.decision.rules.claim_names import format_claim_name, parse_claim_name
from gateway.decision.rules.claim_sources import ClaimSource, parse_claim_source
from gateway.settings.schema.identity import HEADER, USUAL_CLAIMS, AssertionModel, IdentityModel
from gateway.settings.schema.types import TOKEN
from gateway.settings.text.disk import Disk
from gateway.settings.text.document import Part
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.files import Sources
from gateway.settings.text.pem_files import read_pem
from gateway.settings.text.scalars import shorten, show_yaml
from gateway.settings.values.configuration import AssertionSettings, IssuerSettings
from gateway.settings.values.signing_key import SigningKey, parse_signing_key

# Fields that frame the message, name the host, carry credentials, or are set by the gateway:
# a claim in one of them would let a token rewrite the request (RFC 9110, RFC 9112).
RESERVED = frozenset(
    b"host authorization cookie set-cookie connection keep-alive te trailer upgrade expect "
    b"transfer-encoding via forwarded date range max-forwards x-request-id x-real-ip "
    b"traceparent tracestate".split()
)
_RESERVED_STARTS = (b"content-", b"proxy-", b"x-forwarded-", b"sec-", b"if-")

# Written by the gateway itself: a token must not be able to choose them.
_OWN_CLAIMS = frozenset({"iss", "aud", "exp", "nbf", "iat", "jti"})

# Long enough for slow services and clocks; beyond that, the token itself would do.
_MAX_LIFETIME_SECONDS = 600.0

# An assertion is reused for half of its lifetime and starts at a whole second: a shorter one
# could expire before a request reaches the service.
_MIN_LIFETIME_SECONDS = 5.0

# No dot segments: it is compared with normalized paths (RFC 3986 §6.2.2.3).
_PATH = re.compile(r"(?:/(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._~-]+)+")


def build_identity(model: IdentityModel, part: Part, faults: list[Fault]) -> Identity:
    """Return the valid headers, refusing names that a service could confuse with another."""
    owners: dict[bytes, str] = {}
    found = build_headers(model.headers, part.child("headers"), owners, faults)
    headers = tuple((name, source) for name, source in found if source is not None)
    return Identity(headers, model.forward_token, _reserved(model, part, owners, faults))


def build_headers(
    headers: Mapping[str, str | bool], part: Part, owners: dict[bytes, str], faults: list[Fault]
) -> tuple[tuple[bytes, ClaimSource | None], ...]:
    """Return the valid *headers*, with None for each that is not sent.

    *owners* are the names that are taken, by alias; those of *headers* are added.
    """
    built: list[tuple[bytes, ClaimSource | None]] = []
    for name, claim in headers.items():
        item = part.child(name)
        problem = _find_inverted(name, claim) or _name_problem(name, owners)
        if problem is not None:
            faults.append(item.key_fault(Code.BAD_VALUE, problem))
            continue
        try:
            source = parse_claim_source(claim) if isinstance(claim, str) else None
            built.append((name.encode("ascii"), source))
        except ValueError as error:
            faults.append(item.fault(Code.BAD_VALUE, str(error)))
    return tuple(built)


def _find_inverted(name: str, claim: str | bool) -> str | None:
    """Return what to write if a claim and its header seem to have changed places."""
    if not isinstance(claim, str) or not HEADER.fullmatch(claim) or HEADER.fullmatch(name):
        return None
    if name not in USUAL_CLAIMS and not claim.lower().startswith("x-"):
        return None
    return f"the header comes first: write `{claim}: {show_yaml(_claim_name(name))}`"


def _claim_name(name: str) -> str:
    """Return the claim *name* as a configuration writes it."""
    try:
        parse_claim_name(name)
    except ValueError:
        return format_claim_name((name,))
    return name


def _reserved(
    model: IdentityModel, part: Part, owners: dict[bytes, str], faults: list[Fault]
) -> tuple[bytes, ...]:
    if model.assertion is None:
        return ()
    name = model.assertion.field
    carries_a_claim = name in owners.values()
    problem = _name_problem(name, owners)
    if problem is None and not carries_a_claim:
        return (name.encode("ascii"),)
    problem = problem or f"`{shorten(name)}` already carries a claim"
    at = part.child("assertion").child("header")
    faults.append(at.fault(Code.BAD_VALUE, problem))
    return ()


def _name_problem(name: str, owners: dict[bytes, str]) -> str | None:
    if not TOKEN.fullmatch(name):
        return f"`{shorten(name)}` is not a header field name"
    alias = canonical_alias(name.encode("ascii")).removeprefix(CGI_PREFIX)
    if alias in RESERVED or alias.startswith(_RESERVED_STARTS):
        return f"`{shorten(name)}` is reserved and cannot carry a claim"
    owner = owners.setdefault(alias, name)
    if owner != name:
        return f"some services read `{shorten(name)}` and `{shorten(owner)}` as the same name"
    return None


def build_assertion(
    model: AssertionModel | None,
    header: bytes | None,
    part: Part,
    sources: Sources,
    faults: list[Fault],
) -> AssertionSettings | None:
    """Return what is signed, for the field *header*; None without it, or if it is faulty."""
    if model is None:
        return None
    keys = _keys(model, part, sources.main.directory, sources.disk, faults)
    claims = _claims(model.copied, part.child("claims"), faults)
    _check_trust_domain(model, part, faults)
    if model.lifetime > _MAX_LIFETIME_SECONDS:
        message = (
            f"longer than {_MAX_LIFETIME_SECONDS:g} s: a leaked assertion would stay usable for"
            " too long"
        )
        faults.append(part.child("lifetime").fault(Code.BAD_VALUE, message))
    if model.lifetime < _MIN_LIFETIME_SECONDS:
        message = (
            f"shorter than {_MIN_LIFETIME_SECONDS:g} s: it could expire before a service receives"
            " it"
        )
        faults.append(part.child("lifetime").fault(Code.BAD_VALUE, message))
    if not _PATH.fullmatch(model.jwks_path):
        message = f"`{shorten(model.jwks_path)}` is not a plain path, e.g. /.well-known/jwks.json"
        faults.append(part.child("jwks_path").fault(Code.BAD_VALUE, message))
    if header is None or len(keys) < len(model.keys):
        return None
    path = model.jwks_path.encode("ascii", "replace")
    domain = model.trust_domain if model.is_transaction else None
    return AssertionSettings(header, model.issuer, keys, model.lifetime, claims, path, domain)


def _check_trust_domain(model: AssertionModel, part: Part, faults: list[Fault]) -> None:
    if model.is_transaction and model.trust_domain is None:
        message = "`profile: transaction_token` needs `trust_domain`, the `aud` of all services"
        faults.append(part.key_fault(Code.MISSING_KEY, message))
    if not model.is_transaction and model.trust_domain is not None:
        message = "`trust_domain` is for `profile: transaction_token`: write that, or remove it"
        faults.append(part.child("trust_domain").key_fault(Code.CONFLICTING_KEYS, message))


def _keys(
    model: AssertionModel, part: Part, directory: Path, disk: Disk, faults: list[Fault]
) -> tuple[SigningKey, ...]:
    keys: list[SigningKey] = []
    for index, name in enumerate(model.keys):
        at = part.child("keys").child(index)
        read = read_pem(name, directory, at, disk, faults)
        if read is None:
            continue
        key = parse_signing_key(read[1])
        if isinstance(key, str):
            faults.append(at.fault(Code.BAD_KEY, key))
        elif key.kid in {other.kid for other in keys}:
            faults.append(at.fault(Code.DUPLICATE_VALUE, "this key is already in the list"))
        else:
            keys.append(key)
    return tuple(keys)


def _claims(
    claims: Mapping[str, str], part: Part, faults: list[Fault]
) -> tuple[tuple[str, ClaimSource], ...]:
    built: list[tuple[str, ClaimSource]] = []
    for name, claim in claims.items():
        item = part.child(name)
        if name in _OWN_CLAIMS:
            message = f"`{name}` is set by the gateway itself"
            faults.append(item.key_fault(Code.BAD_VALUE, message))
            continue
        try:
            built.append((name, parse_claim_source(claim)))
        except ValueError as error:
            faults.append(item.fault(Code.BAD_VALUE, str(error)))
    return tuple(built)


def refuse_trust_in_ourselves(
    assertion: AssertionSettings | None,
    issuers: Mapping[str, IssuerSettings],
    part: Part,
    faults: list[Fault],
) -> None:
    """Refuse an `iss` of ours that a trusted issuer has: services could pass for callers.

    They could send the assertion back as an access token (RFC 8725 §3.12).
    """
    if assertion is None:
        return
    for name, one in issuers.items():
        if one.issuer.may_issue(assertion.issuer):
            message = (
                f"the issuer `{name}` already has this `iss`: choose another one for the gateway"
            )
            faults.append(part.child("issuer").fault(Code.DUPLICATE_ISSUER, message))
