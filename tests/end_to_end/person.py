"""A person with a browser without scripts, who logs in and consents at the provider."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin

from aiohttp import ClientSession, CookieJar

# Every page of the provider has at most one form, and no flow has that many of them.
MAX_STEPS = 20

_REDIRECTS = {302, 303}


@dataclass
class Page:
    """What a page says in its heading, and its form: address, hidden fields, inputs, buttons."""

    heading: str = ""
    action: str | None = None
    hidden: dict[str, str] = field(default_factory=dict)
    inputs: set[str] = field(default_factory=set)
    buttons: dict[str, str] = field(default_factory=dict)


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
        elif tag == "input" and members.get("type") == "hidden":
            self.page.hidden[name] = members.get("value", "")
        elif tag == "input":
            self.page.inputs.add(name)
        elif tag == "button" and name:
            self.page.buttons[name] = members.get("value", "")
        self._in_heading = tag == "h1"

    def handle_data(self, data: str) -> None:
        if self._in_heading:
            self.page.heading += data.strip()

    def handle_endtag(self, tag: str) -> None:
        self._in_heading = False


class Person:
    """Somebody called *name* at the provider *issuer*; *answers* are what they press or enter.

    The cookies stay from one visit to the next, as those of a browser do.
    """

    def __init__(self, session: ClientSession, issuer: str, name: str = "alice") -> None:
        self._session = session
        self._issuer = issuer
        self._fields = {"login": name, "password": f"{name}-password"}
        self.seen: list[str] = []  # the headings of the pages, in order

    async def visit(self, url: str, *, allow: bool = True, **fields: str) -> str:
        """Open *url* and fill in every form; return where a redirect leaves the provider.

        *fields* are further inputs: `otp`, `user_code`. If nothing leaves it, return the heading
        of the last page.
        """
        given, method = {**self._fields, **fields}, "GET"
        form: dict[str, str] = {}
        filled_in: set[str] = set()
        for _ in range(MAX_STEPS):
            async with self._session.request(
                method, url, data=form or None, allow_redirects=False
            ) as response:
                if response.status in _REDIRECTS:
                    url, method, form = urljoin(url, response.headers["Location"]), "GET", {}
                    if not url.startswith(self._issuer + "/"):
                        return url
                    continue
                page = _read(await response.text())
            self.seen.append(page.heading)
            # A page that comes again did not like what it got.
            if page.action is None or response.status >= 400 or page.heading in filled_in:
                return page.heading
            filled_in.add(page.heading)
            url, method = urljoin(url, page.action), "POST"
            form = _fill(page, given, allow=allow)
        raise AssertionError(f"the provider shows no end of pages: {self.seen}")


def _read(html: str) -> Page:
    reader = _Reader()
    reader.feed(html)
    return reader.page


def _fill(page: Page, given: dict[str, str], *, allow: bool) -> dict[str, str]:
    """Return what is sent for the form of *page*."""
    form = dict(page.hidden)
    form |= {name: given[name] for name in page.inputs if name in given}
    refusing = {"deny", "abort"}
    pressed = [name for name in page.buttons if (name in refusing) is not allow]
    if pressed:
        form[pressed[0]] = page.buttons[pressed[0]]
    return form


def make_browser() -> ClientSession:
    """Return a browser without cookies; it takes those of addresses, too."""
    return ClientSession(cookie_jar=CookieJar(unsafe=True))
