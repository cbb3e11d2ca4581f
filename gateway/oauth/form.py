"""Parameters of requests, as forms and as queries (RFC 6749 appendix B)."""

from collections.abc import Sequence
from urllib.parse import urlencode

# Pairs, since some parameters may occur more than once (RFC 8707 §2).
Form = Sequence[tuple[str, str]]


def encode_form(form: Form) -> bytes:
    """Return *form* as application/x-www-form-urlencoded, in UTF-8."""
    return urlencode(form).encode("ascii")


def add_query(endpoint: str, form: Form) -> str:
    """Return the URL *endpoint* with *form* after its own query, which stays (RFC 6749 §3.1)."""
    separator = "&" if "?" in endpoint else "?"
    if endpoint.endswith(("?", "&")):
        separator = ""
    return f"{endpoint}{separator}{urlencode(form)}"
