"""Show the URL of a document without its secrets."""

from yarl import URL

MAX_SHOWN_URL_CHARACTERS = 200


def show_url(url: str) -> str:
    """Return *url* without user information and query, which may hold secrets.

    A long one is cut: metadata may name a URL of any length.
    """
    try:
        bare = str(URL(url).with_user(None).with_query(None).with_fragment(None))
    except ValueError:
        return "(not a URL)"
    return bare if len(bare) <= MAX_SHOWN_URL_CHARACTERS else f"{bare[:MAX_SHOWN_URL_CHARACTERS]}…"
