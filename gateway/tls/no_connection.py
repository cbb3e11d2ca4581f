"""Say why no connection to a server stands, in words for a log."""

import os
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
            return f"cannot connect ({_system_words(error)})"


def _system_words(error: OSError) -> str:
    # asyncio has the address in its own words; a look-up has numbers below zero, and good words.
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return error.strerror or type(error).__name__
