"""Parse the arguments of ``gateway explain``; no message repeats a token."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from ipaddress import ip_address

import click

from gateway.decision.tokens.json_text import JsonFault, parse_json_object
from gateway.settings.text.suggestions import did_you_mean
from gateway.suites.files.models import ANSWERS
from gateway.suites.simulation.request import (
    BadRequestError,
    SimulatedRequest,
    check_field,
    parse_request,
)

# RFC 3339 §5.6; without an offset, a time is ambiguous.
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_SECONDS = re.compile(r"\d{1,15}(\.\d+)?", re.ASCII)
_BEARER = re.compile(r"(\A|,)[^A-Za-z,]*bearer", re.IGNORECASE)

Header = tuple[str, str]


ANY_HOST = "localhost"
"""Stands for any host that no route lists."""


def read_request(words: Sequence[str], headers: Sequence[Header]) -> SimulatedRequest:
    """Return the request that METHOD, URL and *headers* make; raise UsageError.

    METHOD is GET if it is missing. A path alone is one on `ANY_HOST`.
    """
    if not 1 <= len(words) <= 2 or (len(words) == 1 and "/" not in words[0]):
        raise click.UsageError("expected METHOD and URL, or a path")
    method, url = words if len(words) == 2 else ("GET", words[0])
    try:
        return parse_request(method, f"http://{ANY_HOST}{url}" if is_path(url) else url, headers)
    except BadRequestError as problem:
        raise click.UsageError(f"METHOD and URL: {problem}") from None


def is_path(url: str) -> bool:
    """Return whether *url* has no host."""
    return url.startswith("/")


class Moment(click.ParamType[float]):
    """A time: RFC 3339, or seconds since the epoch."""

    name = "time"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return seconds since the epoch."""
        text = str(value)
        if _SECONDS.fullmatch(text):
            return float(text)
        try:
            at = datetime.fromisoformat(text.upper()) if _MOMENT.fullmatch(text) else None
        except ValueError:
            at = None
        if at is None or at < datetime.fromtimestamp(0, UTC):
            self.fail('not a time: "2026-01-01T12:00:00Z", or seconds since 1970', param, ctx)
        return at.timestamp()


class HeaderLine(click.ParamType[Header]):
    """A header field: ``Name: value``."""

    name = "field"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Header:
        """Return name and value."""
        name, colon, text = str(value).partition(":")
        text = text.strip(" \t")
        if not colon:
            self.fail("write it like 'Name: value'", param, ctx)
        try:
            check_field(name, text)
        except BadRequestError as problem:
            self.fail(str(problem), param, ctx)
        if name.lower() == "host":
            self.fail("the host is in the URL", param, ctx)
        if name.lower() == "authorization" and _BEARER.search(text):
            self.fail("pass a token with --token, so that it stays out of sight", param, ctx)
        return name, text


class Client(click.ParamType[str]):
    """The IP address that a request comes from."""

    name = "address"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """Return the address."""
        try:
            return str(ip_address(str(value)))
        except ValueError:
            self.fail("not an IP address", param, ctx)


class Claims(click.ParamType[dict[str, object]]):
    """The claims of a token, as a JSON object."""

    name = "json"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> dict[str, object]:
        """Return the claims."""
        claims = parse_json_object(str(value).encode("utf-8", "surrogateescape"))
        if isinstance(claims, JsonFault):
            self.fail(f"not a JSON object of claims: {claims.detail}", param, ctx)
        return claims


class Expected(click.ParamType[str]):
    """The expected decision: ``allow``, ``published``, ``login``, or a reason."""

    name = "decision"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """Return the expected decision."""
        text = str(value)
        if text not in ANSWERS:
            meant = did_you_mean(text, ANSWERS)
            self.fail(
                f"not allow, published, login or a reason (`gateway help reasons`){meant}",
                param,
                ctx,
            )
        return text
