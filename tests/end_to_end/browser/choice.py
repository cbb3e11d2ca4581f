"""A gateway with two providers, among which a person chooses."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from playwright.async_api import BrowserContext

from tests.end_to_end.browser.driver import person, running_browser
from tests.end_to_end.browser.gateway import Gateway, make_config, running_command
from tests.end_to_end.browser.names import APP, running_names
from tests.end_to_end.browser.provider import People, client, running_people
from tests.end_to_end.browser.service import application
from tests.proxy.service import Service, running_service


class Choice(NamedTuple):
    """A browser in front of a gateway with two providers, and the service behind it."""

    profile: BrowserContext
    people: People
    partners: People
    service: Service


@asynccontextmanager
async def running_choice(folder: Path) -> AsyncIterator[Choice]:
    """Yield a choice; *folder* is empty."""
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(running_service())
        service.script = application
        providers = []
        for name in ("people", "partners"):
            (folder / name).mkdir()
            web = client(Gateway.backchannel_path)
            providers.append(stack.enter_context(running_people(folder / name, web)))
        people, partners = providers
        config = make_config(people, service.url)
        config["issuers"]["partner"] = {**config["issuers"]["main"], "issuer": partners.issuer}
        config["login"]["partner"] = {**config["login"]["web"], "issuer": "partner"}
        for route in config["routes"]:
            if "login" in route:
                route["login"] = ["web", "partner"]
        names = await stack.enter_async_context(running_names())
        names.ports[APP] = stack.enter_context(running_command(folder, config))
        browser = await stack.enter_async_context(running_browser(names))
        profile = await stack.enter_async_context(person(browser))
        yield Choice(profile, people, partners, service)
