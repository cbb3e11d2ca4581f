"""Put a key id into words fit for a log: it is text that strangers choose."""

# Key ids in use are thumbprints (43 characters), UUIDs, dates and names.
MAX_SHOWN_CHARACTERS = 64

# How every segment of a JWT that holds a JSON object begins: `{"` in base64url.
_SEGMENT_START = "eyJ"


def kid_text(kid: str | None) -> str:
    """Return *kid* between quotation marks if it is harmless, else its length alone.

    Shown is printable ASCII of at most 64 characters (8725.8): no line breaks, no terminal
    escapes, nothing that only looks like another letter. Not shown is what may be a piece of
    a token, which a client can put there as well as anywhere (6750.10).
    """
    if kid is None:
        return "(no kid)"
    if len(kid) > MAX_SHOWN_CHARACTERS or not (kid.isascii() and kid.isprintable()):
        return f"({len(kid)} characters)"
    if _SEGMENT_START in kid or kid.count(".") >= 2:
        return f"({len(kid)} characters)"
    # Python's quotation escapes its own marks, so that a kid cannot end where it says it does.
    return repr(kid)
