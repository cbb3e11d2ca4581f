"""A provider, an application, a proxy in front of it and a browser, all on loopback."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path

from tests.end_to_end.browser.driver import running_browser
from tests.end_to_end.browser.names import (
    APP,
    SIBLING,
    STRANGER,
    running_empty_pages,
    running_names,
)
from tests.end_to_end.browser.provider import People, client, running_people
from tests.end_to_end.browser.script import Contender, World
from tests.end_to_end.browser.service import application
from tests.proxy.service import running_service

StartProxy = Callable[[Path, People, str], AbstractContextManager[int]]


@asynccontextmanager
async def running_world(
    folder: Path, start_proxy: StartProxy, contender: Contender
) -> AsyncIterator[World]:
    """Yield a world whose host APP is what *start_proxy* starts, in *folder*, on a port."""
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(running_service())
        service.script = application
        people = stack.enter_context(running_people(folder, client(contender.backchannel_path)))
        port = stack.enter_context(start_proxy(folder, people, service.url))
        people.lead(APP, port)
        others = await stack.enter_async_context(running_empty_pages())
        names = await stack.enter_async_context(running_names())
        names.ports |= {APP: port, SIBLING: others, STRANGER: others}
        browser = await stack.enter_async_context(running_browser(names))
        yield World(browser, people, service, contender)
