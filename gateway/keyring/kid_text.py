"""Format a key id for the log: it is text that strangers choose."""

# Key ids in use are thumbprints (43 characters), UUIDs, dates and names.
MAX_SHOWN_CHARACTERS = 64

# The first characters of every JWT segment that holds a JSON object: `{"` in base64url.
_SEGMENT_START = "eyJ"


def kid_text(kid: str | None) -> str:
    """Return *kid* in quotation marks if it is harmless, else only its length.

    Only printable ASCII of at most 64 characters is shown (8725.8): no line breaks, no terminal
    escapes, no look-alike letters. Nothing is shown that may be a piece of a token, which a
    client can send here as well (6750.10).
    """
    if kid is None:
        return "(no kid)"
    if len(kid) > MAX_SHOWN_CHARACTERS or not (kid.isascii() and kid.isprintable()):
        return f"({len(kid)} characters)"
    if _SEGMENT_START in kid or kid.count(".") >= 2:
        return f"({len(kid)} characters)"
    # repr escapes quotation marks, so a kid cannot pretend to end early.
    return repr(kid)
