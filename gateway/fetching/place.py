"""Name the place of a document, without what may be secret."""

from yarl import URL

MAX_PLACE_CHARACTERS = 200


def place(url: str) -> str:
    """Return *url* without user information and query: both may hold secrets.

    The rest of a long one is left out: metadata may name any.
    """
    try:
        bare = str(URL(url).with_user(None).with_query(None).with_fragment(None))
    except ValueError:
        return "(not a URL)"
    return bare if len(bare) <= MAX_PLACE_CHARACTERS else f"{bare[:MAX_PLACE_CHARACTERS]}…"
