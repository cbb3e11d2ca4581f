"""Say why no connection to a server stands, in words for a log."""

import os
import socket
import ssl


def describe_no_connection(error: OSError, timeout_seconds: float) -> str:
    """Return why *error* kept a connection from standing within *timeout_seconds*."""
    match error:
        case TimeoutError():
            return f"no connection in {timeout_seconds:g} s"
        case ssl.SSLCertVerificationError():
            # OpenSSL's own words, such as "certificate has expired"; they name at most the host.
            return f"its certificate is not trusted ({error.verify_message})"
        case ssl.SSLError():
            # An event loop's own errors have no reason.
            return f"no TLS with it ({getattr(error, 'reason', None) or type(error).__name__})"
        case _:
            return f"cannot connect ({system_words(error)})"


def system_words(error: OSError) -> str:
    """Say what the system calls *error*; event loops put sentences with addresses in its place.

    The numbers of TLS and of look-ups are of their own, and their words are good.
    """
    number = error.errno
    if number is None or number <= 0 or isinstance(error, ssl.SSLError | socket.gaierror):
        return error.strerror or type(error).__name__
    return os.strerror(number)
