"""Replace the TLS context of a listener while it runs."""

import ssl

from gateway.tls.server_side import ServerSide


class LatestContext(ssl.SSLContext):
    """A proxy for a context: each handshake uses the latest one at its start.

    So certificates change without reopening a socket: no connection is refused meanwhile, and
    handshakes and connections in flight continue as they began.
    """

    _latest: ssl.SSLContext

    def __new__(cls, first: ssl.SSLContext) -> "LatestContext":
        """Return a proxy for *first*."""
        context = super().__new__(cls, ssl.PROTOCOL_TLS_SERVER)
        context._latest = first
        return context

    def use(self, context: ssl.SSLContext) -> None:
        """Use *context* for all handshakes from now on."""
        self._latest = context

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """Begin a handshake, as an event loop does for every connection."""
        side = self._latest.wrap_bio(incoming, outgoing, server_side, server_hostname, session)
        if isinstance(side, ServerSide):
            side.incoming, side.outgoing = incoming, outgoing
        return side
