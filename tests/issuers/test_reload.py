"""A reload takes no configuration that would refuse tokens for want of keys or lists."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import trustme

from gateway.settings.load import Loaded, load_settings
from tests.issuers.conftest import StartWorld
from tests.issuers.test_unwell import GOOD, UNWELL, serve_metadata, timeout_of
from tests.issuers.world import World, issuer_section, key, token
from tests.keyring.keys import jwks, rsa_jwk
from tests.keyring.peers import IssuerPeer, body, gate, issuer_peer, until
from tests.proxy.gateways import write_config
from tests.proxy.service import Service, running_service

DEAD = "http://127.0.0.1:1/jwks"
PARTNER = "https://partner.example/"
LISTING = b'{"revoked": []}'


@pytest.fixture
async def raw() -> AsyncIterator[Service]:
    """Yield an issuer whose every byte a test chooses."""
    async with running_service() as started:
        yield started


@pytest.fixture
async def world(start: StartWorld, issuer: IssuerPeer) -> World:
    """Return a world whose only issuer has good keys."""
    issuer.answer = body(GOOD)
    return await start()


class Reloads:
    """Reloads a gateway; *faults* are those of the last reload, each as one line."""

    def __init__(self, world: World, directory: Path) -> None:
        self.world = world
        self.directory = directory
        self.faults: list[str] = []

    async def __call__(self, *, force: bool = False, **changes: Any) -> str | None:
        """Reload with *changes*; return why it was refused, or None."""
        path = write_config(self.directory, [self.world.service.url], changes)
        loaded = load_settings(path, {})
        assert isinstance(loaded, Loaded), loaded
        gateway = self.world.gateway.gateway
        refusal = await gateway.reload(loaded.settings, None, loaded.places, force=force)
        self.faults = list(map(str, gateway.last_report.faults))
        return refusal


@pytest.fixture
def reload(world: World, tmp_path: Path) -> Reloads:
    return Reloads(world, tmp_path)


def main(url: str, **changes: Any) -> Mapping[str, Any]:
    return {"main": issuer_section(url, **changes)}


async def is_served(world: World) -> bool:
    """Say whether a good token is accepted, and the gateway is ready."""
    return await world.ask(token(0)) == "200" and (await world.readiness())[0] == 200


# --- sources that cannot be used


@pytest.mark.parametrize("name", UNWELL)
async def test_whatever_a_new_source_answers_the_keys_that_serve_stay(
    name: str, world: World, reload: Reloads, raw: Service
) -> None:
    raw.script, words = UNWELL[name]
    section = main(raw.url + "/jwks", keys={"fetch_timeout": timeout_of(name)})

    refusal = await reload(issuers=section)

    assert refusal is not None
    assert refusal.startswith("issuer `main`: no keys: ")
    assert words in refusal
    assert "; make it reachable, or correct `jwks_url`" in refusal
    assert await is_served(world)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (DEAD, "cannot connect (Connection refused)"),
        ("https://nobody.invalid/jwks", "cannot connect"),
    ],
)
async def test_a_host_that_is_not_there_is_said_with_its_place(
    url: str, words: str, world: World, reload: Reloads
) -> None:
    """RFC 6761 section 6.4: no name under .invalid ever exists."""
    assert words in (await reload(issuers=main(url)) or "")

    (fault,) = reload.faults
    lines = (reload.directory / "gateway.yaml").read_text().splitlines()
    line = lines.index(f"    jwks_url: {url}") + 1
    assert fault.startswith(f"{reload.directory}/gateway.yaml:{line}:15: keys_unavailable: issuer")
    assert await is_served(world)


async def test_a_certificate_that_nobody_vouches_for_keeps_the_former_keys(
    world: World, reload: Reloads
) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(tls)
    async with issuer_peer(tls) as liar:
        liar.answer = body(GOOD)

        refusal = await reload(issuers=main(liar.url + "/jwks"))

    assert "the certificate is not trusted" in (refusal or "")
    assert await is_served(world)


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"issuer": "https://other.example"}, "names another issuer"),
        ({"jwks_uri": DEAD}, "cannot connect"),
    ],
)
async def test_metadata_that_lead_to_no_keys_keep_the_former_ones(
    members: dict[str, str], words: str, start: StartWorld, issuer: IssuerPeer, tmp_path: Path
) -> None:
    keys = issuer_section(issuer.url + "/jwks", issuer.url)
    serve_metadata(issuer, {"issuer": issuer.url, "jwks_uri": issuer.url + "/jwks", **members})
    world = await start(issuers={"main": keys})
    section = {name: value for name, value in keys.items() if name != "jwks_url"}

    refusal = await Reloads(world, tmp_path)(issuers={"main": {**section, "discovery": True}})

    assert words in (refusal or "")
    assert (refusal or "").endswith("correct `issuer`")
    assert await world.ask(token(0, issuer=issuer.url)) == "200"


async def test_keys_that_cannot_be_used_are_named(
    world: World, reload: Reloads, issuer: IssuerPeer
) -> None:
    async with issuer_peer() as other:
        other.answer = body(jwks(rsa_jwk(use="enc"), {"kty": "oct", "k": "c2VjcmV0"}))

        refusal = await reload(issuers=main(other.url + "/jwks"))

    assert refusal is not None
    assert "no usable key in the set (key 0: use is not sig; key 1: a symmetric key" in refusal
    assert await is_served(world)


async def test_keys_for_no_listed_algorithm_keep_the_former_ones(
    world: World, reload: Reloads, issuer: IssuerPeer
) -> None:
    async with issuer_peer() as other:
        other.answer = body(jwks(rsa_jwk(kid="r")))
        refusals = [
            await reload(issuers=main(other.url, algorithms=["ES256"])),
            # The source is the same, and so are its keys.
            await reload(issuers=main(issuer.url + "/jwks", algorithms=["RS256"])),
        ]

    assert [str(one).partition("; list")[0] for one in refusals] == [
        "issuer `main`: no key for the issuer's `algorithms` (ES256); those it has are for "
        "PS256, PS384, PS512, RS256, RS384, RS512",
        "issuer `main`: no key for the issuer's `algorithms` (RS256); those it has are for ES256",
    ]
    assert ": keys_unusable: " in reload.faults[0]
    assert await is_served(world)


async def test_a_local_file_without_keys_keeps_the_former_ones(
    world: World, reload: Reloads, tmp_path: Path
) -> None:
    for name, text in (("a.json", "{"), ("b.json", '{"keys": []}'), ("c.pem", "no PEM")):
        (tmp_path / name).write_text(text)
        section = {**issuer_section("")}
        del section["jwks_url"]
        kind = "pem_file" if name.endswith("pem") else "jwks_file"

        refusal = await reload(issuers={"main": {**section, kind: name}})

        assert f"issuer `main`: no keys: {tmp_path / name}: " in (refusal or "")
        assert (refusal or "").endswith("; correct the file")
        assert ": keys_unusable: " in reload.faults[0]
    assert await is_served(world)


async def test_the_wait_is_bounded_by_the_configuration(world: World, reload: Reloads) -> None:
    async with issuer_peer() as other:
        other.answer, opened = gate(body(GOOD))
        section = main(other.url, keys={"fetch_timeout": "1h"})

        refusal = await reload(issuers=section, reload={"wait": "50ms"})

        assert "no complete response within 0.05 s (`reload.wait`)" in (refusal or "")
        assert await is_served(world)
        opened.set()


async def test_each_of_several_has_a_line_of_its_own(world: World, reload: Reloads) -> None:
    refusal = await reload(
        issuers={**main(DEAD), "partner": issuer_section(DEAD, PARTNER)},
        revocations={"blocked": {"url": DEAD}},
    )

    assert (refusal or "").endswith("(and 2 more)")
    assert [line.partition(": no ")[0].rpartition(": ")[2] for line in reload.faults] == [
        "issuer `main`",
        "issuer `partner`",
        "revocation list `blocked`",
    ]


# --- what is a trade, and what is none


async def test_a_source_that_serves_keys_takes_over(
    world: World, reload: Reloads, issuer: IssuerPeer
) -> None:
    async with issuer_peer() as other:
        other.answer = body(jwks(key(1)))

        assert await reload(issuers=main(other.url)) is None

        assert await world.ask(token(1)) == "200"
        assert await world.ask(token(0)) == "401 key_unknown"


async def test_what_stays_as_it_was_keeps_its_keys_while_its_issuer_is_away(
    world: World, reload: Reloads, issuer: IssuerPeer
) -> None:
    issuer.answer = body(b"", status=500)

    assert await reload(issuers=main(issuer.url + "/jwks"), drain="7s") is None

    assert reload.faults == []
    assert await is_served(world)


async def test_keys_that_the_same_source_withdraws_are_gone_with_the_reload(
    start: StartWorld, tmp_path: Path
) -> None:
    """Or a stolen key would serve on for as long as the file has no other one."""
    (tmp_path / "main.json").write_bytes(GOOD)
    section = {**issuer_section(""), "jwks_file": "main.json", "algorithms": ["ES256"]}
    del section["jwks_url"]
    world = await start(issuers={"main": section})
    assert await world.ask(token(0)) == "200"
    (tmp_path / "main.json").write_bytes(jwks(rsa_jwk(kid="r")))
    reload = Reloads(world, tmp_path)

    assert await reload(issuers={"main": section}) is None

    assert "warning: issuer `main`: no key for the issuer's `algorithms`" in reload.faults[0]
    assert await world.ask(token(0)) == "401 key_unknown"


async def test_times_that_end_the_keys_at_hand_are_a_trade(
    world: World, reload: Reloads, issuer: IssuerPeer
) -> None:
    issuer.answer = body(b"", status=500)
    await world.pass_time(100.0)
    times = {"fresh": "10s", "stale": "0s"}

    refusal = await reload(issuers=main(issuer.url + "/jwks", keys=times))

    assert "status 500 instead of 200" in (refusal or "")
    assert await is_served(world)


async def test_under_another_name_it_is_the_same_issuer(world: World, reload: Reloads) -> None:
    """A token says `iss` and nothing else; not to be required is no leave to lose its keys."""
    section = issuer_section(DEAD, required=False)

    refusal = await reload(issuers={"login": section})

    assert (refusal or "").startswith("issuer `login`: no keys: ")
    assert await is_served(world)


async def test_an_issuer_that_is_taken_away_waits_for_nothing(
    world: World, reload: Reloads, issuer: IssuerPeer
) -> None:
    partner = issuer_section(issuer.url + "/jwks", PARTNER)

    assert await reload(issuers={"partner": partner}) is None

    assert await world.ask(token(0, issuer=PARTNER)) == "200"
    assert await world.ask(token(0)) == "401 issuer_unknown"


@pytest.mark.parametrize(
    ("changes", "is_refused"),
    [({}, True), ({"required": False}, False), ({"mode": "report"}, False)],
)
async def test_a_new_issuer_without_keys_is_refused_if_it_is_required(
    changes: dict[str, Any],
    is_refused: bool,
    world: World,
    reload: Reloads,
    issuer: IssuerPeer,
) -> None:
    section = {**main(issuer.url + "/jwks"), "partner": issuer_section(DEAD, PARTNER, **changes)}

    refusal = await reload(issuers=section)

    assert (refusal is not None) is is_refused
    (fault,) = reload.faults
    assert ("warning: issuer `partner`" in fault) is not is_refused
    assert await is_served(world)
    again = await reload(issuers=section, drain="7s")
    assert (again is not None) is is_refused
    assert len(reload.faults) == is_refused  # what is as it was is no news


async def test_an_issuer_that_never_had_keys_holds_up_no_other_change(
    start: StartWorld, tmp_path: Path, issuer: IssuerPeer
) -> None:
    issuer.answer = body(GOOD)
    good, broken = issuer_section(issuer.url + "/jwks"), issuer_section(DEAD, PARTNER)
    world = await start(issuers={"main": good, "partner": broken})
    reload = Reloads(world, tmp_path)

    assert await reload(issuers={"main": good, "partner": broken}, drain="7s") is None
    changed = await reload(issuers={"main": good, "partner": {**broken, "jwks_url": DEAD + "2"}})

    assert (changed or "").startswith("issuer `partner`: no keys: ")


async def test_a_forced_reload_is_taken_and_leaves_a_ready_gateway_ready(
    world: World, reload: Reloads, issuer: IssuerPeer
) -> None:
    partner = issuer_section(DEAD, PARTNER)

    refusal = await reload(force=True, issuers={**main(issuer.url + "/jwks"), "partner": partner})

    assert refusal is None
    assert "warning: issuer `partner`: no keys: " in reload.faults[0]
    assert await is_served(world)
    assert await world.ask(token(0, issuer=PARTNER)) == "503 keys_unavailable"


async def test_a_gateway_that_was_not_ready_yet_waits_for_what_a_reload_brings(
    start: StartWorld, issuer: IssuerPeer, tmp_path: Path
) -> None:
    issuer.answer = body(GOOD)
    world = await start(issuers=main(DEAD))
    assert (await world.readiness())[0] == 503

    assert await Reloads(world, tmp_path)(issuers=main(issuer.url + "/jwks")) is None

    assert await is_served(world)


async def test_a_reload_that_is_refused_leaves_no_fetch_and_the_next_one_is_taken(
    world: World, reload: Reloads, issuer: IssuerPeer
) -> None:
    async with issuer_peer() as other:
        other.answer, opened = gate(body(jwks(key(1))))
        section = main(other.url, keys={"fetch_timeout": "1h"})
        assert await reload(issuers=section, reload={"wait": "50ms"}) is not None
        opened.set()  # for nobody any more
        await until(lambda: other.open_connections == 0)
        assert await world.ask(token(1)) == "401 key_unknown"
        assert len(other.paths) <= 1  # none, if the wait was over before it was asked

        assert await reload(issuers=section) is None
        assert await world.ask(token(1)) == "200"


async def test_reloads_at_one_time_take_their_turns(
    world: World, reload: Reloads, issuer: IssuerPeer
) -> None:
    async with issuer_peer() as other:
        other.answer, opened = gate(body(b"", status=500))
        first = asyncio.create_task(reload(issuers=main(other.url)))
        await until(lambda: bool(other.paths))
        second = asyncio.create_task(reload(issuers=main(issuer.url + "/jwks"), drain="7s"))
        assert await is_served(world)
        opened.set()

        assert "status 500" in (await first or "")
        assert await second is None
    assert await is_served(world)


# --- revocation lists


@pytest.mark.parametrize(
    ("before", "after", "is_refused"),
    [
        # Tokens would be refused that are accepted now.
        (None, {"url": DEAD}, True),
        (None, {"url": DEAD, "required": False}, True),
        ({"url": DEAD, "on_failure": "allow"}, {"url": DEAD}, True),
        # Tokens would be accepted that are refused now.
        ({"url": "good"}, {"url": DEAD, "on_failure": "allow"}, True),
        ({"url": "good"}, {"file": "keys.json"}, True),
        # Nothing is lost.
        (None, {"url": DEAD, "on_failure": "allow"}, False),
        ({"url": "good"}, None, False),
        ({"url": DEAD}, {"url": DEAD}, False),
        ({"url": DEAD}, {"url": DEAD, "fresh": "10s"}, False),
    ],
)
async def test_a_list_that_cannot_be_loaded_is_refused_where_something_would_be_lost(
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
    is_refused: bool,
    start: StartWorld,
    issuer: IssuerPeer,
    tmp_path: Path,
) -> None:
    issuer.answer = body(GOOD)
    async with issuer_peer() as lists:
        lists.answer = body(LISTING)

        def sections(one: dict[str, Any] | None) -> dict[str, Any]:
            if one is None:
                return {}
            source = {**one, "url": lists.url} if one.get("url") == "good" else one
            return {"revocations": {"blocked": source}}

        world = await start(**sections(before))
        former = await world.ask(token(0))
        reload = Reloads(world, tmp_path)

        refusal = await reload(issuers=main(issuer.url + "/jwks"), **sections(after))

        assert (refusal is not None) is is_refused
        if is_refused:
            assert (refusal or "").startswith("revocation list `blocked`: no list: ")
            assert await world.ask(token(0)) == former


async def test_a_list_that_comes_to_speak_of_an_issuer_that_works_is_a_trade(
    start: StartWorld, issuer: IssuerPeer, tmp_path: Path
) -> None:
    issuer.answer = body(GOOD)
    keys = issuer.url + "/jwks"
    issuers = {**main(keys), "partner": issuer_section(keys, PARTNER)}
    blocked = {"url": DEAD, "issuers": ["partner"]}
    world = await start(issuers=issuers, revocations={"blocked": blocked})
    reload = Reloads(world, tmp_path)
    wider = {"blocked": {**blocked, "issuers": ["main", "partner"]}}

    assert await reload(issuers=issuers, revocations=wider) is not None
    assert await reload(issuers=issuers, revocations={"blocked": blocked}) is None
    assert await world.ask(token(0)) == "200"


async def test_a_list_in_a_file_that_turns_bad_stays_in_use_and_is_told(
    start: StartWorld, issuer: IssuerPeer, tmp_path: Path
) -> None:
    issuer.answer = body(GOOD)
    (tmp_path / "list.json").write_bytes(b'{"revoked": [{"sub": "alice"}]}')
    lists = {"blocked": {"file": "list.json"}}
    world = await start(revocations=lists)
    (tmp_path / "list.json").write_bytes(b"{")
    reload = Reloads(world, tmp_path)

    assert await reload(issuers=main(issuer.url + "/jwks"), revocations=lists) is None

    assert "warning: revocation list `blocked`: cannot be read again" in reload.faults[0]
    assert await world.ask(token(0)) == "401 token_revoked"
