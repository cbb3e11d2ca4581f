"""Play each flow between real parts, and return what was sent, in order."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from tests.end_to_end.flows.drawing import draw
from tests.end_to_end.flows.relay import Sent
from tests.end_to_end.flows.world import FETCH, World, location
from tests.hanging import LIMIT_SECONDS

Scene = Callable[[World], Awaitable[list[Sent | str]]]

_PARTIES: Final = ("browser", "gateway", "provider", "service")
_CHANGE: Final = {**FETCH, "X-CSRF": "1"}


async def log_in(world: World) -> list[Sent | str]:
    """Open a page without a session, log in, and come back to it."""
    before = await world.browser.open(f"{world.origin}/app/orders")
    asked = location(before, world.origin)
    first: list[Sent | str] = list(world.record.take())
    back = await world.sign_in(asked, subject="ada")
    # What the person does on the provider's pages lies between its first request and its last
    # response.
    with_provider = world.record.take()
    answer = await world.browser.open(back)
    last = await world.browser.open(location(answer, world.origin))
    assert last.status == 200, last.start
    asking, signed_in = with_provider[0], with_provider[-1]
    talk = "the person signs in, and agrees"
    return [*first, asking, talk, signed_in, *world.record.take()]


async def request(world: World) -> list[Sent | str]:
    """Send requests from the page: one to read, one to change something."""
    url = f"{world.origin}/app/orders"
    await world.browser.send(url, FETCH)
    fields = {**_CHANGE, "Origin": world.origin, "Content-Type": "application/json"}
    answer = await world.browser.send(url, fields, "POST", b'{"sku": "A-100"}')
    assert answer.status == 200, answer.start
    return [*world.record.take()]


async def request_without_session(world: World) -> list[Sent | str]:
    """Send a request from the page of somebody who has no session."""
    jars, world.browser.jars = world.browser.jars, {}
    answer = await world.browser.send(f"{world.origin}/app/orders?page=2", FETCH)
    world.browser.jars = jars
    assert answer.status == 401, answer.start
    return [*world.record.take()]


async def refresh(world: World) -> list[Sent | str]:
    """Send a request whose access token has expired."""
    world.people.shorten("ada", 2)
    world.browser.jars.clear()
    # On a busy machine its token may have expired already.
    while (await world.log_in("/app/orders", subject="ada")).status != 303:
        pass
    await _pass_time(world.people.expires_at("ada"))
    world.record.take()
    answer = await world.browser.send(f"{world.origin}/app/orders", FETCH)
    assert answer.status == 200, answer.start
    return [*world.record.take()]


async def step_up(world: World) -> list[Sent | str]:
    """Open a page that requires a stronger authentication than that of the session."""
    before = await world.browser.open(f"{world.origin}/payments/7")
    first: list[Sent | str] = list(world.record.take())
    back = await world.sign_in(location(before, world.origin), subject="ada", factor="123456")
    with_provider = world.record.take()
    answer = await world.browser.open(back)
    last = await world.browser.open(location(answer, world.origin))
    assert last.status == 200, last.start
    talk = "the person shows a second factor"
    return [*first, with_provider[0], talk, with_provider[-1], *world.record.take()]


async def log_out(world: World) -> list[Sent | str]:
    """Log out from the page, and at the provider."""
    fields = {**_CHANGE, "Origin": world.origin}
    answer = await world.browser.send(f"{world.origin}/oauth/logout", fields, "POST")
    assert answer.status == 200, answer.start
    await world.browser.open(json.loads(answer.body)["redirect"])
    talk = "the person confirms, and comes back to after_logout"
    return [*world.record.take(), talk]


async def log_out_by_the_provider(world: World) -> list[Sent | str]:
    """End the session at the provider, which tells the gateway."""
    world.browser.jars.clear()
    await world.log_in("/app/orders", subject="grace")
    world.record.take()
    assert await asyncio.to_thread(world.people.log_out, "grace") == 1
    first: list[Sent | str] = list(world.record.take())
    answer = await world.browser.send(f"{world.origin}/app/orders", FETCH)
    assert answer.status == 401, answer.start
    begin = "the session ends at the provider, for all applications"
    return [begin, *first, *world.record.take()]


# By the heading of its section. They are played in this order, for some begin where the one
# before ended.
SCENES: Final[Mapping[str, Scene]] = {
    "Login": log_in,
    "Request by session": request,
    "Request without a session": request_without_session,
    "Step-up": step_up,
    "Refresh": refresh,
    "Logout": log_out,
    "Back-channel logout": log_out_by_the_provider,
}


async def play(world: World) -> dict[str, str]:
    """Return the diagrams of all scenes, by their heading."""
    drawn = {}
    for heading, scene in SCENES.items():
        world.record.take()
        world.names.forget()
        async with asyncio.timeout(LIMIT_SECONDS):
            sent = await scene(world)
        drawn[heading] = draw(_PARTIES, sent, world.names)
    return drawn


async def _pass_time(until: float) -> None:
    """Wait until it is *until*, in seconds since the epoch, by this machine's clock."""
    await asyncio.sleep(max(0.0, until - time.time()) + 0.1)
