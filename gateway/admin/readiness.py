"""Decide whether a gateway is ready for traffic."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.admin.issuers import issuer_readiness
from gateway.admin.revocations import revocation_readiness
from gateway.keyring.status import IssuerStatus
from gateway.revocation.status import RevocationStatus
from gateway.settings.values.configuration import Settings


@dataclass(frozen=True, slots=True)
class Readiness:
    """Why the gateway is not ready, if it is not, and the state of its keys and lists.

    It is visible to anyone who reaches the port. *awaited* are the reasons that end once keys and
    lists are loaded. *issuers* and *revocations* are JSON objects.
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
    """Return the readiness under *settings*; *faults* are further reasons against it.

    Only keys and lists that were never loaded are awaited, and only by a gateway that still
    *awaits* its first ones. What is lost later is lost by the whole fleet at once: if all of it
    became unready, the tokens of every other issuer would be refused as well.
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
