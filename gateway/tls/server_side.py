"""The server's side of one TLS connection: the client is current, or is told why it is refused."""

import ssl
from time import time


class ServerSide(ssl.SSLObject):
    """Where a handshake fails, *outgoing* holds an alert that says why, and that is to be sent.

    Event loops close the connection as soon as a handshake fails, and the alert is lost: a
    client that should have shown a certificate would hear nothing but the end. So the first
    failure is put off: the loop is told to wait for more, and sends what there is before it does.
    Whatever comes next, the client's own end above all, is the end of it; and so is the
    handshake's deadline.

    OpenSSL verifies a client's certificate once, and not again where the session is resumed
    (RFC 8446 §2.2): by its tickets an expired one would get in for as long as it comes back.
    """

    outgoing: ssl.MemoryBIO | None = None
    _failure: tuple[object, ...] | None = None

    def do_handshake(self) -> None:
        """Go on with the handshake; raises ssl.SSLError, and SSLWantReadError to wait."""
        if self._failure is not None:
            raise ssl.SSLError(*self._failure)
        try:
            super().do_handshake()
        except ssl.SSLWantReadError:
            raise
        except ssl.SSLError as failure:
            if self.outgoing is None or not self.outgoing.pending:
                raise
            # Not the error itself: by its traceback it would hold this object in turn.
            self._failure = failure.args
            raise ssl.SSLWantReadError from None
        if self.session_reused and _has_expired(self):
            raise ssl.SSLError(ssl.SSL_ERROR_SSL, "the client's certificate has expired")


def _has_expired(side: ssl.SSLObject) -> bool:
    certificate = side.getpeercert()
    if not certificate:  # the client has shown none
        return False
    return ssl.cert_time_to_seconds(str(certificate["notAfter"])) <= time()
