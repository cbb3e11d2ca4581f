"""Format times for HTTP (RFC 9110 §5.6.7)."""

import time
from functools import lru_cache


@lru_cache(maxsize=4)
def http_date(now_seconds: int) -> bytes:
    """Return *now_seconds* since the epoch, as in ``Sun, 06 Nov 1994 08:49:37 GMT``."""
    return time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(now_seconds)).encode("ascii")
