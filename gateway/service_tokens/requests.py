"""What a data port asks about tokens for services, wherever these are kept."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from gateway.decision.reason import Reason


@dataclass(frozen=True, slots=True)
class ServiceToken:
    r"""A token for a service, as the *line* ``Authorization: Bearer …\r\n``.

    Both times are on the machine's monotonic clock, which all processes share: it is used before
    *until*, a little less than its life.
    """

    line: bytes = field(repr=False)
    issued_at: float
    until: float


@dataclass(frozen=True, slots=True)
class NoServiceToken:
    """Why there is no token: *reason* for the client, *detail* for the log, without secrets.

    It holds for further requests before *until*; most hold for one.
    """

    reason: Reason
    detail: str
    until: float = 0.0


Found = ServiceToken | NoServiceToken


class ServiceTokens(Protocol):
    """Gets tokens for services; the same for all processes of a gateway."""

    held: Mapping[str, ServiceToken]  # the gateway's own that are at hand, live, by the upstream

    async def find(self, upstream: str) -> Found:
        """Return the gateway's own token for *upstream*, got now if there is none at hand."""
        ...

    def recall(self, upstream: str, digest: bytes) -> Found | None:
        """Return what is at hand for the caller's token with this SHA-256 *digest*."""
        ...

    async def exchange(self, upstream: str, digest: bytes, subject: bytes, seconds: float) -> Found:
        """Return a token of *upstream* for the caller's token *subject*, valid for *seconds*.

        *digest* is the SHA-256 of *subject*.
        """
        ...

    def reject(self, upstream: str, token: ServiceToken, digest: bytes | None) -> None:
        """Note that *upstream* responded with 401 to *token*; *digest* is of the caller's."""
