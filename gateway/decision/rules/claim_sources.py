"""Parse where a text about the caller comes from: a claim, the first of several, or a template."""

import re
from dataclasses import dataclass

from gateway.decision.rules.claim_names import format_claim_name, parse_claim_name

ClaimPath = tuple[str, ...]
"""The names that lead to a claim, from the outermost."""

_QUOTED = r'\["(?:[^"\\]|\\.)*+"\]'
_QUOTED_NAME = re.compile(_QUOTED)
_PARTS = re.compile(rf"\{{(?P<claims>(?:{_QUOTED}|[^{{}}])*+)\}}|(?P<literal>[^{{}}]++)")
_BAR = re.compile(rf"{_QUOTED}|(?P<bar>\|)")

# `%` begins an encoded byte of a value. All else of ASCII can be told from values (RFC 9110 §5.5).
_LITERAL = re.compile(r"[\x20-\x24\x26-\x7e]*")

# RFC 3986 §2.3 has the unreserved characters; all others are encoded in values.
_SEPARATOR = re.compile(r"[^A-Za-z0-9._~-]")

# OpenID Connect Core §5.7: these may change, and may later belong to another person; some issuers
# let people choose them.
_CHANGEABLE = ("preferred_username", "upn", "email", "name", "nickname", "phone_number")
LASTING = frozenset({("sub",), ("oid",), ("uid",), ("user_id",)})


@dataclass(frozen=True, slots=True)
class FirstOf:
    """The first of *paths* that is present and not null."""

    paths: tuple[ClaimPath, ...]


@dataclass(frozen=True, slots=True)
class Template:
    """Literal text with the values of claims in between.

    *literals* has one text more than *claims*, and *claims* the alternatives of each place. Each
    text between two claims has a character that no value has once it is encoded, so that two
    different lists of values never make the same text.
    """

    literals: tuple[str, ...]
    claims: tuple[tuple[ClaimPath, ...], ...]


ClaimSource = ClaimPath | FirstOf | Template


def parse_claim_source(text: str) -> ClaimSource:
    """Return the source that *text* spells.

    It is a claim (``sub``), alternatives (``client_id | azp``), or a template
    (``{tid}/{oid | sub}``). Raises ValueError, with what to write, if it is malformed or can be
    read in two ways.
    """
    bare = _QUOTED_NAME.sub("", text)
    if "{" in bare or "}" in bare:
        return _template(text)
    paths = _alternatives(text)
    return paths[0] if len(paths) == 1 else FirstOf(paths)


def _alternatives(text: str) -> tuple[ClaimPath, ...]:
    bars = [match.start() for match in _BAR.finditer(text) if match["bar"]]
    if any(text[at - 1 : at] != " " or text[at + 1 : at + 2] != " " for at in bars):
        spaced = " | ".join(part.strip() for part in text.split("|"))
        raise ValueError(
            f'{text!r} is ambiguous: write `{spaced}` for the first that is present, and ["…"]'
            " around a name with a bar"
        )
    ends = [*bars, len(text)]
    starts = [0, *(at + 1 for at in bars)]
    # Spaces around a single name stay in it, to be refused as before.
    parts = [text[start:end] for start, end in zip(starts, ends, strict=True)]
    paths = [parse_claim_name(part.strip(" ") if bars else part) for part in parts]
    for path in paths:
        if paths.count(path) > 1:
            raise ValueError(f"{text!r} has `{format_claim_name(path)}` twice")
    return tuple(paths)


def _template(text: str) -> Template:
    literals, claims, position = [""], list[tuple[ClaimPath, ...]](), 0
    while position < len(text):
        part = _PARTS.match(text, position)
        if part is None:
            raise ValueError(
                f"{text!r}: a brace lacks its other half; braces are around claims, as in"
                " {tid}/{oid | sub}, and cannot be literal text"
            )
        if part["claims"] is None:
            literals[-1] = part["literal"]
        else:
            claims.append(_alternatives(part["claims"].strip(" ")))
            literals.append("")
        position = part.end()
    _check_literals(text, literals)
    if literals == ["", ""]:
        raise ValueError(f"{text!r}: write `{text[1:-1]}`, without braces")
    return Template(tuple(literals), tuple(claims))


def _check_literals(text: str, literals: list[str]) -> None:
    for literal in literals:
        if not _LITERAL.fullmatch(literal):
            raise ValueError(f"{text!r}: text around claims must be printable ASCII without %")
    if text != text.strip(" "):
        raise ValueError(f"{text!r}: a header cannot begin or end with a space")
    for literal in literals[1:-1]:
        if not _SEPARATOR.search(literal):
            raise ValueError(
                f"{text!r}: a value could contain {literal!r}: between two claims write a sign that"
                " is encoded in values, e.g. a slash: {tid}/{oid}"
            )


def format_claim_source(source: ClaimSource) -> str:
    """Return the text that ``parse_claim_source`` reads as *source*."""
    if isinstance(source, FirstOf):
        return _format_alternatives(source.paths)
    if isinstance(source, Template):
        braced = [f"{{{_format_alternatives(paths)}}}" for paths in source.claims]
        places = zip(source.literals, (*braced, ""), strict=True)
        return "".join(literal + claim for literal, claim in places)
    return format_claim_name(source)


def _format_alternatives(paths: tuple[ClaimPath, ...]) -> str:
    return " | ".join(map(format_claim_name, paths))


def claims_of(source: ClaimSource) -> tuple[ClaimPath, ...]:
    """Return every claim that *source* may take its text from, in order."""
    return tuple(path for paths in alternatives_of(source) for path in paths)


def alternatives_of(source: ClaimSource) -> tuple[tuple[ClaimPath, ...], ...]:
    """Return the alternatives for each place of *source* that a claim fills."""
    if isinstance(source, FirstOf):
        return (source.paths,)
    return source.claims if isinstance(source, Template) else ((source,),)


def changeable_claim(source: ClaimSource) -> str | None:
    """Return a claim in *source* that users may be able to change, if it can be all of the user.

    In a template, a claim beside it that lasts identifies the user as well.
    """
    places = alternatives_of(source)
    if any(LASTING.issuperset(paths) for paths in places):
        return None
    named = {path[0] for paths in places for path in paths if len(path) == 1}
    return next((name for name in _CHANGEABLE if name in named), None)
