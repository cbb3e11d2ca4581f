"""What a configuration does with a request, by the code that the gateway runs.

A ``World`` signs tokens, reads a request, decides it, writes what the service receives, counts it,
and tells browsers which pages may read the response. ``find_opening`` compares two of them. Neither
knows anything of how differences are found.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import inf
from pathlib import Path
from random import Random
from typing import Final

from gateway.decision.head import NO_SESSION, SessionCredential
from gateway.decision.policy import Issuer
from gateway.decision.revocation import Revocation, RevocationList
from gateway.decision.routes.host import canonical_host
from gateway.decision.token import SignedToken
from gateway.http.cors import edit_response, find_preflight
from gateway.http.host_cors import HostCors
from gateway.http.reading.request import Request
from gateway.limits.bucket_key import bucket_key
from gateway.limits.gcra import Rate, Wanted
from gateway.limits.limiter import Buckets
from gateway.revocation.entries import parse_revocations
from gateway.settings.load import Loaded
from gateway.settings.values.route_options import RouteOptions
from gateway.suites.simulation.answers import as_opaque
from gateway.suites.simulation.compact import to_json
from gateway.suites.simulation.minting import bearer
from gateway.suites.simulation.run_keys import RunKey
from gateway.suites.simulation.sandbox import Sandbox, Sent
from gateway.suites.simulation.wire import Field, read_head, write_head
from tests.suites.differences.random_configs import IDENTITY, SECOND
from tests.suites.differences.random_questions import (
    BY_OTHER_SITE,
    BY_PAGE,
    BY_PERSON,
    MARK,
    OWN_CLAIM,
    Asked,
    Token,
)
from tests.suites.worlds import AT

_SET: Final = (("x-admin", "yes"),)
_OWN_FIELDS: Final = b"\r\nAccess-Control-Allow-Origin: *"  # of a service that lets all pages read
_MANY, _LATER_US = 12, 7_000_000
_ADDRESSES: Final = (b"10.0.0.1", b"10.0.0.2")
_READING: Final = ("GET", "HEAD", "OPTIONS")


@dataclass(frozen=True, slots=True, eq=False)
class Passed:
    """A request with the head that was *received*, what a service receives, and what guarded it."""

    asked: Asked
    received: bytes
    sent: Sent
    servers: frozenset[str]
    options: RouteOptions


class World:
    """The gateway with the configuration *loaded*; revocation lists may be unavailable to it."""

    def __init__(self, loaded: Loaded, has_lists: bool = True) -> None:
        self.settings = loaded.settings
        self.sandbox = Sandbox(loaded.settings, AT)
        self.sandbox.revocations = {
            name: _read_list(one.location, one.is_file)
            for name, one in loaded.settings.revocations.items()
            if has_lists
        }
        self._sharing = HostCors(
            loaded.settings.policy.routes.routes, loaded.settings.route_options
        )
        self._logins = {one.client.client_id: one for one in loaded.settings.logins.values()}
        self._signed: dict[Token, bytes] = {}

    def ask(self, asked: Asked) -> Passed | None:
        """Return what the service receives, or None if it receives nothing."""
        head = self._write(asked)
        session = NO_SESSION
        login = None if asked.login is None else self._logins.get(asked.login)
        if login is not None and asked.token is not None:
            session = SessionCredential(login.name, (self._sign(asked.token),))
        outcome = self.sandbox.decide(head, session)
        if not isinstance(outcome, Sent):
            return None
        route, settings = outcome.allow.route, self.settings
        servers = settings.upstreams[route.upstream].servers
        return Passed(
            asked,
            head,
            outcome,
            frozenset(f"{one.tls} {one.authority}" for one in servers),
            settings.route_options[route.index],
        )

    # --- tokens

    def _write(self, asked: Asked) -> bytes:
        fields: list[Field] = [*_browser_fields(asked)]
        if asked.token is not None and asked.login is None:
            fields.append((asked.token_field.encode(), self._sign(asked.token)))
        if asked.second is not None:
            fields.append((SECOND.encode(), self._sign(asked.second)))
        if asked.page is not None:
            fields.append((b"Origin", asked.page.encode()))
        return write_head(asked.request, *fields)

    def _sign(self, token: Token) -> bytes:
        known = self._signed.get(token)
        if known is None:
            key, kid = self._key(token)
            header = {"alg": key.algorithm, "kid": kid, "typ": token.typ}
            signed = key.sign(header, to_json(token.claims))
            known = self._signed[token] = bearer(as_opaque(signed) if token.is_opaque else signed)
        return known

    def _key(self, token: Token) -> tuple[RunKey, str]:
        """Return the key that signs *token*: that of whoever issues such tokens here."""
        stranger = self.sandbox.stranger(token.algorithm)
        issuer = self._issuer(token)
        if issuer is None:
            return stranger, stranger.kid
        own = self.sandbox.keys.of(issuer.name, token.algorithm)
        return (stranger if token.is_forged else own), own.kid

    def _issuer(self, token: Token) -> Issuer | None:
        policy, said = self.settings.policy, str(token.claims["iss"])
        found = policy.issuers.get(said)
        if found is None and policy.tenants is not None:
            found = policy.tenants.find(said)
        return found or policy.named(token.iss)

    # --- what guards requests

    def admitted(self, requests: Sequence[tuple[Passed, bytes]], later: int) -> int:
        """Return how many of *requests*, each from an address, the rate limits admit.

        They are sent at once, and then again after some time, as often as *later* says.
        """
        buckets, number = Buckets(), 0
        for turn in range(later + 1):
            for passed, address in requests:
                route, token = passed.sent.allow.route, passed.sent.allow.token
                limits = self.settings.rate_limiting.routes[route.index]
                signed = token if isinstance(token, SignedToken) else None
                wanted = [
                    Wanted(
                        bucket_key(one, route, signed, address), Rate(one.interval_us, one.burst)
                    )
                    for one in limits
                ]
                taken = buckets.take(wanted, turn * _LATER_US)
                number += taken.refused is None
        return number

    def may_read(self, passed: Passed) -> frozenset[str]:
        """Return what a page may read and send, each as a line."""
        request: Request = self.sandbox.rehearsal.read(passed.received)
        lines = _grants(edit_response(b"", passed.options, request))
        lines |= _grants(edit_response(_OWN_FIELDS, passed.options, request))
        return frozenset(lines | self._preflight(passed))

    def _preflight(self, passed: Passed) -> set[str]:
        asked = passed.asked
        if asked.page is None:
            return set()
        head = b"OPTIONS %b HTTP/1.1\r\nHost: %b\r\nOrigin: %b\r\n" % (
            asked.request.target,
            asked.request.authority.encode(),
            asked.page.encode(),
        )
        method = b"Access-Control-Request-Method: %b\r\n\r\n" % asked.request.method.encode()
        request = self.sandbox.rehearsal.read(head + method)
        host = canonical_host(request.fields.host) or ""
        settings = self.settings
        found = find_preflight(
            request, host, settings.policy, settings.route_options, self._sharing
        )
        granted = set() if found is None else _grants(found.fields)
        # Without `methods`, only the one that is asked for is named, and each can be.
        own = f"Access-Control-Allow-Methods: {asked.request.method}"
        return {f"preflight {one}" for one in granted if "-Methods" not in one or one == own}


def _read_list(location: str, is_file: bool) -> RevocationList:
    if not is_file:  # its name is in its URL
        name = location.rpartition("/")[2]
        return RevocationList([Revocation((("jti", name),), inf, inf)])
    entries = parse_revocations(Path(location).read_bytes())
    if isinstance(entries, str):
        raise TypeError(entries)
    return RevocationList(entries)


def _browser_fields(asked: Asked) -> Iterator[Field]:
    if asked.browser is None:
        return
    changes = asked.request.method not in _READING
    is_socket = any(name == "Upgrade" for name, _ in asked.request.headers)
    own = b"https://" + asked.request.authority.encode()
    is_other = asked.browser == BY_OTHER_SITE
    if changes or is_socket:
        yield b"Origin", b"https://elsewhere.example" if is_other else own
    site = {BY_PAGE: b"same-origin", BY_OTHER_SITE: b"cross-site", BY_PERSON: b"none"}
    yield b"Sec-Fetch-Site", site[asked.browser]
    mode = b"cors" if asked.browser == BY_PAGE else b"navigate"
    yield b"Sec-Fetch-Mode", b"websocket" if is_socket else mode
    if asked.browser == BY_PAGE and changes:
        yield b"X-CSRF", b"1"


def _grants(fields: bytes) -> set[str]:
    """Return what response *fields* grant to pages, one line for each member of a list."""
    found: set[str] = set()
    for line in fields.decode("latin-1").split("\r\n"):
        name, _, value = line.partition(": ")
        if name.lower().startswith("access-control-"):
            found.update(f"{name}: {one}" for one in value.split(", "))
    return found


# --- the law


def find_opening(random: Random, before: World, after: World, all_asked: Sequence[Asked]) -> str:
    """Return what the new world opens or guards less than the old one, empty if nothing is found.

    That is a request that only the new one sends to a service; or one that both send, but elsewhere
    or with more that a client can choose, with a higher limit, or to be read by more pages.
    """
    both: list[tuple[Passed, Passed]] = []
    for asked in all_asked:
        new = after.ask(asked)
        if new is None:
            continue
        old = before.ask(asked)
        if old is None:
            return f"allowed: {asked}"
        found = _compare(before, after, old, new)
        if found:
            return f"{found}: {asked}"
        both.append((old, new))
    return _find_uncounted(random, before, after, both)


def _compare(before: World, after: World, old: Passed, new: Passed) -> str:
    if old.sent.allow.would_deny is not None and new.sent.allow.would_deny is None:
        return "accepted, and was only reported"
    if new.servers - old.servers:
        return "sent to another server"
    return (
        _compare_heads(old, new)
        or _compare_options(old.options, new.options)
        or _compare_pages(before, after, old, new)
    )


def _compare_heads(old: Passed, new: Passed) -> str:
    was, becomes = read_head(old.sent.head), read_head(new.sent.head)
    (path, _, query), (new_path, _, new_query) = (
        one.target.partition("?") for one in (was, becomes)
    )
    if path != new_path or was.values("Host") != becomes.values("Host"):
        return f"sent to {becomes.values('Host')}{new_path}"
    for one in new_query.split("&"):
        if one not in query.split("&") and (MARK in one or one == "admin=1"):
            return f"sent with {one}"
    known = {(name.lower(), value) for name, value in was.fields}
    names = {name for name, _ in known}
    for name, value in becomes.fields:
        field = name.lower(), value
        if field in known:
            continue
        if MARK in value or field in _SET:
            return f"sent with {name}: {value}"
        if field[0] == "authorization" and field[0] not in names:
            return "sent with the token"
        # Who was not known before, and is from now on, was let in before.
        if old.sent.allow.token is not None and _says_another(name, value, was.values(name)):
            return f"sent as {name}: {value}"
    return ""


def _says_another(name: str, value: str, before: Sequence[str]) -> bool:
    """Return whether an identity header has a *value* that users can change, or another user."""
    if value == OWN_CLAIM:
        return True
    return name in IDENTITY and bool(before) and not {MARK, OWN_CLAIM} & {*before}


def _compare_options(old: RouteOptions, new: RouteOptions) -> str:
    for name in ("body_bytes", "requests", "response_timeout_seconds", "total_seconds"):
        one, other = (_most(getattr(side, name)) for side in (old, new))
        if other > one:
            return f"{name} {other}"
    return ""


def _most(limit: float | None) -> float:
    return inf if limit is None else limit


def _compare_pages(before: World, after: World, old: Passed, new: Passed) -> str:
    if new.asked.page is None:
        return ""
    was, becomes = before.may_read(old), after.may_read(new)
    more = sorted(becomes - was)
    for line in more:
        age = line.partition("Access-Control-Max-Age: ")[2]
        known = max((_age(one) for one in was), default=0)
        if not age or int(age) > known:
            return f"pages may read {line}"
    return ""


def _age(line: str) -> int:
    return int(line.partition("Access-Control-Max-Age: ")[2] or 0)


def _is_counted_anew(old: Passed, new: Passed) -> bool:
    """Return whether the caller was nobody and is known now, or was known and is only reported now.

    A limit that counts by caller then counts the first by itself, which is `changed` by definition;
    and the second with all that are nobody, where it counted before if it left its token out.
    """
    was, becomes = old.sent.allow, new.sent.allow
    if was.token is None:
        return becomes.token is not None
    return was.would_deny is None and becomes.would_deny is not None


def _find_uncounted(
    random: Random, before: World, after: World, both: Sequence[tuple[Passed, Passed]]
) -> str:
    """Return which requests, of those that *both* worlds allow, are limited less."""
    limited = [
        pair
        for pair in both
        if before.settings.rate_limiting.routes[pair[0].sent.allow.route.index]
    ]
    for old, new in limited[:20]:
        for addresses in (_ADDRESSES[:1], _ADDRESSES):
            sent = [([(one, each) for each in addresses] * _MANY)[:_MANY] for one in (old, new)]
            if after.admitted(sent[1], 1) > before.admitted(sent[0], 1):
                return f"admitted more often: {old.asked}"
    guarded = [
        pair
        for pair in both
        if (pair in limited or pair[0].options.requests is not None) and not _is_counted_anew(*pair)
    ]
    pairs = list(combinations(guarded, 2))
    for one, other in random.sample(pairs, min(len(pairs), 40)):
        (old, new), (old2, new2) = one, other
        if _places([new, new2]) > _places([old, old2]):
            return f"at once more often: {old.asked} and {old2.asked}"
        sent = [
            [(a, _ADDRESSES[0]), (b, _ADDRESSES[0])] * (_MANY // 2)
            for a, b in ((old, old2), (new, new2))
        ]
        if after.admitted(sent[1], 0) > before.admitted(sent[0], 0):
            return f"admitted more often together: {old.asked} and {old2.asked}"
    return ""


def _places(passed: Sequence[Passed]) -> float:
    """Return how many such requests may be in flight at once."""
    by_route = {one.sent.allow.route.name: _most(one.options.requests) for one in passed}
    return sum(by_route.values())
