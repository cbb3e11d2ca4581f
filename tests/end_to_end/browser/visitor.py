"""A visitor without a browser, who may send any bytes: at the gateway and at the provider."""

import urllib.parse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from tests.end_to_end.browser.names import APP
from tests.end_to_end.browser.provider import ORIGIN
from tests.proxy.messages import Message, make_request, read_answer
from tests.proxy.wire import connect

NAVIGATION = ("Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document", "Accept: text/html")
FROM_PAGE = (f"Origin: {ORIGIN}", "Sec-Fetch-Site: same-origin", "X-CSRF: 1")


class Visitor:
    """Keeps cookies as a browser does, one jar for the gateway and one for the provider."""

    def __init__(self, port: int, provider: aiohttp.ClientSession) -> None:
        self.cookies: dict[str, str] = {}
        self._address = ("127.0.0.1", port)
        self._provider = provider

    async def ask(
        self,
        target: str,
        *lines: str,
        method: str = "GET",
        body: bytes | None = None,
        cookies: str | None = None,
    ) -> Message:
        """Return the response to a request, with our cookies unless *cookies* says otherwise."""
        text = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        text = text if cookies is None else cookies
        fields = [*lines, *([f"Cookie: {text}"] if text else [])]
        wire = await connect(self._address)
        try:
            wire.send(make_request(target, *fields, method=method, body=body, host=APP))
            answer = await read_answer(wire, is_head=method == "HEAD")
        finally:
            wire.close()
        self._keep(answer)
        return answer

    def _keep(self, answer: Message) -> None:
        for field in answer.all(b"set-cookie"):
            pair, *attributes = field.decode().split(";")
            name, _, value = pair.partition("=")
            if any(one.strip().lower() == "max-age=0" for one in attributes):
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value

    async def navigate(self, target: str) -> Message:
        """Go to a page, without following redirects."""
        return await self.ask(target, *NAVIGATION)

    async def begin(self, target: str = "/app/") -> str:
        """Go to a page that needs a login; return the provider's URL."""
        answer = await self.navigate(target)
        assert answer.status == 302, answer.body
        return answer.one(b"location").decode()

    async def consent(self, url: str, subject: str) -> str:
        """Log in at the provider; return the target of the callback, which was not sent yet."""
        while not url.startswith(ORIGIN):
            async with self._provider.get(url, allow_redirects=False) as answer:
                if answer.status == 200:
                    url = await self._fill_in(str(answer.url), subject)
                    continue
                url = urllib.parse.urljoin(url, answer.headers["Location"])
        return url.removeprefix(ORIGIN)

    async def _fill_in(self, page: str, subject: str) -> str:
        form = {"subject": subject}
        async with self._provider.post(page, data=form, allow_redirects=False) as answer:
            return urllib.parse.urljoin(page, answer.headers["Location"])

    async def log_in(self, subject: str, target: str = "/app/") -> Message:
        """Log in by going to a page; return the response to the callback."""
        return await self.navigate(await self.consent(await self.begin(target), subject))


@asynccontextmanager
async def visiting(port: int) -> AsyncIterator[Visitor]:
    """Yield a visitor of the gateway at *port*."""
    jar = aiohttp.CookieJar(unsafe=True)  # the provider's host is an address
    async with aiohttp.ClientSession(cookie_jar=jar) as provider:
        yield Visitor(port, provider)
