"""A page's fetch as a browser does it: the CORS protocol of the Fetch standard, step by step.

<https://fetch.spec.whatwg.org/#http-cors-protocol>, as of 2025: which requests need a preflight,
what of its answer is looked at, and what of the answer a page gets to see. There is no cache.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from tests.proxy.gateways import RunningGateway
from tests.proxy.messages import Message, make_request

# "CORS-safelisted method", "CORS-safelisted request-header" (of values that are short and plain),
# "CORS-safelisted response-header name".
SAFE_METHODS = frozenset(("GET", "HEAD", "POST"))
SAFE_REQUEST_FIELDS = frozenset(("accept", "accept-language", "content-language"))
SAFE_CONTENT_TYPES = frozenset(
    ("application/x-www-form-urlencoded", "multipart/form-data", "text/plain")
)
SAFE_ANSWER_FIELDS = frozenset(
    (
        *("cache-control", "content-language", "content-length", "content-type", "expires"),
        *("last-modified", "pragma"),
    )
)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a page gets to see of an answer."""

    status: int
    fields: Mapping[str, str]
    body: bytes


class NetworkError(Exception):
    """All that a page learns where it may not read: that it may not."""


class Browser:
    """A browser with a page of *origin*; with *credentials* pages ask for these to be included."""

    def __init__(self, gateway: RunningGateway, origin: str, *, credentials: bool = False) -> None:
        self._gateway = gateway
        self._origin = origin
        self._credentials = credentials

    async def fetch(
        self, target: str, method: str = "GET", fields: Mapping[str, str] | None = None
    ) -> Seen:
        """Return what the page sees; raises NetworkError."""
        fields = {name.lower(): value for name, value in (fields or {}).items()}
        unsafe = sorted(name for name in fields if not _is_safe(name, fields[name]))
        if method not in SAFE_METHODS or unsafe:
            await self._preflight(target, method, unsafe)
        lines = [f"{name}: {value}" for name, value in fields.items()]
        cookie = ["Cookie: session=1"] if self._credentials else []
        request = make_request(target, f"Origin: {self._origin}", *cookie, *lines, method=method)
        answer = await self._gateway.ask(request, is_head=method == "HEAD")
        self._check(answer)
        exposed = _names(answer, b"access-control-expose-headers")
        if "*" in exposed and not self._credentials:
            exposed = {name.decode().lower() for name, _ in answer.fields}
        visible = SAFE_ANSWER_FIELDS | exposed
        shown = {
            name.decode().lower(): value.decode()
            for name, value in answer.fields
            if name.decode().lower() in visible
        }
        return Seen(answer.status, shown, answer.body)

    async def _preflight(self, target: str, method: str, unsafe: list[str]) -> None:
        """The standard's "CORS-preflight fetch": without credentials and without a body."""
        lines = [f"Origin: {self._origin}", f"Access-Control-Request-Method: {method}"]
        if unsafe:
            lines.append(f"Access-Control-Request-Headers: {','.join(unsafe)}")
        answer = await self._gateway.ask(make_request(target, *lines, method="OPTIONS"))
        self._check(answer)
        if not 200 <= answer.status <= 299:
            raise NetworkError("not an ok status")
        methods = {one.decode() for one in _list(answer, b"access-control-allow-methods")}
        allowed = _names(answer, b"access-control-allow-headers")
        any_method = "*" in methods and not self._credentials
        if method not in methods and method not in SAFE_METHODS and not any_method:
            raise NetworkError(f"the method {method}")
        for name in unsafe:
            any_name = "*" in allowed and not self._credentials and name != "authorization"
            if name not in allowed and not any_name:
                raise NetworkError(f"the field {name}")

    def _check(self, answer: Message) -> None:
        """The standard's "CORS check"."""
        origins = answer.all(b"access-control-allow-origin")
        if len(origins) != 1:  # "getting" joins several with a comma, which is no origin
            raise NetworkError("no origin")
        if not self._credentials and origins[0] == b"*":
            return
        if origins[0] != self._origin.encode():
            raise NetworkError("another origin")
        if self._credentials and answer.all(b"access-control-allow-credentials") != [b"true"]:
            raise NetworkError("no credentials")


def _is_safe(name: str, value: str) -> bool:
    if name == "content-type":
        return value.partition(";")[0].strip().lower() in SAFE_CONTENT_TYPES
    return name in SAFE_REQUEST_FIELDS


def _list(answer: Message, name: bytes) -> list[bytes]:
    return [part.strip() for value in answer.all(name) for part in value.split(b",")]


def _names(answer: Message, name: bytes) -> set[str]:
    return {part.decode().lower() for part in _list(answer, name)}
