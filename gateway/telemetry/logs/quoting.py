"""Quote any text or bytes as a JSON value that no log reader can misread."""

import json
from collections.abc import Iterable
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


class QuotedNames(dict[str, Json]):
    """Names and their ``quote``; another name is quoted when it is looked up.

    Such as an issuer that came with a reload: a response that has lasted since before may go on
    with its tokens.
    """

    def __init__(self, names: Iterable[str]) -> None:
        super().__init__((name, quote(name)) for name in names)

    def __missing__(self, name: str) -> Json:
        return quote(name)


@lru_cache(maxsize=1024)
def quote_common(text: str | None) -> Json:
    """Return ``quote`` of one of a few sentences that repeat.

    Never for text that a client can make up: that would evict all others.
    """
    return quote(text)
