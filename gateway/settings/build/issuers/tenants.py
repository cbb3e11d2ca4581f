"""Build which tenants of an issuer are accepted, and the other names it signs with."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from gateway.decision.rules.claim_names import parse_claim_name
from gateway.decision.rules.claim_sources import ClaimPath
from gateway.decision.tenants import PLACEHOLDER, Tenants, is_tenant
from gateway.settings.build.checks import refuse_repeated
from gateway.settings.build.sections import Named
from gateway.settings.schema.issuers.issuer import IssuerModel
from gateway.settings.schema.issuers.tenants import TenantsModel
from gateway.settings.text.disk import Disk
from gateway.settings.text.document import Part
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.files import read_bounded
from gateway.settings.text.scalars import shorten

# A hundred thousand tenants with comments.
_MAX_FILE_BYTES = 8 * 1024**2

# As a part of its own: a tenant next to other letters could be read as another one.
_APART = re.compile(r"[/.:@]\{tenantid\}(?:[/.:@]|\Z)")

# Entra's are GUIDs, in lower case in every token.
_GUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


class OwnedNames:
    """The ``iss`` of all issuers so far, each of one issuer only.

    They are compared code point by code point: `…/` and `…` are two issuers.
    """

    def __init__(self) -> None:
        self._owners: dict[str, str] = {}
        self._open: list[tuple[str, Tenants]] = []

    def add(
        self,
        one: Named[IssuerModel],
        model: IssuerModel,
        tenants: Tenants | None,
        faults: list[Fault],
    ) -> None:
        """Add the names of an issuer with *tenants*; one of another issuer is a fault."""
        for name, part in named_in(model, one.part):
            owner = self._owners.setdefault(name, one.name)
            if owner != one.name:
                message = f"the issuer `{owner}` already has this `iss`"
                faults.append(part.fault(Code.DUPLICATE_ISSUER, message))
        if tenants is None:
            return
        owners = (self._owners.setdefault(name, one.name) for name in tenants.listed())
        taken = next((owner for owner in owners if owner != one.name), None)
        if tenants.allowed is None:
            others = (name for name, other in self._open if tenants.overlap(other))
            taken = next(others, None)
            self._open.append((one.name, tenants))
        if taken is not None:
            message = f"the issuer `{taken}` already has a tenant of this one"
            faults.append(one.part.child("tenants").fault(Code.DUPLICATE_ISSUER, message))


def build_tenants(
    one: Named[IssuerModel], model: IssuerModel, disk: Disk, faults: list[Fault]
) -> Tenants | None:
    """Return the accepted tenants of an issuer with ``{tenantid}``; None for any other.

    A faulty one accepts nobody, so that it is never more open than it may become.
    """
    named = list(named_in(model, one.part))
    refuse_repeated(model.also_issued_as or (), one.part.child("also_issued_as"), faults)
    patterned = [text for text, _ in named if "{" in text or "}" in text]
    for text, part in named:
        problem = _pattern_problem(text, bool(patterned))
        if problem is not None:
            faults.append(part.fault(Code.BAD_VALUE, problem))
    at = one.part.child("tenants")
    if not patterned:
        if model.tenants is not None:
            message = f"`issuer` names no tenant: write {PLACEHOLDER} in place of its ID"
            faults.append(at.key_fault(Code.CONFLICTING_KEYS, message))
        return None
    if model.discovery:
        message = (
            "no metadata is at an address with a tenant to be filled in: write `discovery_url`"
            " instead of `discovery`, e.g. discovery_url:"
            " https://login.microsoftonline.com/common/v2.0/.well-known/openid-configuration"
        )
        faults.append(one.part.child("discovery").key_fault(Code.CONFLICTING_KEYS, message))
    if model.introspection is not None:
        message = "an issuer that is asked about its tokens has no tenants: name one `issuer`"
        faults.append(one.part.child("introspection").key_fault(Code.CONFLICTING_KEYS, message))
    if model.tenants is None:
        message = (
            f"an issuer with {PLACEHOLDER} needs `tenants`: write which ones are accepted, e.g."
            " tenants: {claim: tid, allow: [72f988bf-86f1-41af-91ab-2d7cd011db47]}"
        )
        faults.append(one.part.child("issuer").fault(Code.MISSING_KEY, message))
        return None
    patterns = tuple(text for text, _ in named)
    claim = _claim(model.tenants, at, faults)
    return Tenants(claim, _allowed(model.tenants, at, one.directory, disk, faults), patterns)


def named_in(model: IssuerModel, part: Part) -> Iterator[tuple[str, Part]]:
    """Yield each ``iss`` of an issuer, with its place."""
    yield model.issuer, part.child("issuer")
    for index, text in enumerate(model.also_issued_as or ()):
        yield text, part.child("also_issued_as").child(index)


def _pattern_problem(text: str, is_patterned: bool) -> str | None:
    if not is_patterned:
        return None
    rest = text.replace(PLACEHOLDER, "", 1)
    if PLACEHOLDER not in text or "{" in rest or "}" in rest:
        return (
            f"write exactly one {PLACEHOLDER} here: without it, tokens of every tenant would be"
            " of one issuer"
        )
    if not _APART.search(text):
        return f"{PLACEHOLDER} must be a whole part, with a slash or a dot around it"
    return None


def _claim(model: TenantsModel, part: Part, faults: list[Fault]) -> ClaimPath:
    try:
        return parse_claim_name(model.claim)
    except ValueError as error:
        faults.append(part.child("claim").fault(Code.BAD_VALUE, str(error)))
        return (model.claim,)


def _allowed(
    model: TenantsModel, part: Part, directory: Path, disk: Disk, faults: list[Fault]
) -> frozenset[str] | None:
    """Return the accepted tenants; None means any."""
    written = part.raw if isinstance(part.raw, dict) else {}
    if ("allow" in written) is ("allow_file" in written):
        message = "write either `allow`, a list of tenants or any, or `allow_file`"
        faults.append(part.key_fault(Code.CONFLICTING_KEYS, message))
    if isinstance(model.allow, str):
        message = (
            "tokens of every tenant are accepted, also of one that an attacker has made: check the"
            " tenant on each route, or list those that are accepted"
        )
        faults.append(part.child("allow").warning(Code.TENANTS_UNCHECKED, message))
        return None
    if model.allow_file is not None:
        return frozenset(_read(model.allow_file, part.child("allow_file"), directory, disk, faults))
    listed = model.allow or []
    refuse_repeated(listed, part.child("allow"), faults)
    for index, name in enumerate(listed):
        problem = _tenant_problem(name)
        if problem is not None:
            faults.append(part.child("allow").child(index).fault(Code.BAD_VALUE, problem))
    return frozenset(listed)


def _read(name: str, part: Part, directory: Path, disk: Disk, faults: list[Fault]) -> Sequence[str]:
    """Return the tenants in the file *name*: one a line, with comments after ``#``."""
    read = read_bounded(name, directory, part, disk, _MAX_FILE_BYTES, faults)
    if read is None:
        return ()
    if len(read[1]) > _MAX_FILE_BYTES:
        message = f"{shorten(name)} is larger than {_MAX_FILE_BYTES // 1024**2} MiB"
        faults.append(part.fault(Code.TOO_LARGE, message))
        return ()
    try:
        text = read[1].decode("utf-8-sig")
    except UnicodeDecodeError:
        faults.append(part.fault(Code.MISSING_FILE, f"cannot read {shorten(name)} as UTF-8"))
        return ()
    found: dict[str, int] = {}
    known = len(faults)
    for number, line in enumerate(text.split("\n"), 1):
        tenant = line.partition("#")[0].strip(" \t\r")
        problem = _tenant_problem(tenant) if tenant else None
        if tenant and tenant in found:
            problem = f"`{shorten(tenant)}` is in line {found[tenant]} already"
        if problem is not None:
            faults.append(part.fault(Code.BAD_VALUE, f"line {number}: {problem}"))
        elif tenant:
            found[tenant] = number
    if not found and len(faults) == known:
        message = f"{shorten(name)} names no tenant: every token of this issuer is refused"
        faults.append(part.warning(Code.NO_TENANT, message))
    return list(found)


def _tenant_problem(name: str) -> str | None:
    if not is_tenant(name):
        return f"`{shorten(name)}` is not a tenant: letters, digits, `.`, `_`, `~` and `-`"
    if _GUID.fullmatch(name) and name != name.lower():
        # Compared code point by code point: it would match no token.
        return f"tokens have GUIDs in lower case: write {name.lower()}"
    return None
