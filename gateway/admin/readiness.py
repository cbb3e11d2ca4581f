"""Judge whether traffic should be sent to a gateway, and say why not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.admin.issuers import issuer_readiness
from gateway.admin.revocations import revocation_readiness
from gateway.keyring.status import IssuerStatus
from gateway.revocation.status import RevocationStatus
from gateway.settings.values.configuration import Settings


@dataclass(frozen=True, slots=True)
class Readiness:
    """Why no traffic should be sent here, if there is a reason, and how keys and lists stand.

    Anybody who reaches the port may see it. *awaited* are the reasons that end once keys and
    lists were loaded. *issuers* and *revocations* are JSON objects.
    """

    not_ready: tuple[str, ...]
    awaited: tuple[str, ...]
    issuers: tuple[Mapping[str, object], ...]
    revocations: tuple[Mapping[str, object], ...]


def judge_readiness(
    settings: Settings,
    issuers: Sequence[IssuerStatus],
    lists: Sequence[RevocationStatus],
    faults: Sequence[str],
    *,
    awaits: bool = True,
) -> Readiness:
    """Return how it stands with the keys and lists of *settings*; *faults* are other reasons.

    Only what was never loaded is waited for, and only by a gateway that still *awaits* its first
    keys and lists. What is lost later is lost by the whole fleet at once: if all of it became
    unready, the tokens of every other issuer would be refused as well.
    """
    issuer_views = [
        issuer_readiness(one, is_required=settings.requires_issuer(one.name), awaits=awaits)
        for one in issuers
    ]
    list_views = [
        revocation_readiness(one, is_required=settings.requires_list(one.name), awaits=awaits)
        for one in lists
    ]
    awaited = (
        *(f"no keys of issuer {one['name']}" for one in issuer_views if one["awaited"]),
        *(f"no revocation list {one['name']}" for one in list_views if one["awaited"]),
    )
    return Readiness((*awaited, *faults), awaited, tuple(issuer_views), tuple(list_views))
