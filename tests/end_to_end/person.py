"""A person with a browser without scripts, who logs in and consents at the provider."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin

from aiohttp import ClientSession, CookieJar, TCPConnector

# Every page of the provider has at most one form, and no flow has that many of them.
MAX_STEPS = 20

_REDIRECTS = {302, 303}


@dataclass
class Page:
    """What a page says in its heading, and its form.

    *fields* are sent if nobody touches the form, *inputs* are the names of what one can enter or
    choose, *buttons* pairs of name and value.
    """

    heading: str = ""
    action: str | None = None
    method: str = "GET"
    fields: dict[str, str] = field(default_factory=dict)
    inputs: set[str] = field(default_factory=set)
    buttons: list[tuple[str, str]] = field(default_factory=list)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page = Page()
        self._in_heading = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        members = {name: value or "" for name, value in attrs}
        name = members.get("name", "")
        if tag == "form":
            self.page.action = members.get("action", "")
            self.page.method = members.get("method", "get").upper()
        elif tag == "input":
            is_hidden = members.get("type") == "hidden"
            if is_hidden or "checked" in members:
                self.page.fields[name] = members.get("value", "")
            if not is_hidden:
                self.page.inputs.add(name)
        elif tag == "button" and name:
            self.page.buttons.append((name, members.get("value", "")))
        self._in_heading = tag == "h1"

    def handle_data(self, data: str) -> None:
        if self._in_heading:
            self.page.heading += data.strip()

    def handle_endtag(self, tag: str) -> None:
        self._in_heading = False


class Person:
    """Somebody called *name* at the provider, or the development issuer, *issuer*.

    The cookies stay from one visit to the next, as those of a browser do.
    """

    def __init__(self, session: ClientSession, issuer: str, name: str = "alice") -> None:
        self._session = session
        self._issuer = issuer
        self._fields = {"login": name, "password": f"{name}-password", "persona": name}
        self.seen: list[str] = []  # the headings of the pages, in order

    async def visit(self, url: str, *, allow: bool = True, **fields: str) -> str:
        """Open *url* and fill in every form; return where a redirect leaves the provider.

        *fields* are further inputs: `otp`, `user_code`. If nothing leaves it, return the heading
        of the last page.
        """
        given, method = {**self._fields, **fields}, "GET"
        form: dict[str, str] = {}
        filled_in: list[Page] = []
        for _ in range(MAX_STEPS):
            async with self._session.request(
                method,
                url,
                params=form if method == "GET" else None,
                data=form if method == "POST" else None,
                allow_redirects=False,
            ) as response:
                if response.status in _REDIRECTS:
                    url, method, form = urljoin(url, response.headers["Location"]), "GET", {}
                    if not url.startswith(self._issuer + "/"):
                        return url
                    continue
                page = _read(await response.text())
            self.seen.append(page.heading)
            # A page that comes again did not like what it got.
            is_again = any(_asks_the_same(page, other) for other in filled_in)
            if page.action is None or response.status >= 400 or is_again:
                return page.heading
            filled_in.append(page)
            url, method = urljoin(url, page.action), page.method
            form = _fill(page, given, allow=allow)
        raise AssertionError(f"the provider shows no end of pages: {self.seen}")


def _read(html: str) -> Page:
    reader = _Reader()
    reader.feed(html)
    return reader.page


def _asks_the_same(page: Page, other: Page) -> bool:
    return (page.heading, page.inputs) == (other.heading, other.inputs)


def _fill(page: Page, given: dict[str, str], *, allow: bool) -> dict[str, str]:
    """Return what is sent for the form of *page*."""
    form = page.fields | {name: given[name] for name in page.inputs if name in given}
    pressed = [button for button in page.buttons if _refuses(button) is not allow]
    return form | dict(pressed[:1])


def _refuses(button: tuple[str, str]) -> bool:
    return button[0] in {"deny", "abort"} or button[1] == "decline"


def make_browser() -> ClientSession:
    """Return a browser without cookies; it takes those of addresses, too.

    It uses each connection once, so that a relay can record its exchanges.
    """
    connector = TCPConnector(force_close=True)
    return ClientSession(connector=connector, cookie_jar=CookieJar(unsafe=True))
