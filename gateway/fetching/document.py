"""Say what a document may be that is fetched."""

from typing import Final

# A JWKS of 100 RSA-4096 keys is about 80 KiB; certificate chains make it more.
MAX_DOCUMENT_BYTES: Final = 256 * 1024


class FetchFailed(Exception):  # noqa: N818 - it is said of the fetch, not of our program
    """A document could not be had; the text names the place and holds no secret."""
