"""Try everything on other machines that a configuration names, once."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from secrets import token_urlsafe

from aiohttp import ClientSession

from gateway.cli.asked_issuer import ask_issuer
from gateway.cli.check.local_files import describe_no_key
from gateway.cli.check.logins import try_credentials, try_login
from gateway.cli.check.servers import ask_health, dial
from gateway.cli.fetched_keys import find_keys_of
from gateway.cli.output import Progress
from gateway.fetching.document import FetchFailed
from gateway.fetching.files import Files
from gateway.fetching.resolver import Resolver
from gateway.fetching.session import make_session
from gateway.fetching.shown_url import show_url
from gateway.introspection.asking import NoAnswer
from gateway.keyring.local_source import is_local
from gateway.revocation.entries import parse_revocations
from gateway.revocation.source import read_list
from gateway.settings.text.document import Part
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.places import Places
from gateway.settings.values.configuration import (
    IntrospectionSettings,
    IssuerSettings,
    RevocationSettings,
    Server,
    Settings,
    Timeouts,
    Upstream,
)
from gateway.tls.contexts import make_client_contexts

# For everything together: a person waits for it.
LIMIT_SECONDS = 60.0

# Of the 1,024 files that a process may open on most machines.
_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class _Trial:
    """One attempt, and the fault if there was no time for it."""

    run: Callable[[], Awaitable[Fault | None]]
    late: Fault


async def find_online(
    settings: Settings,
    places: Places,
    progress: Progress | None = None,
    limit_seconds: float = LIMIT_SECONDS,
) -> tuple[Fault, ...]:
    """Return an error for each remote issuer, list, login, credential and server that fails now.

    Each has its configured timeout, and all together have *limit_seconds*. *progress* advances with
    each that was tried.
    """
    progress = progress or Progress()
    deadline = asyncio.get_running_loop().time() + limit_seconds
    turns = asyncio.Semaphore(_AT_ONCE)

    async def run(trial: _Trial) -> Fault | None:
        try:
            async with asyncio.timeout_at(deadline), turns:
                return await trial.run()
        except TimeoutError:
            return trial.late
        finally:
            progress.advance()

    async with make_session() as session:
        trials = [
            *_issuers(settings, places, session),
            *_lists(settings, places, session),
            *_logins(settings, places, session),
            *_credentials(settings, places, session),
            *_servers(settings, places),
        ]
        progress.total = len(trials)
        found = await asyncio.gather(*map(run, trials))
    return tuple(fault for fault in found if fault is not None)


def _trial(part: Part, code: Code, run: Callable[[], Awaitable[Fault | None]]) -> _Trial:
    return _Trial(run, part.fault(code, "no response before the time limit of the check"))


# --- keys


def _issuers(settings: Settings, places: Places, session: ClientSession) -> Iterator[_Trial]:
    files = Files()
    for name, one in settings.issuers.items():
        if one.introspection is not None:
            part = places.issuer(name).child("introspection")
            run = partial(try_introspection, session, one, one.introspection, part)
            yield _trial(part, Code.INTROSPECTION_UNUSABLE, run)
        if one.has_keys and not is_local(one.source):
            part = places.issuer(name).child(one.source.kind.value)
            yield _trial(part, Code.KEYS_UNAVAILABLE, _keys_of(one, part, session, files))


def _keys_of(
    one: IssuerSettings, part: Part, session: ClientSession, files: Files
) -> Callable[[], Awaitable[Fault | None]]:
    async def run() -> Fault | None:
        finding = await find_keys_of(session, files, one)
        if finding.error is not None:
            return part.fault(Code.KEYS_UNAVAILABLE, finding.error)
        missing = describe_no_key(finding.parsed, one.issuer.algorithms)
        return None if missing is None else part.fault(Code.KEYS_UNUSABLE, missing)

    return run


# --- revocation lists


def _lists(settings: Settings, places: Places, session: ClientSession) -> Iterator[_Trial]:
    files = Files()
    for name, one in settings.revocations.items():
        if not one.is_file:
            part = places.main().child("revocations").child(name).child("url")
            run = _list_of(one, part, session, files)
            yield _trial(part, Code.REVOCATIONS_UNAVAILABLE, run)


def _list_of(
    one: RevocationSettings, part: Part, session: ClientSession, files: Files
) -> Callable[[], Awaitable[Fault | None]]:
    async def run() -> Fault | None:
        try:
            entries = parse_revocations(await read_list(session, files, one))
        except FetchFailed as failure:
            return part.fault(Code.REVOCATIONS_UNAVAILABLE, str(failure))
        if isinstance(entries, str):
            message = f"{show_url(one.location)}: {entries}"
            return part.fault(Code.REVOCATIONS_UNAVAILABLE, message)
        return None

    return run


# --- logins


def _logins(settings: Settings, places: Places, session: ClientSession) -> Iterator[_Trial]:
    for name, login in settings.logins.items():
        part = places.main().child("login").child(name)
        run = partial(try_login, session, login, settings.issuers[login.issuer], part)
        yield _trial(part.child("issuer"), Code.LOGIN_UNREACHABLE, run)


# --- credentials of upstreams


def _credentials(settings: Settings, places: Places, session: ClientSession) -> Iterator[_Trial]:
    for name, upstream in settings.upstreams.items():
        asked = upstream.credentials
        if asked is None:
            continue
        part = places.upstream(name).child("credentials").child(asked.grant.value)
        issuer = None if asked.issuer is None else settings.issuers[asked.issuer]
        run = partial(try_credentials, session, asked, issuer, part)
        at = part.child("issuer" if asked.issuer else "token_url")
        yield _trial(at, Code.CREDENTIALS_UNREACHABLE, run)


# --- servers


def _servers(settings: Settings, places: Places) -> Iterator[_Trial]:
    resolver = Resolver()
    contexts = make_client_contexts(
        [one.tls for one in settings.upstreams.values() if one.tls is not None]
    )
    for name, upstream in settings.upstreams.items():
        tls = None if upstream.tls is None else contexts[upstream.tls]
        for index, server in enumerate(upstream.servers):
            part = places.upstream(name).child("servers").child(index)
            run = _dial(server, upstream, settings.timeouts, part, resolver, tls)
            yield _trial(part, Code.UPSTREAM_UNREACHABLE, run)


def _dial(  # noqa: PLR0913, PLR0917 - each is part of how to connect
    server: Server,
    upstream: Upstream,
    timeouts: Timeouts,
    part: Part,
    resolver: Resolver,
    tls: ssl.SSLContext | None,
) -> Callable[[], Awaitable[Fault | None]]:
    async def run() -> Fault | None:
        seconds = upstream.connect_timeout_seconds
        server_name = None if upstream.tls is None else upstream.tls.server_name
        failure = await dial(server, seconds, resolver, tls, server_name)
        if failure is None:
            problem = await ask_health(server, upstream, timeouts, tls)
            return None if problem is None else part.fault(Code.UPSTREAM_UNHEALTHY, problem)
        code = Code.UPSTREAM_UNTRUSTED if failure.untrusted else Code.UPSTREAM_UNREACHABLE
        return part.fault(code, failure.words)

    return run


async def try_introspection(
    session: ClientSession, settings: IssuerSettings, asked: IntrospectionSettings, part: Part
) -> Fault | None:
    """Return why the issuer of *settings*, at *part*, does not answer; None if it does.

    It must say that a token which was never issued is not active.
    """
    found = await ask_issuer(session, settings, asked, token_urlsafe(32).encode("ascii"))
    if isinstance(found, NoAnswer):
        return part.fault(Code.INTROSPECTION_UNUSABLE, found.detail)
    if found.is_active:
        message = "it says that a token is active which was never issued"
        return part.fault(Code.INTROSPECTION_UNUSABLE, message)
    return None
