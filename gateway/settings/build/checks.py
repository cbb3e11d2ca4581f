"""Checks that several sections share."""

import re
from collections.abc import Collection, Sequence
from importlib.util import find_spec

from gateway.settings.text.document import Part
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.scalars import shorten
from gateway.settings.text.suggestions import did_you_mean

# A URL, or a host with a port.
_ADDRESS = re.compile(r"([a-z]+://)([^/?#@\s]+)|([A-Za-z0-9.-]+:[0-9]+)(?:/|$)")


def refuse_repeated(
    values: Sequence[object],
    part: Part,
    faults: list[Fault],
    meant: Sequence[object] | None = None,
) -> None:
    """Refuse a value that is in a list twice: the second was probably meant to be another one.

    *meant* is the meaning of each of *values*, if there is more than one way to write it.
    """
    if len(values) < 2:
        return
    seen: set[object] = set()
    for index, (value, one) in enumerate(zip(values, meant or values, strict=True)):
        if one not in seen:
            seen.add(one)
        else:
            message = f"`{shorten(str(value))}` is already in this list"
            faults.append(part.child(index).fault(Code.DUPLICATE_VALUE, message))


def refuse_unknown(
    what: str, name: str, known: Collection[str], part: Part, faults: list[Fault]
) -> None:
    """Refuse *name* unless a *what* (upstream, issuer, …) with that name is *known*."""
    if name not in known:
        message = f"no {what} is named `{shorten(name)}`"
        shown = "URL" if part.document.is_filled(part.path) else shorten(name)
        message += _declare(what, shown, name) or did_you_mean(name, known)
        faults.append(part.fault(Code.UNKNOWN_REFERENCE, message))


def _declare(what: str, shown: str, name: str) -> str:
    """Return how to declare what *name*, which is *shown*, is instead of a name; or nothing."""
    found = _ADDRESS.match(name) if what == "upstream" else None
    if found is not None:
        url = shown if shown == "URL" else f"{found[1] or 'http://'}{shorten(found[2] or found[3])}"
        return (
            ": write the name of a service here, and its address once, under"
            f' `upstreams: {{NAME: {{servers: ["{url}"]}}}}`'
        )
    if what == "issuer" and "://" in name:
        return ": write its name, which is its key in `issuers`, and not its URL"
    if what == "rate limit" and "/" in name:
        return (
            ": write a name here, and the limit once, under"
            f" `rate_limits: {{NAME: {{rate: {shown}, key: subject}}}}` of the main file"
        )
    return ""


def judge_audiences(
    audiences: Sequence[str], part: Part, any_one: str, faults: list[Fault]
) -> None:
    """Refuse repeated *audiences* and `*`, and warn about patterns: audiences are compared whole.

    *any_one* is what to write to accept any audience.
    """
    refuse_repeated(audiences, part, faults)
    for index, audience in enumerate(audiences):
        if audience == "*":
            message = f"`*` is no pattern: list the audiences of this API; {any_one}"
            faults.append(part.child(index).fault(Code.BAD_VALUE, message))
        elif "*" in audience:
            message = (
                f"`{shorten(audience)}` is compared character by character, star included: list"
                " each audience as tokens have it in `aud`"
            )
            faults.append(part.child(index).warning(Code.PATTERN_MISREAD, message))


def require_exactly_one(part: Part, one: str, other: str, faults: list[Fault]) -> None:
    """Refuse a mapping that has both keys, or neither."""
    if not isinstance(part.raw, dict):
        return
    if one in part.raw and other in part.raw:
        message = f"`{one}` and `{other}` are mutually exclusive"
        faults.append(part.child(other).key_fault(Code.CONFLICTING_KEYS, message))
    elif one not in part.raw and other not in part.raw:
        message = f"either `{one}` or `{other}` is required"
        faults.append(part.key_fault(Code.MISSING_KEY, message))


def refuse_without(package: str, extra: str, what: str, part: Part, faults: list[Fault]) -> None:
    """Refuse the section *part* if *package*, which *extra* installs, is missing."""
    if not _is_installed(package):
        message = f'{what} an extra that is not installed: pip install "jwt-gateway[{extra}]"'
        faults.append(part.key_fault(Code.NOT_SUPPORTED, message))


def _is_installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:  # its parent package is missing
        return False
