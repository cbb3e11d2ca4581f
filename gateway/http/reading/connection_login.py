"""Recognise logins that apply to a whole connection, not to one request."""

import re
from typing import Final

# NTLM, Negotiate (RFC 4559 §6) with its second version Nego2, and Kerberos by its own name: at the
# beginning of a value or anywhere in a list. Text in a quoted realm can look like one; then a
# connection is reserved without need, which does no harm.
_SCHEME: Final = re.compile(rb"(?:\A|[\s,;\"])(?:ntlm|nego|kerberos)", re.IGNORECASE)


def names_login_scheme(value: bytes) -> bool:
    """Return whether *value*, of Authorization, WWW-Authenticate or the like, names such a scheme.

    The next request on such a connection is sent in the name of the user who logged in.
    """
    return _SCHEME.search(value) is not None


def is_login_field(name: bytes, value: bytes) -> bool:
    """Return whether a response field is about such a login; *name* is in lower case."""
    # Microsoft's own field: whether the connection stays logged in.
    return name == b"persistent-auth" or names_login_scheme(value)
