"""Recognise regular expressions in places that take a glob."""

import re

# What no glob of ours has on purpose. `com.example.*` is a fine glob, and so is `auth0|*`.
_SIGNS = re.compile(
    r"""\A\^ | (?<!\\)\$\Z | \A\.[*+] | \\(?:[dDwWsSbB](?![A-Za-z])|\.) | \.\+ | \.\* .* \$\Z
    | \[ \^? [^\]]* \w-\w [^\]]* \] | \[ [^\]]* \] [+*?{] | \( [^()]* \| [^()]* \)
    | \{ \d+ (,\d*)? \}""",
    re.VERBOSE,
)
_CHOICE = re.compile(r"\^?\(\??:?([^()*+?\\\[\]{}^$]+(?:\|[^()*+?\\\[\]{}^$]+)+)\)\$?")
# Once `.*` and `\.` are gone, whatever is left of these has no glob.
_LEFT = re.compile(r"[\\()\[\]^$+?]|\{\d")

# Nobody writes a longer one, and the search is quadratic in the length.
_MAX_CHARACTERS = 300


def looks_like_regex(text: str) -> bool:
    """Return whether *text* has a sign of a regular expression that no glob is likely to have."""
    return len(text) <= _MAX_CHARACTERS and _SIGNS.search(text) is not None


def is_anchored(text: str) -> bool:
    """Return whether *text* begins with ``^`` and ends with ``$``: no glob ever does."""
    return len(text) > 1 and text.startswith("^") and text.endswith("$")


def find_choices(regex: str) -> list[str] | None:
    """Return the texts that *regex* is a choice of, as ``^(a|b)$`` is; None if it is none."""
    found = _CHOICE.fullmatch(regex)
    return None if found is None else found[1].split("|")


def find_glob(regex: str) -> str | None:
    """Return the glob that *regex* was meant as, for the whole text; None if there is none.

    Of a regular expression without `^` and `$`, that is less than it would match.
    """
    inner = regex.removeprefix("^").removesuffix("$")
    glob = re.sub(r"(?<!\\)\.[*+]", "*", inner).replace("\\.", ".")
    return None if _LEFT.search(glob) else re.sub(r"\*+", "*", glob)
