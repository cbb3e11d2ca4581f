"""Name methods so that the names stay few: a client may make up any number of others."""

from typing import Final

# OpenTelemetry HTTP semantic conventions, http.request.method.
OTHER_METHOD: Final = "_OTHER"
_KNOWN_METHODS: Final = frozenset(
    ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE")
)


def known_method(method: str) -> str:
    """Return the method as counts and spans name it."""
    return method if method in _KNOWN_METHODS else OTHER_METHOD
