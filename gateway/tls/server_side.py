"""The server's side of one TLS connection: the client is current, or is told why it is refused."""

import ssl
from time import time
from typing import Final

from gateway.tls.client_hello import offered_protocols

PROTOCOL: Final = "http/1.1"

# RFC 8446 §6: a fatal alert in a record of its own, no_application_protocol.
_NO_PROTOCOL_ALERT: Final = bytes((21, 3, 3, 0, 2, 2, 120))

# A ClientHello with keys and tickets of all kinds has a few KiB.
_MAX_HELLO_BYTES: Final = 32 * 1024


class ServerSide(ssl.SSLObject):
    """Where a handshake fails, *outgoing* holds an alert that says why, and that is to be sent.

    Event loops close the connection as soon as a handshake fails, and the alert is lost: a
    client that should have shown a certificate would hear nothing but the end. So the first
    failure is put off: the loop is told to wait for more, and sends what there is before it does.
    Whatever comes next, the client's own end above all, is the end of it; and so is the
    handshake's deadline.

    OpenSSL verifies a client's certificate once, and not again where the session is resumed
    (RFC 8446 §2.2): by its tickets an expired one would get in for as long as it comes back.

    A client that offers other protocols than HTTP/1.1 alone is refused (RFC 7301 §3.2). Python
    has OpenSSL go on as if it had offered none, so what it offers is read from *incoming*.
    """

    incoming: ssl.MemoryBIO | None = None
    outgoing: ssl.MemoryBIO | None = None
    _failure: tuple[object, ...] | None = None
    _hello: bytes | None = b""  # as much of it as came; None once it was looked at

    def do_handshake(self) -> None:
        """Go on with the handshake; raises ssl.SSLError, and SSLWantReadError to wait."""
        if self._failure is not None:
            raise ssl.SSLError(*self._failure)
        if self._hello is not None and self.incoming is not None:
            self._check_protocols(self.incoming)
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

    def _check_protocols(self, incoming: ssl.MemoryBIO) -> None:
        """Look at the ClientHello as it comes; refuse it if it offers no protocol of ours."""
        came = incoming.read()
        incoming.write(came)
        hello = (self._hello or b"") + came
        offered = offered_protocols(hello)
        if offered is None and len(hello) <= _MAX_HELLO_BYTES:
            self._hello = hello
            return
        self._hello = None
        if not offered or PROTOCOL.encode() in offered:
            return
        self._failure = (ssl.SSL_ERROR_SSL, "the client offers no protocol that is spoken here")
        if self.outgoing is None:
            raise ssl.SSLError(*self._failure)
        self.outgoing.write(_NO_PROTOCOL_ALERT)
        raise ssl.SSLWantReadError


def _has_expired(side: ssl.SSLObject) -> bool:
    certificate = side.getpeercert()
    if not certificate:  # the client has shown none
        return False
    return ssl.cert_time_to_seconds(str(certificate["notAfter"])) <= time()
