"""The size limit of fetched documents, and the error of a failed fetch."""

from typing import Final

# A JWKS of 100 RSA-4096 keys has about 80 KiB, more with certificate chains.
MAX_DOCUMENT_BYTES: Final = 256 * 1024


class FetchFailed(Exception):  # noqa: N818 - the outside world failed, not this program
    """A document could not be fetched; the text names its URL or file, without secrets."""
