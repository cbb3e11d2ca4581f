"""Warn about secrets in a configuration file."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import log2

from gateway.settings.text.comments import split_lines
from gateway.settings.text.fault import Code, Fault, Place, Severity
from gateway.settings.text.places import Places

# What each kind looks like; the text itself is never shown.
_Sign = tuple[str, re.Pattern[str]]
_SIGNS: tuple[_Sign, ...] = (
    ("a private key", re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")),
    ("a private key", re.compile(r'"d" ?: ?"[\w-]{20,}"')),  # RFC 7517, `d` of a JWK
    ("a token", re.compile(r"(?<![\w-])eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]*")),
    ("a password in a URL", re.compile(r"://[^\s/@:\"'<>$]*:(?!\$)[^\s/@\"'<>]+@")),
    (
        "a key of a cloud service",
        re.compile(
            r"\b(?:AKIA[0-9A-Z]{16}|gh[opsu]_\w{36}|xox[abprs]-[\w-]{10,}|[rs]k_live_\w{16,}"
            r"|AIza[\w-]{35}|glpat-[\w-]{20})"
        ),
    ),
    (
        "a password or a secret",
        re.compile(
            r"""(?i)\b(?:password|passwd|pwd|secret|client[_-]?secret|api[_-]?key|private[_-]?key)"""
            r"""["']?\s*[:=]\s*["']?(?=[^\s"']{0,99}[0-9])(?=[^\s"']{0,99}[a-z])[^\s"'${}\[\],]{8,}"""
        ),
    ),
    (
        "the default of a secret",
        re.compile(
            r"(?i)\$\{\w*(?:secret|password|passwd|pwd|token|api_?key|private_?key):-(?!\})"
        ),
    ),
)
# An audience of Google's Identity-Aware Proxy, which every token of the service has.
_PUBLIC = re.compile(r"/projects/[0-9]+/[A-Za-z0-9/_-]+")
_LONG = re.compile(r"[A-Za-z0-9+/_-]{32,}={0,2}")
_EVERY = (*_SIGNS, ("a secret (it looks random)", _LONG))
_MIXED_LENGTH = 40  # a client id may be a UUID, or 32 letters and digits
_HEX_LENGTH = 64  # a UUID without its dashes has 32, a Git commit 40
_HEX = re.compile(r"[0-9a-f]+|[0-9A-F]+")

# Random base64 of that length has about 4.8 bits per character, a path made of words 4.1.
_RANDOM_BITS = 4.5


def find_written_secrets(places: Places) -> Iterator[Fault]:
    """Yield a warning for each secret in any file, comments included; none is ever shown."""
    for document in places.documents:
        # Most files have none of most kinds, which one search finds out.
        signs = [(what, sign) for what, sign in _EVERY if sign.search(document.text)]
        for number, line in enumerate(split_lines(document.text) if signs else (), 1):
            for secret in find_secrets(line, signs):
                message = (
                    f"this looks like {secret.what}: keep it out of the file; use ${{NAME}} or a"
                    " separate file instead"
                )
                place = Place(document.start.file, number, secret.column + 1)
                yield Fault(place, Code.SECRET_IN_FILE, message, Severity.WARNING)


@dataclass(frozen=True, slots=True)
class SecretText:
    """A text that looks like *what*, at *column* (from 0) of a line."""

    column: int
    what: str


def find_secrets(line: str, signs: Iterable[_Sign] = ()) -> Iterator[SecretText]:
    """Yield the texts in *line* that look like secrets, from left to right, each place once.

    *signs* are those to look for; by default all.
    """
    found = [
        (match.span(), what)
        for what, sign in signs or _EVERY
        for match in sign.finditer(line)
        if sign is not _LONG or _is_random(match[0])
    ]
    reached = 0
    for (start, end), what in sorted(found):
        if start >= reached:
            yield SecretText(start, what)
        reached = max(reached, end)


def _is_random(text: str) -> bool:
    if _PUBLIC.fullmatch(text):
        return False
    if _HEX.fullmatch(text):
        return len(text) >= _HEX_LENGTH and _bits(text) > 3
    kinds = (r"[a-z]", r"[A-Z]", r"[0-9]")
    is_mixed = all(re.search(kind, text) for kind in kinds)
    return is_mixed and len(text) >= _MIXED_LENGTH and _bits(text) > _RANDOM_BITS


def _bits(text: str) -> float:
    """Return the entropy per character of *text*, from its own frequencies."""
    shares = [text.count(character) / len(text) for character in set(text)]
    return -sum(share * log2(share) for share in shares)
