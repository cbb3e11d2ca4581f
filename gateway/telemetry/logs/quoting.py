"""Quote any text or bytes as a JSON value that no log reader can misread."""

import json
from functools import lru_cache
from typing import NewType

Json = NewType("Json", bytes)  # one JSON value in ASCII, without a line break

NULL = Json(b"null")


def quote(text: str | bytes | None) -> Json:
    r"""Return *text* as a JSON string in printable ASCII; None and the empty one are ``null``.

    Bytes that are not UTF-8 and lone surrogates stay visible as ``\xff`` or ``\udc80``. Line
    breaks, escapes and DEL never reach the terminal of a reader raw (CVE-2020-7694).
    """
    if not text:
        return NULL
    if isinstance(text, str):
        # A lone surrogate is legal in Python and in no strict JSON reader.
        text = text.encode("utf-8", "backslashreplace")
    quoted = json.dumps(text.decode("utf-8", "backslashreplace"), ensure_ascii=True)
    return Json(quoted.replace("\x7f", "\\u007f").encode("ascii"))


@lru_cache(maxsize=1024)
def quote_common(text: str | None) -> Json:
    """Return ``quote`` of one of a few sentences that repeat.

    Never for text that a client can make up: that would evict all others.
    """
    return quote(text)
