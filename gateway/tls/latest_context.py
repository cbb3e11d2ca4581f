"""Put another context in the place of the one that a listener speaks TLS with."""

import ssl

from gateway.tls.server_side import ServerSide


class LatestContext(ssl.SSLContext):
    """A context in name alone: a handshake takes what was put in last when it begins.

    So certificates change without a socket that is closed and opened again: nobody is refused
    meanwhile, and handshakes and connections under way go on as they began.
    """

    _latest: ssl.SSLContext

    def __new__(cls, first: ssl.SSLContext) -> "LatestContext":
        """Return one in which *first* is put in."""
        context = super().__new__(cls, ssl.PROTOCOL_TLS_SERVER)
        context._latest = first
        return context

    def use(self, context: ssl.SSLContext) -> None:
        """Have all handshakes that begin from now on made by *context*."""
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
