"""Tenants of one issuer: its keys are shared, and `iss` says whose a token is."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from gateway.decision.rules.claim_sources import ClaimPath

PLACEHOLDER: Final = "{tenantid}"
"""What stands for the tenant in the `iss` of such an issuer."""

# No sign that could end a part of a URL, or be read in two ways (RFC 3986 §2.3).
_TENANT = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._~-]{0,126}[A-Za-z0-9])?")


def is_tenant(text: str) -> bool:
    """Return whether *text* may name a tenant."""
    return _TENANT.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Tenants:
    """Which tenants are accepted: those in *allowed*, or any if it is None.

    *patterns* are the possible ``iss``, each with one ``{tenantid}``; the first is that of the
    issuer. The tenant in ``iss`` must equal the claim at the path *claim*: the shared keys sign
    for every tenant, so neither alone proves which one it is.
    """

    claim: ClaimPath
    allowed: frozenset[str] | None
    patterns: tuple[str, ...]
    _parts: tuple[tuple[str, str], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        parts = tuple(pattern.partition(PLACEHOLDER)[::2] for pattern in self.patterns)
        object.__setattr__(self, "_parts", parts)

    def tenant_in(self, iss: str) -> str | None:
        """Return the tenant in *iss*; None if it matches no pattern, or is not accepted."""
        for before, after in self._parts:
            if not (iss.startswith(before) and iss.endswith(after)):
                continue
            tenant = iss[len(before) : len(iss) - len(after)]
            # Between them, and not in them: both may overlap in a short text.
            if before + tenant + after == iss and self.accepts(tenant):
                return tenant
        return None

    def accepts(self, tenant: str) -> bool:
        """Return whether tokens of *tenant* are accepted."""
        return is_tenant(tenant) if self.allowed is None else tenant in self.allowed

    def listed(self) -> Iterator[str]:
        """Yield every ``iss`` of the accepted tenants; none if any is accepted."""
        for tenant in sorted(self.allowed or ()):
            for pattern in self.patterns:
                yield pattern.replace(PLACEHOLDER, tenant)

    def overlap(self, other: "Tenants") -> bool:
        """Return whether some ``iss`` could be of both; only if both accept any tenant."""
        return any(
            (before.startswith(start) or start.startswith(before))
            and (after.endswith(end) or end.endswith(after))
            for before, after in self._parts
            for start, end in other._parts
        )
