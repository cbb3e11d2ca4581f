"""The requests that the demo shows, with the expected response to each."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import aiohttp

from gateway.cli.output import print_table
from gateway.decision.reason import Reason
from gateway.fetching.session import AGENT

# On loopback a response takes milliseconds; the gateway's own limit for an upstream is 30 s.
_TIMEOUT = aiohttp.ClientTimeout(total=35)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its expected response.

    *persona* is the owner of the token, None for no token. *stolen_by* puts that persona's
    signature under the claims of *persona*. *refusal* is None if the request is forwarded.
    """

    title: str
    method: str
    path: str
    persona: str | None
    refusal: Reason | None = None
    stolen_by: str | None = None

    @property
    def expected(self) -> str:
        """Return the expected response, as ``outcome`` describes it."""
        if self.refusal is None:
            return f"200 as {self.persona or 'nobody'}"
        return f"{self.refusal.status} {self.refusal.code}"


EXCHANGES = (
    Exchange("anyone asks for health", "GET", "/healthz", None),
    Exchange("alice reads an order", "GET", "/orders/42", "alice"),
    Exchange("nobody reads an order", "GET", "/orders/42", None, Reason.TOKEN_MISSING),
    Exchange(
        "mallory signs as alice",
        "GET",
        "/orders/42",
        "alice",
        Reason.SIGNATURE_INVALID,
        stolen_by="mallory",
    ),
    Exchange("alice writes an order", "POST", "/orders/42", "alice", Reason.SCOPE_MISSING),
    Exchange("bob writes an order", "POST", "/orders/42", "bob"),
    Exchange("alice reads an invoice of hers", "GET", "/tenants/acme/invoices/7", "alice"),
    Exchange(
        "carol reads an invoice of others",
        "GET",
        "/tenants/acme/invoices/7",
        "carol",
        Reason.CLAIM_RULE_FAILED,
    ),
)


def token_for(exchange: Exchange, tokens: Mapping[str, str]) -> str | None:
    """Return the token that *exchange* sends; *tokens* is keyed by persona."""
    if exchange.persona is None:
        return None
    token = tokens[exchange.persona]
    if exchange.stolen_by is None:
        return token
    claims_as_signed, _, _ = token.rpartition(".")
    _, _, signature = tokens[exchange.stolen_by].rpartition(".")
    return f"{claims_as_signed}.{signature}"


def curl_line(exchange: Exchange, origin: str, tokens: Mapping[str, str]) -> str:
    """Return the shell command that sends *exchange*, with its token in it."""
    return _curl(exchange, origin, token_for(exchange, tokens))


def short_curl_line(exchange: Exchange, origin: str) -> str:
    """Return the shell command that sends *exchange*, with a token that ``token_lines`` keep."""
    name = exchange.persona if exchange.stolen_by is None else "forged"
    return _curl(exchange, origin, None if name is None else f"${name.upper()}")


def token_lines(option: str) -> list[str]:
    """Return the shell commands that keep a token of each persona; *option* names the issuer."""
    lines = {
        name: f"{name.upper()}=$(gateway token mint --as {name}{option})"
        for one in EXCHANGES
        for name in (one.persona, one.stolen_by)
        if name is not None
    }
    # As `token_for`: all before the last dot of one, all after the last dot of the other.
    forged = [
        f"FORGED=${{{one.persona.upper()}%.*}}.${{{one.stolen_by.upper()}##*.}}"
        for one in EXCHANGES
        if one.persona is not None and one.stolen_by is not None
    ]
    return [*lines.values(), *forged]


def _curl(exchange: Exchange, origin: str, token: str | None) -> str:
    """Return the command; nothing in it has to be quoted: a token has no space in it."""
    words = ["curl", "-i"]
    if exchange.method != "GET":
        words += ["-X", exchange.method]
    if token is not None:
        words += ["--oauth2-bearer", token]
    return " ".join([*words, origin + exchange.path])


async def send_all(origin: str, tokens: Mapping[str, str]) -> tuple[str, ...]:
    """Send every request to the gateway at *origin*; return the outcomes in order."""
    headers = {"User-Agent": AGENT}
    async with aiohttp.ClientSession(timeout=_TIMEOUT, headers=headers) as client:
        return tuple([await _send(client, exchange, origin, tokens) for exchange in EXCHANGES])


async def _send(
    client: aiohttp.ClientSession, exchange: Exchange, origin: str, tokens: Mapping[str, str]
) -> str:
    token = token_for(exchange, tokens)
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    try:
        async with client.request(
            exchange.method, origin + exchange.path, headers=headers
        ) as response:
            return outcome(response.status, await response.read())
    except (aiohttp.ClientError, TimeoutError) as error:
        return f"no response ({type(error).__name__})"


def outcome(status: int, body: bytes) -> str:
    """Summarize a response: the caller that the service saw, or the reason for the refusal."""
    try:
        members = json.loads(body)
    except ValueError:
        members = None
    if not isinstance(members, dict):
        return f"{status} with an unexpected body"
    if "reason" in members:
        return f"{status} {members['reason']}"
    subjects = [
        value for name, value in members.get("headers", ()) if name.lower() == "x-gateway-subject"
    ]
    return f"{status} as {', '.join(subjects) or 'nobody'}"


_COLOURS = {"ok": "green", "FAILED": "red"}


class Row(NamedTuple):
    """One step of the demo, with its expected and its actual outcome."""

    title: str
    request: str
    expected: str
    got: str


def rows_of(outcomes: Sequence[str]) -> list[Row]:
    """Return all requests with their outcomes."""
    return [
        Row(exchange.title, f"{exchange.method} {exchange.path}", exchange.expected, got)
        for exchange, got in zip(EXCHANGES, outcomes, strict=True)
    ]


def print_outcomes(rows: Sequence[Row]) -> None:
    """Print a table of all steps with their expected and actual outcomes."""
    marked = [("ok" if row.expected == row.got else "FAILED", *row) for row in rows]
    print_table(("", "what", "request", "expected", "got"), marked, _COLOURS)


def outcomes_as_json(rows: Sequence[Row]) -> str:
    """Return the same as JSON, with whether each step and all of them had that outcome."""
    steps = [
        {
            "what": row.title,
            "request": row.request,
            "expected": row.expected,
            "got": row.got,
            "as_expected": row.expected == row.got,
        }
        for row in rows
    ]
    return json.dumps({"as_expected": all_as_expected(rows), "steps": steps}, indent=2)


def all_as_expected(rows: Sequence[Row]) -> bool:
    """Return whether every step had the expected outcome."""
    return all(row.expected == row.got for row in rows)
