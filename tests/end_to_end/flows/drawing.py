"""Draw what parties sent each other, with names for what is different each time."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final
from urllib.parse import parse_qsl, quote, unquote

from tests.end_to_end.flows.relay import Sent
from tests.proxy.messages import Message

# What a reader has to see; all other fields are of HTTP or of one program.
_SHOWN: Final = {
    name.lower(): name
    for name in (
        "Host", "Accept", "Origin", "Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest", "X-CSRF",
        "Cookie", "Authorization", "Content-Type", "Location", "Set-Cookie", "WWW-Authenticate",
        "X-Gateway-Subject", "X-Gateway-Client", "X-Gateway-Scopes",
    )
}  # fmt: skip

# Of a message from or to these: the provider's cookies are its own affair, and what a browser says
# of itself is read by the gateway alone.
_HIDDEN: Final = {
    "provider": {"cookie", "set-cookie", "accept", "sec-fetch-mode", "sec-fetch-dest"},
    "service": {"accept", "sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest"},
}

# Parameters and members of JSON whose value is different each time.
_VARYING: Final = frozenset(
    ("code", "instance", "state", "nonce", "code_challenge", "code_verifier", "request_uri",
     "access_token", "refresh_token", "id_token", "id_token_hint", "logout_token",
     "client_assertion", "client_secret", "device_code", "user_code")
)  # fmt: skip

# The same value has one name, whatever it is called where it is sent.
_ALIASES: Final = {"id_token_hint": "id_token", "instance": "request_id"}

_LOGIN_COOKIE: Final = re.compile(r"__Host-login-([0-9a-f]{12})=([^;\s]+)")
_COOKIE: Final = re.compile(r"(__Host-session)=([^;\s]+)")
_STEP: Final = 10
_LONG: Final = 60


class Names:
    """Names of what varies, such as ``{code}``: the same value always has the same one."""

    def __init__(self, places: Mapping[str, str]) -> None:
        """Take *places*, from an address to how it is drawn."""
        self._places: dict[str, str] = {}
        self.forget()
        for place, shown in places.items():
            self.place(place, shown)

    def place(self, place: str, shown: str) -> None:
        """Draw the address *place* as *shown* from now on."""
        for names in (self._places, self._names):
            names[place] = shown
            names[quote(place, safe="")] = quote(shown, safe="")

    def forget(self) -> None:
        """Forget all but the places: another diagram begins."""
        self._names = dict(self._places)
        self._counts: dict[str, int] = {}

    def learn(self, message: Message) -> None:
        """Name the values in *message* that vary."""
        text = message.body.decode("utf-8", "replace")
        for name, value in message.fields:
            shown = value.decode("latin-1")
            for found in _LOGIN_COOKIE.finditer(shown):
                self.name(found[1], "login")
                self.name(found[2], "sealed")
            for found in _COOKIE.finditer(shown):
                self.name(found[2], "session")
            if name.lower() == b"location":
                self._learn_pairs(shown.partition("?")[2])
        self._learn_pairs(message.start.partition(b"?")[2].partition(b" ")[0].decode())
        if message.all(b"content-type") == [b"application/x-www-form-urlencoded"]:
            self._learn_pairs(text)
        elif "json" in str(message.all(b"content-type")):
            document = json.loads(text)
            for member, value in document.items() if isinstance(document, dict) else ():
                if isinstance(value, str):
                    self._learn_pair(member, value)
                    self._learn_pairs(value.partition("?")[2])

    def _learn_pairs(self, text: str) -> None:
        for name, value in parse_qsl(text):
            self._learn_pair(name, value)

    def _learn_pair(self, name: str, value: str) -> None:
        if name in _VARYING:
            self.name(value, _ALIASES.get(name, name))

    def name(self, value: str, name: str) -> None:
        """Draw *value* as *name* in this diagram, with a number if others have that name."""
        if value in self._names:
            return
        self._counts[name] = number = self._counts.get(name, 0) + 1
        shown = f"{{{name}}}" if number == 1 else f"{{{name} {number}}}"
        self._names[value] = shown
        self._names[quote(value, safe="")] = shown

    def replace(self, text: str) -> str:
        """Return *text* with names for what varies."""
        for value in sorted(self._names, key=len, reverse=True):
            text = text.replace(value, self._names[value])
        return text


def draw(parties: Iterable[str], sent: Sequence[Sent | str], names: Names) -> str:
    """Return a diagram of what some of *parties* sent; a string in *sent* is what a person does."""
    messages = [one for one in sent if isinstance(one, Sent)]
    talking = {party for one in messages for party in (one.sender, one.receiver)}
    there = [party for party in parties if party in talking]
    columns = {party: _STEP // 2 + number * _STEP for number, party in enumerate(there)}
    width = len(columns) * _STEP
    heading = "".join(party.center(_STEP) for party in columns)
    lines = [heading]
    for one in sent:
        lines.append(_lifelines(columns, width))
        if isinstance(one, str):
            lines.append(_lifelines(columns, width) + f"  ({one})")
            continue
        names.learn(one.message)
        shown = iter(map(names.replace, _describe(one)))
        lines.append(_arrow(columns, width, one) + "  " + next(shown))
        lines += [_lifelines(columns, width) + "  " + line for line in shown]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _lifelines(columns: Mapping[str, int], width: int) -> str:
    return "".join("│" if place in columns.values() else " " for place in range(width))


def _arrow(columns: Mapping[str, int], width: int, sent: Sent) -> str:
    start, end = columns[sent.sender], columns[sent.receiver]
    line = list(_lifelines(columns, width))
    for place in range(min(start, end) + 1, max(start, end)):
        line[place] = "─"
    line[end - 1 if start < end else end + 1] = "►" if start < end else "◄"
    return "".join(line)


def _describe(sent: Sent) -> Iterator[str]:
    message = sent.message
    start = message.start.decode()
    if start.startswith("HTTP/1.1 "):
        yield start.removeprefix("HTTP/1.1 ")
    else:
        method, target, _ = start.split(" ")
        yield from _break(f"{method} {target}")
    hidden = _HIDDEN.get(sent.sender, set()) | _HIDDEN.get(sent.receiver, set())
    for name, value in message.fields:
        title = _SHOWN.get(name.decode().lower())
        is_page = name.lower() == b"content-type" and value.startswith(b"text/html")
        if title is not None and title.lower() not in hidden and not is_page:
            yield from _break(f"{title}: {value.decode('latin-1')}")
    yield from _describe_body(message)


def _describe_body(message: Message) -> Iterator[str]:
    kind = b"".join(message.all(b"content-type"))
    text = message.body.decode("utf-8", "replace")
    if kind.startswith(b"application/x-www-form-urlencoded") and text:
        yield ""
        first, *others = text.split("&")
        yield first
        yield from (f"&{other}" for other in others)
    elif b"json" in kind:
        yield ""
        for line in json.dumps(json.loads(text), indent=1).splitlines():
            yield from _break(line) if len(line) > 2 * _LONG else [line]


def _break(line: str) -> Iterator[str]:
    """Yield *line*; of a long one each parameter, or the attributes, on a line of their own."""
    if len(unquote(line)) < _LONG:
        yield line
        return
    if line.startswith("Set-Cookie: "):
        cookie, _, attributes = line.partition("; ")
        yield cookie
        yield f"  ; {attributes}"
        return
    path, mark, query = line.partition("?")
    yield path
    if mark:
        first, *others = query.split("&")
        yield f"  ?{first}"
        yield from (f"  &{other}" for other in others)
