"""Whatever an issuer answers: a good token passes or is 503, and any other one is 401."""

import asyncio
import gzip
import json
import ssl
from collections.abc import AsyncIterator, Mapping

import pytest
import trustme
from aiohttp import web

from tests.issuers.conftest import StartWorld
from tests.issuers.world import issuer_section, key, token
from tests.keyring.keys import jwks
from tests.keyring.peers import IssuerPeer, body, issuer_peer
from tests.proxy.messages import make_answer, make_request
from tests.proxy.service import Script, Service, running_service, serve
from tests.proxy.wire import Wire

REFRESH_SECONDS = 240.0
GOOD = jwks(key(0))
HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.fixture
async def raw() -> AsyncIterator[Service]:
    """Yield an issuer whose every byte a test chooses."""
    async with running_service() as started:
        yield started


def once(octets: bytes, *, then_reset: bool = False) -> Script:
    """Return a script that answers with *octets* and ends the connection."""

    async def script(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        wire.send(octets)
        if then_reset:
            await asyncio.sleep(0.01)  # so that what was sent is not dropped with the rest
            wire.reset()
        else:
            wire.close()

    return script


async def drip(service: Service, wire: Wire) -> None:
    """Send a good set, a byte at a time, for longer than anybody waits."""
    await service.read_request(wire)
    wire.send(HEAD + b"Content-Length: %d\r\n\r\n" % len(GOOD))
    for octet in GOOD:
        if wire.is_lost or wire.transport.is_closing():
            return
        wire.send(b"%c" % octet)
        await asyncio.sleep(0.05)


BOMB = gzip.compress(b'{"keys": [' + b" " * 50_000_000 + b"]}")
GZIP = b"Content-Encoding: gzip"

UNWELL: dict[str, tuple[Script, str]] = {
    "500": (serve(make_answer(GOOD, status=500)), "status 500 instead of 200"),
    "503 with a word on when to come back": (
        serve(make_answer(b"", b"Retry-After: 3600", status=503)),
        "status 503 instead of 200",
    ),
    "204": (serve(b"HTTP/1.1 204 No Content\r\n\r\n"), "status 204 instead of 200"),
    "304, though nobody said what he had": (
        serve(b'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\n\r\n'),
        "status 304 instead of 200",
    ),
    "401": (serve(make_answer(GOOD, status=401)), "status 401 instead of 200"),
    "200 with HTML": (
        serve(make_answer(b"<!doctype html><h1>Sign in</h1>", b"Content-Type: text/html")),
        "not valid JSON",
    ),
    "200 without a body": (serve(make_answer(b"")), "not valid JSON"),
    "half of a set": (serve(make_answer(GOOD[: len(GOOD) // 2])), "not valid JSON"),
    "a length that is too short": (
        once(HEAD + b"Content-Length: 9\r\n\r\n" + GOOD),
        "",  # no JSON, or bytes behind the answer: whichever comes first
    ),
    "a length that is too long": (
        once(HEAD + b"Content-Length: %d\r\n\r\n" % (len(GOOD) + 1) + GOOD),
        "the exchange failed",
    ),
    "a reset in the middle": (
        once(HEAD + b"Content-Length: %d\r\n\r\n" % len(GOOD) + GOOD[:99], then_reset=True),
        "the exchange failed",
    ),
    "a reset at once": (once(b"", then_reset=True), "the exchange failed"),
    "an empty set": (serve(make_answer(b'{"keys": []}')), "no usable key in the set"),
    "a set without its array": (serve(make_answer(b'{"jwks": []}')), 'has no "keys" array'),
    "one key in place of a set": (
        serve(make_answer(json.dumps(key(0)).encode())),
        'has no "keys" array',
    ),
    "two arrays of keys": (
        serve(make_answer(GOOD[:-1] + b", " + jwks(key(9))[1:])),
        "a name occurs twice",
    ),
    "a set in UTF-16": (serve(make_answer(GOOD.decode().encode("utf-16"))), "not UTF-8"),
    "a compression bomb": (serve(make_answer(BOMB, GZIP)), "larger than 262144 bytes"),
    "gzip cut short": (serve(make_answer(gzip.compress(GOOD)[:-9], GZIP)), "truncated"),
    "gzip that is none": (serve(make_answer(GOOD, GZIP)), "not valid gzip"),
    "50 MB": (serve(make_answer(b" " * 50_000_000 + GOOD)), "larger than 262144 bytes"),
    "a body that drips": (drip, "no complete response in 0.5 s"),
    "a redirect in circles": (
        serve(make_answer(b"", b"Location: /jwks", status=302)),
        "more than 3 redirects",
    ),
    "a redirect to another host": (
        serve(make_answer(b"", b"Location: http://127.0.0.1:1/jwks", status=307)),
        "redirects to another host",
    ),
    "a redirect to the machine that keeps secrets": (
        serve(make_answer(b"", b"Location: http://169.254.169.254/latest/", status=301)),
        "redirects to another host",
    ),
    "a redirect to a file": (
        serve(make_answer(b"", b"Location: file:///etc/passwd", status=302)),
        "the exchange failed (ValueError)",
    ),
}


def of(raw: Service, timeout: str = "10s") -> dict[str, object]:
    return {"main": issuer_section(raw.url + "/jwks", keys={"fetch_timeout": timeout})}


def timeout_of(name: str) -> str:
    """Return how long to wait for it: only what never ends should be cut short."""
    return "500ms" if UNWELL[name][0] is drip else "10s"


@pytest.mark.parametrize("name", UNWELL)
async def test_at_the_start_its_tokens_are_503_until_it_is_well_and_then_pass_at_once(
    name: str, start: StartWorld, raw: Service
) -> None:
    """A 401 would send users to log in again, which cannot help them; never open, either."""
    raw.script, words = UNWELL[name]
    world = await start(issuers=of(raw, timeout_of(name)))

    answer = await world.gateway.ask(make_request("/api/x", b"Authorization: Bearer " + token(0)))
    assert answer.status == 503
    assert answer.has(b"retry-after")
    assert json.loads(answer.body)["reason"] == "keys_unavailable"
    assert not answer.has(b"www-authenticate")
    status, shown = await world.readiness()
    assert (status, shown["loaded"], shown["failures_in_a_row"]) == (503, False, 1)
    assert words in (await world.issuer_status())["last_error"]

    raw.script = serve(make_answer(GOOD))
    await world.pass_time(1.0)

    assert await world.ask(token(0)) == "200"
    assert (await world.readiness())[0] == 200
    assert world.service.received.count(b"GET ") == 1


@pytest.mark.parametrize("name", UNWELL)
async def test_with_keys_in_hand_nobody_notices_but_those_who_watch(
    name: str, start: StartWorld, raw: Service
) -> None:
    """GHSA-fhv5-28vv-h8m8: an unknown key is a 401 and not a 500, a known one goes on serving."""
    raw.script = serve(make_answer(GOOD))
    world = await start(issuers=of(raw, timeout_of(name)))
    seen = token(0)
    assert await world.ask(seen) == "200"

    raw.script, words = UNWELL[name]
    await world.pass_time(REFRESH_SECONDS)

    assert await world.ask_all(seen, token(0)) == {"200"}
    assert await world.ask(token(1)) == "401 key_unknown"
    status, shown = await world.readiness()
    assert (status, shown["loaded"], shown["stale"]) == (200, True, False)
    assert shown["failures_in_a_row"] >= 1
    assert words in (await world.issuer_status())["last_error"]
    assert world.metric("gateway_issuer_keys") == 1
    assert world.metric("gateway_issuer_key_fetch_failures_in_a_row") >= 1

    raw.script = serve(make_answer(jwks(key(0), key(1))))
    await world.pass_time(2.0)

    assert await world.ask_all(seen, token(0), token(1)) == {"200"}
    assert world.metric("gateway_issuer_key_fetch_failures_in_a_row") == 0


WELL: dict[str, list[bytes]] = {
    "as it is": [make_answer(GOOD)],
    "compressed": [make_answer(gzip.compress(GOOD), GZIP)],
    "with any type": [make_answer(GOOD, b"Content-Type: text/plain")],
    "until the end of the connection": [HEAD + b"\r\n" + GOOD],
    "behind a redirect on its own host": [
        make_answer(b"", b"Location: /keys", status=308),
        make_answer(GOOD),
    ],
    "behind three redirects": [
        *[make_answer(b"", b"Location: /keys", status=302)] * 3,
        make_answer(GOOD),
    ],
}


@pytest.mark.parametrize("name", WELL)
async def test_what_is_only_unusual_is_taken(name: str, start: StartWorld, raw: Service) -> None:
    answers = list(WELL[name])

    async def script(service: Service, wire: Wire) -> None:
        await service.read_request(wire)
        wire.send(answers.pop(0))
        wire.close()

    raw.script = script

    world = await start(issuers=of(raw))

    assert await world.ask(token(0)) == "200"
    assert answers == []


async def test_no_other_host_hears_of_a_redirect(start: StartWorld, raw: Service) -> None:
    """GHSA-9v7f-9g4p-ffgj: an issuer must not have us call whom it likes."""
    async with running_service() as canary:
        location = b"Location: " + canary.url.encode() + b"/jwks"
        raw.script = serve(make_answer(b"", location, status=302))
        world = await start(issuers=of(raw))

        assert await world.ask(token(0)) == "503 keys_unavailable"
        assert canary.connections == []


# --- hosts that are not there, or are not who they say


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://nobody.invalid/jwks", "cannot connect"),
        ("https://127.0.0.1:1/jwks", "cannot connect (Connection refused)"),
    ],
)
async def test_a_host_that_is_not_there_is_503_and_said(
    url: str, words: str, start: StartWorld
) -> None:
    """RFC 6761 section 6.4: no name under .invalid ever exists."""
    world = await start(issuers={"main": issuer_section(url)})

    assert await world.ask(token(0)) == "503 keys_unavailable"
    assert (await world.issuer_status())["last_error"].startswith(f"{url}: {words}")


async def test_a_certificate_that_nobody_vouches_for_is_503_and_said(start: StartWorld) -> None:
    """8414.3; tests/fetching/test_fetch_tls.py has all kinds of them."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(tls)
    async with issuer_peer(tls) as liar:
        liar.answer = body(GOOD)
        world = await start(issuers={"main": issuer_section(liar.url + "/jwks")})

        assert await world.ask(token(0)) == "503 keys_unavailable"
        assert "the certificate is not trusted" in (await world.issuer_status())["last_error"]
        assert liar.paths == []


# --- metadata


def serve_metadata(peer: IssuerPeer, members: Mapping[str, str | None]) -> None:
    """Have *peer* answer with *members*, as they are then, and with keys where they say."""

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path == "/jwks":
            return web.Response(body=GOOD)
        return web.json_response({name: value for name, value in members.items() if value})

    peer.answer = answer


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"issuer": "https://login.example.com/other"}, "names another issuer"),
        ({"issuer": None}, "names another issuer"),
        ({"jwks_uri": "https://nobody.invalid/jwks"}, "cannot connect"),
        ({"jwks_uri": "http://10.0.0.1/jwks"}, "jwks_uri"),
        ({"jwks_uri": "file:///etc/passwd"}, "jwks_uri"),
        ({"jwks_uri": None}, "has no jwks_uri"),
    ],
)
async def test_metadata_that_turn_bad_leave_the_keys_that_are_good(
    changes: dict[str, str | None], words: str, start: StartWorld, issuer: IssuerPeer
) -> None:
    """8414.1, 8414.4, 9068.3: another issuer's metadata, and a host that is not there."""
    members: dict[str, str | None] = {"issuer": issuer.url, "jwks_uri": issuer.url + "/jwks"}
    serve_metadata(issuer, members)
    section = {**issuer_section("", issuer.url), "discovery": True}
    del section["jwks_url"]
    world = await start(issuers={"main": section})
    seen = token(0, issuer=issuer.url)
    assert await world.ask(seen) == "200"

    members.update(changes)
    await world.pass_time(REFRESH_SECONDS)

    assert await world.ask_all(seen, token(0, issuer=issuer.url)) == {"200"}
    assert words in (await world.issuer_status())["last_error"]
    assert await world.ask(token(0, issuer="https://login.example.com/other")) == (
        "401 issuer_unknown"
    )
