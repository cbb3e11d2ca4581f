"""Write the line of a request in the combined format, where that is the one wanted."""

from time import time

from gateway.decision.token import SignedToken
from gateway.http.reading.request import Request
from gateway.proxy.address import address_of
from gateway.proxy.exchange.answering import Client
from gateway.proxy.port import Port
from gateway.telemetry.logs.combined_line import format_combined


def write_combined(  # noqa: PLR0913, PLR0917 - what an exchange would hold
    port: Port,
    client: Client,
    request: Request,
    status: int,
    sent_bytes: int,
    token: SignedToken | None,
) -> None:
    """Write the line, where there is a log for it; *token* is one whose signature held."""
    log, fields = port.combined_log, request.fields
    if log is None:
        return
    log.write(
        format_combined(
            time(),
            address_of(port, client, request),
            None if token is None else token.claims.subject,
            request.method,
            request.target,
            request.is_http11,
            status,
            sent_bytes,
            fields.first(b"referer"),
            fields.first(b"user-agent"),
        )
    )
