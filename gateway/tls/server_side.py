"""The server side of a TLS connection, with an alert for each refused client."""

import ssl
from time import time
from typing import ClassVar, Final

from gateway.tls.client_hello import offered_protocols

HTTP_1_1: Final = "http/1.1"
HTTP_2: Final = "h2"  # RFC 9113 §3.1

# RFC 8446 §6: a fatal alert in a record of its own, no_application_protocol.
_NO_PROTOCOL_ALERT: Final = bytes((21, 3, 3, 0, 2, 2, 120))

# A ClientHello with keys and tickets of all kinds has a few KiB.
_MAX_HELLO_BYTES: Final = 32 * 1024


class ServerSide(ssl.SSLObject):
    """A TLS connection that sends an alert if its handshake fails.

    Event loops close the connection as soon as a handshake fails, and the alert in *outgoing* is
    lost: a client without a required certificate would see only a closed connection. So the
    first failure is postponed: the loop is asked to wait for more data, and first sends what is
    there. Whatever follows, usually the client's own close, or the handshake's deadline, ends it.

    OpenSSL verifies a client certificate once, but not again when the session is resumed (RFC 8446
    §2.2): session tickets would let an expired one in for as long as the client returns.

    A client that offers only other *protocols* is refused (RFC 7301 §3.2). Python makes OpenSSL
    continue as if it had offered none, so the offer is read from *incoming*.
    """

    protocols: ClassVar[tuple[str, ...]] = (HTTP_1_1,)  # the one that is preferred first
    incoming: ssl.MemoryBIO | None = None
    outgoing: ssl.MemoryBIO | None = None
    _failure: tuple[object, ...] | None = None
    _hello: bytes | None = b""  # as much of it as arrived; None once it was checked

    def do_handshake(self) -> None:
        """Continue the handshake; raises ssl.SSLError, or SSLWantReadError to wait."""
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
            # Not the error itself: its traceback refers back to this object.
            self._failure = failure.args
            raise ssl.SSLWantReadError from None
        if self.session_reused and _has_expired(self):
            raise ssl.SSLError(ssl.SSL_ERROR_SSL, "the client's certificate has expired")

    def _check_protocols(self, incoming: ssl.MemoryBIO) -> None:
        """Check the ClientHello as it arrives; refuse it if it offers only other protocols."""
        came = incoming.read()
        incoming.write(came)
        hello = (self._hello or b"") + came
        offered = offered_protocols(hello)
        if offered is None and len(hello) <= _MAX_HELLO_BYTES:
            self._hello = hello
            return
        self._hello = None
        if not offered or any(one.encode() in offered for one in self.protocols):
            return
        self._failure = (ssl.SSL_ERROR_SSL, "the client offers no supported protocol")
        if self.outgoing is None:
            raise ssl.SSLError(*self._failure)
        self.outgoing.write(_NO_PROTOCOL_ALERT)
        raise ssl.SSLWantReadError


class Http2ServerSide(ServerSide):
    """A TLS connection of a client that may choose HTTP/2."""

    protocols = (HTTP_2, HTTP_1_1)


def _has_expired(side: ssl.SSLObject) -> bool:
    certificate = side.getpeercert()
    if not certificate:  # the client presented none
        return False
    return ssl.cert_time_to_seconds(str(certificate["notAfter"])) <= time()
