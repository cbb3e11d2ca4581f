"""Say whether traffic should be sent to a gateway, and why not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.admin.issuers import issuer_readiness
from gateway.admin.revocations import revocation_readiness
from gateway.keyring.status import IssuerStatus
from gateway.revocation.status import RevocationStatus
from gateway.settings.values import Settings


@dataclass(frozen=True, slots=True)
class Readiness:
    """Why no traffic should be sent here, if there is a reason, and how keys and lists stand.

    Anybody who reaches the port may see it. *issuers* and *revocations* are JSON objects.
    """

    not_ready: tuple[str, ...]
    issuers: tuple[Mapping[str, object], ...]
    revocations: tuple[Mapping[str, object], ...]


def judge_readiness(
    settings: Settings,
    issuers: Sequence[IssuerStatus],
    lists: Sequence[RevocationStatus],
    faults: Sequence[str],
) -> Readiness:
    """Return how it stands with the keys and lists of *settings*; *faults* are other reasons.

    What only reports refuses nobody for want of keys or lists: it keeps no traffic away either.
    """
    reasons = [
        f"no keys of issuer {issuer.name}"
        for issuer in issuers
        if not (issuer.loaded or settings.issuers[issuer.name].issuer.reports)
    ]
    reasons += [
        f"no revocation list {one.name}"
        for one in lists
        if one.is_missed and not _only_reports(settings, one.name)
    ]
    return Readiness(
        (*reasons, *faults),
        tuple(map(issuer_readiness, issuers)),
        tuple(map(revocation_readiness, lists)),
    )


def _only_reports(settings: Settings, list_name: str) -> bool:
    """Say whether nobody is refused for want of this revocation list."""
    issuers = settings.revocations[list_name].rule.issuers
    return all(settings.issuers[name].issuer.reports for name in issuers)
