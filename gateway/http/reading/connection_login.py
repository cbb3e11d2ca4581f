"""Recognise the logins that hold for a whole connection, not for one request."""

import re
from typing import Final

# NTLM, Negotiate (RFC 4559 §6) with its second edition Nego2, and Kerberos by its own name: at the
# beginning of a value or anywhere in a list. Text in a quoted realm that looks like one is taken
# for one: a connection too many is kept apart, which does no harm.
_SCHEME: Final = re.compile(rb"(?:\A|[\s,;\"])(?:ntlm|nego|kerberos)", re.IGNORECASE)


def names_login(value: bytes) -> bool:
    """Return whether *value*, of Authorization, WWW-Authenticate or their kin, names such a scheme.

    Whoever is sent a request on such a connection next speaks in the name of whoever logged in.
    """
    return _SCHEME.search(value) is not None


def answers_login(name: bytes, value: bytes) -> bool:
    """Return whether a field of an answer speaks of such a login; *name* is in lower case."""
    # Microsoft's own: it says whether the connection stays logged in, and only where one is.
    return name == b"persistent-auth" or names_login(value)
