"""What the exchange of a request does that is not forwarded, or not yet."""

from collections.abc import Iterable
from typing import Protocol

from gateway.decision.verdict import Deny
from gateway.http.reading.request import Request
from gateway.proxy.exchange.admit import Admitted
from gateway.proxy.port import Port
from gateway.proxy.streams.client import Client
from gateway.proxy.streams.upload import Upload


class Browsing(Protocol):
    """The exchange of a browser's request that is not forwarded, or not yet."""

    port: Port
    client: Client
    request: Request
    upload: Upload | None
    limit_fields: bytes
    waited: bool
    is_over: bool

    def use(self, port: Port) -> None:
        """Switch to *port* after a reload; only before a verdict was acted on."""

    def begin(self) -> None:
        """Decide, and act on the verdict."""

    def act(self, verdict: Admitted) -> None:
        """Act on *verdict*."""

    def refuse(self, deny: Deny) -> None:
        """Respond with the refusal *deny*."""

    def refuse_with_login(self, deny: Deny, login_url: str) -> None:
        """Respond with the refusal *deny*, and where a person can log in."""

    def respond(
        self, status: int, fields: Iterable[tuple[str, str]], body: bytes, deny: Deny | None
    ) -> None:
        """Respond with a response of a login."""

    def give_up(self) -> None:
        """Fail after an unexpected error."""
