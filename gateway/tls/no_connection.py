"""Describe for the log why a connection to a server failed."""

import os
import socket
import ssl


class NotHttp2(OSError):  # noqa: N818 - reads as a sentence where it is caught
    """A server that is to speak HTTP/2 does not; the text says how that was seen."""


def describe_no_connection(error: OSError, timeout_seconds: float) -> str:
    """Return why no connection was established within *timeout_seconds*."""
    match error:
        case NotHttp2():
            return str(error)
        case TimeoutError():
            return f"no connection in {timeout_seconds:g} s"
        case ssl.SSLCertVerificationError():
            # OpenSSL's text, such as "certificate has expired", names at most the host.
            return f"its certificate is not trusted ({error.verify_message})"
        case ssl.SSLError():
            # An event loop's own errors have no reason.
            return (
                f"TLS handshake failed ({getattr(error, 'reason', None) or type(error).__name__})"
            )
        case _:
            return f"cannot connect ({system_words(error)})"


def system_words(error: OSError) -> str:
    """Return the system's text for *error*; event loops replace it with sentences and addresses.

    Errors of TLS and of look-ups have numbers of their own; their own text is good.
    """
    number = error.errno
    if number is None or number <= 0 or isinstance(error, ssl.SSLError | socket.gaierror):
        return error.strerror or type(error).__name__
    return os.strerror(number)
