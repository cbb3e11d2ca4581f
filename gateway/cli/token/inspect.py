"""Show the header and the claims of a token, never the token itself."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import click

from gateway.cli.options import format_option
from gateway.cli.token_source import (
    ON_THE_COMMAND_LINE,
    SourceUnreadableError,
    is_source,
    only_token,
    read_source,
)
from gateway.decision.tokens.json_text import JsonFault, parse_json_object
from gateway.decision.tokens.jws import parse_compact
from gateway.decision.verdict import Deny

_TIME_CLAIMS = ("auth_time", "exp", "iat", "nbf")
_LAST_SECOND = datetime(9999, 12, 31, tzinfo=UTC).timestamp()
_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))

_SIGNATURE_NOTE = "the signature was not checked"


@dataclass(frozen=True, slots=True)
class Inspection:
    """The content of a token: its header, its claims, and notes for people."""

    header: Mapping[str, object]
    claims: Mapping[str, object]
    notes: tuple[str, ...]


@click.command(short_help="Show the header and the claims of a token.")
@click.argument("source", nargs=-1, metavar="[-|@FILE|env:NAME]")
@format_option()
def inspect(source: tuple[str, ...], form: str) -> None:
    """Show the header and the claims of a token from stdin, a file or a variable.

    The signature is neither shown nor checked.

    Exit code: 0; 1 if it is not a token; 3 if the source is unreadable.
    """
    # Anything else on the command line may be a token, so no message repeats it.
    if len(source) > 1 or not is_source(source[0] if source else "-"):
        raise click.UsageError(ON_THE_COMMAND_LINE)
    try:
        text = read_source(source[0] if source else "-")
    except SourceUnreadableError as failure:
        click.echo(f"gateway: {failure}", err=True)
        raise click.exceptions.Exit(3) from None
    inspection = inspect_token(text, time.time())
    if isinstance(inspection, str):
        click.echo(f"gateway: not a token: {inspection}", err=True)
        raise click.exceptions.Exit(1)
    click.echo(_as_json(inspection) if form == "json" else _as_text(inspection))


def inspect_token(text: bytes, now: float) -> Inspection | str:
    """Return the content of the token in *text* at *now*, or why it is not a token.

    It is parsed as the gateway parses it, so a token that the gateway calls malformed is never
    shown as if it were good.
    """
    word = only_token(text)
    if isinstance(word, str):
        return word
    token = parse_compact(word)
    if isinstance(token, Deny):
        return token.detail
    claims = parse_json_object(token.payload)
    if isinstance(claims, JsonFault):
        return f"the token's claims are unreadable: {claims.detail}"
    return Inspection(token.header, claims, _notes(claims, now))


def _notes(claims: Mapping[str, object], now: float) -> tuple[str, ...]:
    notes = []
    expires_at, not_before = _seconds(claims.get("exp")), _seconds(claims.get("nbf"))
    if expires_at is None:
        notes.append("exp is missing or not a time: the gateway refuses such a token")
    elif expires_at <= now:
        notes.append(f"expired {_span(now - expires_at)} ago")
    else:
        notes.append(f"expires in {_span(expires_at - now)}")
    if not_before is not None and not_before > now:
        notes.append(f"not yet valid: starts in {_span(not_before - now)}")
    notes.append(_SIGNATURE_NOTE)
    return tuple(notes)


def _seconds(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= _LAST_SECOND else None


def _span(seconds: float) -> str:
    """Return *seconds* in its two largest units: ``2 d 3 h``."""
    parts: list[str] = []
    left = int(seconds)
    for unit, unit_seconds in _UNITS:
        count, left = divmod(left, unit_seconds)
        if count or parts or unit == "s":
            parts.append(f"{count} {unit}")
        if len(parts) == 2:
            break
    return " ".join(parts)


def _as_json(inspection: Inspection) -> str:
    whole = {
        "header": inspection.header,
        "claims": inspection.claims,
        "notes": inspection.notes,
    }
    return json.dumps(whole, indent=2)


def _as_text(inspection: Inspection) -> str:
    parts = {"header": inspection.header, "claims": inspection.claims}
    names = [json.dumps(name)[1:-1] for members in parts.values() for name in members]
    width = max(map(len, names), default=0)
    lines = []
    for title, members in parts.items():
        lines.append(title)
        lines += [_member_line(name, value, width) for name, value in members.items()]
    return "\n".join([*lines, "notes", *(f"  {note}" for note in inspection.notes)])


def _member_line(name: str, value: object, width: int) -> str:
    # JSON escapes control characters, which come from a stranger.
    line = f"  {json.dumps(name)[1:-1]:<{width}}  {json.dumps(value)}"
    seconds = _seconds(value) if name in _TIME_CLAIMS else None
    if seconds is None:
        return line
    return f"{line}  ({datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC)"
