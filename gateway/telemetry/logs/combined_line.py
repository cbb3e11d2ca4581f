r"""Format the access log line of a request in the combined format of Apache and nginx."""

import re
import time
from functools import lru_cache
from typing import Final

# How much of a `Referer` or a `User-Agent` is logged: a client that sends long ones must not push
# the lines of others out of the log.
MAX_FIELD_BYTES: Final = 1024

# As nginx does, for readers that end a string at the next quotation mark, as most readers of this
# format do: `\"` would end it, and let a client forge what follows.
_PLAIN: Final = bytes(byte for byte in range(0x20, 0x7F) if byte not in b'"\\')
_PLAIN_WORD: Final = _PLAIN.replace(b" ", b"")
_ESCAPED: Final = tuple(b"\\x%02X" % byte for byte in range(256))

# A JSON object in base64url, which begins with `{"` or `{` and white space: the header or the
# payload of a token, in a field that is not meant for one. The second form also occurs inside of
# words. What follows belongs to it, percent-encoded dots included.
_TOKEN: Final = re.compile(rb"(?:eyJ|(?<![\w-])e(?:yA|w[0ko]))[\w-]{6,}[\w.~+/=%-]*", re.ASCII)
_HIDDEN_TOKEN: Final = b"(token)"

# Not by `strftime`, which uses the language of the process.
_MONTHS: Final = (
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
)  # fmt: skip


def format_combined(  # noqa: PLR0913, PLR0917 - one argument for each part of the line
    now: float,
    client: bytes,
    subject: str | None,
    method: str,
    target: bytes,
    version: str,
    status: int,
    sent_bytes: int,
    referer: bytes,
    user_agent: bytes,
) -> bytes:
    """Return the line of a request.

    *now* is seconds since the epoch, *version* that of HTTP. The others may hold anything, and are
    empty or None if unknown. Query and fragment of *target* and *referer* are left out, and the
    user of *referer*.
    """
    return b'%b - %b [%b] %b %d %d "%b" "%b"\n' % (
        _word(client) or b"-",
        _user(subject),
        _stamp(int(now)),
        _request_line(method, target, version),
        status,
        sent_bytes,
        _field(_without_secrets(referer)),
        _field(user_agent),
    )


def _request_line(method: str, target: bytes, version: str) -> bytes:
    if not method:
        return b'"-"'  # the request was malformed
    path = target.partition(b"?")[0].partition(b"#")[0]
    return b'"%b %b HTTP/%b"' % (_word(method.encode()), _word(path) or b"-", version.encode())


def _user(subject: str | None) -> bytes:
    if not subject:
        return b"-"
    # "-" is nobody, and so it cannot be somebody's name as it is.
    return _word(subject.encode("utf-8", "backslashreplace")) if subject != "-" else b"\\x2D"


def _field(value: bytes) -> bytes:
    return _escape(_TOKEN.sub(_HIDDEN_TOKEN, value)[:MAX_FIELD_BYTES], _PLAIN) or b"-"


def _without_secrets(referer: bytes) -> bytes:
    """Return *referer* without query, fragment and user: each may hold a credential."""
    address = referer.partition(b"?")[0].partition(b"#")[0]
    scheme, slashes, rest = address.partition(b"://")
    if not slashes:
        return address
    authority, slash, path = rest.partition(b"/")
    return scheme + slashes + authority.rpartition(b"@")[2] + slash + path


def _word(value: bytes) -> bytes:
    return _escape(value, _PLAIN_WORD)


def _escape(value: bytes, plain: bytes) -> bytes:
    if not value.translate(None, plain):
        return value
    return b"".join(b"%c" % byte if byte in plain else _ESCAPED[byte] for byte in value)


@lru_cache(maxsize=8)
def _stamp(now_seconds: int) -> bytes:
    """Return the time in UTC; requests of one second share it."""
    at = time.gmtime(now_seconds)
    clock = f"{at.tm_hour:02}:{at.tm_min:02}:{at.tm_sec:02}"
    return f"{at.tm_mday:02}/{_MONTHS[at.tm_mon - 1]}/{at.tm_year:04}:{clock} +0000".encode()
