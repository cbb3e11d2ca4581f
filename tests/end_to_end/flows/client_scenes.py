"""Play how each kind of client gets a token, by the commands of the page, and uses it."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Final
from urllib.parse import urlsplit

from tests.end_to_end.flows.client_world import CALLBACK, ClientWorld
from tests.end_to_end.flows.drawing import draw
from tests.end_to_end.flows.relay import Sent, ask
from tests.end_to_end.person import Person, make_browser
from tests.hanging import LIMIT_SECONDS
from tests.keyring.peers import until
from tests.proxy.messages import Message

Scene = Callable[[ClientWorld, str], Awaitable[list[Sent | str]]]

_PARTIES: Final = ("client", "browser", "provider", "gateway", "service")

_COMMAND: Final = re.compile(r"^\$ (gateway token get (?:[^\n]*\\\n)*[^\n]*)$", re.MULTILINE)


async def by_secret(world: ClientWorld, command: str) -> list[Sent | str]:
    """Get a token with a secret, and call the API with it."""
    token = await world.run(command)
    assert (await world.call("GET", token)).status == 200
    (world.folder / "token").write_text(token)
    return [*world.record.take()]


async def by_credentials(world: ClientWorld, command: str) -> list[Sent | str]:
    """Get a token with other credentials."""
    await world.run(command)
    return [*world.record.take()]


async def too_little_scope(world: ClientWorld, _: str) -> list[Sent | str]:
    """Send a request that the scopes of the token do not reach."""
    token = (world.folder / "token").read_text()
    world.names.name(token, "access_token")
    assert (await world.call("POST", token)).status == 403
    return [*world.record.take()]


async def by_code(world: ClientWorld, command: str) -> list[Sent | str]:
    """Get a token with a person's consent, in a browser on the same machine."""
    running = await world.start(command, "--format", "json")
    address = await running.find(rb"browser on this machine, within 60 seconds:\n\n  (\S+)\n\n")
    before = world.record.take()
    async with make_browser() as browser:
        browser.headers["User-Agent"] = "browser"
        back = urlsplit(await Person(browser, world.issuer, "alice").visit(address))
    visited = world.record.take()
    world.names.place(back.netloc, CALLBACK)
    target = f"GET {back.path}?{back.query} HTTP/1.1".encode()
    request = Message(target, ((b"Host", back.netloc.encode()), (b"User-Agent", b"browser")))
    answer = await ask(back.port or 0, request)
    assert answer.status == 200
    _, printed = await running.finish()
    tokens = json.loads(printed)
    (world.folder / "refresh-token").write_text(tokens["refresh_token"])
    after = world.record.take()
    assert (await world.call("GET", tokens["access_token"])).status == 200
    called = [Sent("browser", "client", request), Sent("client", "browser", answer)]
    consent = "the person logs in, and consents"
    begun: list[Sent | str] = [*before, visited[0], consent, visited[-1]]
    return [*begun, *called, *after, *world.record.take()]


async def by_device(world: ClientWorld, command: str) -> list[Sent | str]:
    """Get a token with a person's consent, in a browser elsewhere."""
    running = await world.start(command)
    user_code = await running.find(rb"and enter the code:\n\n  (\S+)\n\n")
    authorized = world.record.take()
    async with asyncio.timeout(LIMIT_SECONDS):  # the device asks before anybody has consented
        await until(lambda: len(world.record.sent) >= 2)
    asked = world.record.take()
    async with make_browser() as browser:
        browser.headers["User-Agent"] = "browser"
        person = Person(browser, world.issuer, "alice")
        await person.visit(world.issuer + "/device", user_code=user_code)
    visited = world.record.take()
    code, token = await running.finish()
    assert code == 0
    # On a busy machine it may have asked more often meanwhile.
    last = [one for one in (*visited, *world.record.take()) if "browser" not in _ends(one)][-2:]
    assert (await world.call("GET", token)).status == 200
    consent = "the person opens the address, logs in, and enters the code"
    return [*authorized, *asked, consent, *last, *world.record.take()]


def _ends(sent: Sent) -> tuple[str, str]:
    return sent.sender, sent.receiver


async def by_refresh_token(world: ClientWorld, command: str) -> list[Sent | str]:
    """Get a token with a refresh token; then use that once more."""
    await world.run(command)
    sent: list[Sent | str] = list(world.record.take())
    code, _ = await (await world.start(command)).finish()
    assert code == 1
    return [*sent, "somebody sends the former refresh token again", *world.record.take()]


# By the heading of its section. They are played in this order: a request with too little scope has
# the token of the first, and a refresh the refresh token of the app.
SCENES: Final[Mapping[str, Scene]] = {
    "Server to server": by_secret,
    "Secret in the form": by_credentials,
    "Key instead of a secret": by_credentials,
    "Too little scope": too_little_scope,
    "Browser and native apps": by_code,
    "Consoles and TVs": by_device,
    "New tokens without the person": by_refresh_token,
}


def commands(page: str) -> dict[str, str]:
    """Return the command of each section of *page*, by its heading."""
    found = {}
    for section in re.split(r"^#{2,3} ", page, flags=re.MULTILINE)[1:]:
        heading, _, text = section.partition("\n")
        command = _COMMAND.search(text)
        if command is not None:
            found[heading] = command[1].replace("\\\n", " ")
    return found


async def play(world: ClientWorld, page: str) -> dict[str, str]:
    """Return the diagrams of all scenes, by their heading."""
    drawn = {}
    told = commands(page)
    for heading, scene in SCENES.items():
        world.record.take()
        world.names.forget()
        async with asyncio.timeout(LIMIT_SECONDS):
            sent = await scene(world, told.get(heading, ""))
        drawn[heading] = draw(_PARTIES, sent, world.names)
    return drawn
