"""Random requests, with tokens, sessions and other fields, to put to two configurations.

They are made of what the two configurations name, with noise; they know nothing of how differences
are found.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random
from typing import Any, Final

from gateway.suites.simulation.request import SimulatedRequest
from tests.suites.differences.random_configs import (
    AUDIENCES,
    CLAIMS,
    HOSTS,
    METHODS,
    PAGES,
    SCOPES,
    SEGMENTS,
    TENANTS,
    TEXTS,
    TOKEN,
    Config,
)
from tests.suites.worlds import AT

MARK: Final = "chosen-by-the-client"
"""What a client can write into a field or a parameter."""

OWN_CLAIM: Final = "chosen-by-the-user"
"""The value of a claim that users can change."""

AUTHORIZATION: Final = "Authorization"
BY_PAGE, BY_OTHER_SITE, BY_PERSON = "page", "other site", "person"

_HANDSHAKE: Final = (
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ("Sec-WebSocket-Version", "13"),
)
_SPOOFED: Final = ("X-User", "x_user", "X-Role", "X-Debug", "X-Workload", "X-Gateway-Subject")


@dataclass(frozen=True, slots=True, eq=False)
class Token:
    """A token with *claims*, of the type *typ*, signed by *algorithm*.

    If it *is_forged*, somebody else signed it; if it *is_opaque*, it is no JWT, and the issuer with
    the name *iss* knows it.
    """

    iss: str
    claims: Config
    typ: str = "JWT"
    algorithm: str = "ES256"
    is_forged: bool = False
    is_opaque: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A request, with *token* in *token_field* and *second* in a field of its own.

    With *login*, the client of a login, the token is that of a session. *browser* says what in a
    browser sends the request, if one does; *page* is the origin of a page that reads the response.
    """

    request: SimulatedRequest
    token: Token | None = None
    token_field: str = AUTHORIZATION
    second: Token | None = None
    login: str | None = None
    browser: str | None = None
    page: str | None = None

    def __str__(self) -> str:
        by = {
            "token": None if self.token is None else self.token.claims,
            "in": self.token_field,
            "second": None if self.second is None else self.second.claims,
            "login": self.login,
            "browser": self.browser,
            "page": self.page,
        }
        said = {name: value for name, value in by.items() if value is not None}
        return f"{self.request.line} {dict(self.request.headers)} {said}"


def questions(random: Random, pair: tuple[Config, Config], number: int) -> Iterator[Asked]:
    """Yield as many requests with callers; each caller sends some of them in a row."""
    previous: Asked | None = None
    for _ in range(number):
        side = random.choice(pair)
        route = random.choice(side["routes"])
        request = make_request(random, route)
        if previous is not None and random.random() < 0.3:
            previous = replace(previous, request=request)
        else:
            previous = _ask(random, side, route, request)
        yield previous


def _ask(random: Random, side: Config, route: Config, request: SimulatedRequest) -> Asked:
    page = random.choice([*PAGES, "https://deep.x.page.example"]) if "cors" in route else None
    if random.random() < 0.1:
        return Asked(request, page=page)
    require = route.get("require", {})
    issuers = require.get("issuers") if random.random() < 0.7 else None
    token = make_token(random, side, require, issuers, request)
    second = None
    if "also" in require and random.random() < 0.9:
        also = require["also"]
        second = make_token(random, side, also, also["issuers"], request)
    login = side.get("login", {}).get(route.get("login"))
    client, browser = None, None
    if login is not None and random.random() < 0.6:
        client = login["client_id"]
        browser = random.choice([BY_PAGE, BY_PAGE, BY_OTHER_SITE, BY_PERSON])
        page = None
        if random.random() < 0.8:
            token = make_token(random, side, require, [login["issuer"]], request)
            request = _at(random.choice(login["origins"]).removeprefix("https://"), request)
    places = [AUTHORIZATION, TOKEN] if "token_from" in route else [AUTHORIZATION]
    return Asked(request, token, random.choice(places), second, client, browser, page)


def _at(host: str, request: SimulatedRequest) -> SimulatedRequest:
    return SimulatedRequest(request.method, host, host, request.target, request.headers)


def make_request(random: Random, route: Config) -> SimulatedRequest:
    """Return a request that *route* may own."""
    match = route["match"]
    path = match.get("path") or match["path_prefix"]
    if random.random() < 0.1:
        path = "/" + "/".join(random.choices(SEGMENTS, k=random.randint(0, 4)))
    path = path.replace("{v}", random.choice(["x", "y", "a", "b", "x-1"]))
    if random.random() < 0.5 and "path_prefix" in match:
        path += random.choice(["a", "b", "x", "a/b", "x/", ""])
    if random.random() < 0.06:
        path += random.choice([";x=1", "%2Fa", "%2f", ";", "/"])
    if random.random() < 0.1:
        path += random.choice([f"?debug={MARK}", f"?a=b&debug={MARK}", "?a=b"])
    hosts = match.get("hosts") or ["o.test"]
    host = random.choice(hosts) if random.random() < 0.8 else random.choice(HOSTS)
    host = host.replace("*", random.choice(["x", "y", "x.h", "z.y"]))
    method = random.choice(match.get("methods") or METHODS)
    if random.random() < 0.15:
        method = random.choice([*METHODS, "PATCH", "PURGE"])
    headers: tuple[tuple[str, str], ...] = ()
    if random.random() < 0.1:
        headers, method = _HANDSHAKE, "GET"
    if random.random() < 0.15:
        headers += tuple((name, MARK) for name in random.sample(_SPOOFED, 3))
    return SimulatedRequest(method, host, host, path.encode(), headers)


def make_token(
    random: Random,
    side: Config,
    rules: Config,
    issuers: list[str] | None,
    request: SimulatedRequest,
) -> Token:
    """Return a token of one of *issuers* that may satisfy *rules*."""
    known = [name for name in issuers or () if name in side["issuers"]] or list(side["issuers"])
    name = random.choice(known)
    issuer = side["issuers"][name]
    claims: Config = {
        "iss": random.choice([issuer["issuer"], *issuer.get("also_issued_as", [])]),
        "aud": random.choice(AUDIENCES) if random.random() < 0.6 else _some(random, AUDIENCES, 1),
        "sub": "s",
        "client_id": "c",
        "email": OWN_CLAIM,
        "name": OWN_CLAIM,
        "jti": random.choice(["j", "k", "k", "more", "list"]),
        "iat": int(AT) - 5,
        "exp": int(AT) + (300 if random.random() < 0.9 else random.choice([-5, -20, -100])),
        "scope": " ".join(_some(random, SCOPES, 0)),
    }
    for tests in (rules.get("claims"), issuer.get("require", {}).get("claims")):
        _satisfy(random, tests or {}, claims, request)
    _add_noise(random, rules, claims)
    if "tenants" in issuer:
        tenant = random.choice(TENANTS)
        claims["iss"] = claims["iss"].replace("{tenantid}", tenant)
        claims[issuer["tenants"]["claim"]] = tenant
    algorithms = issuer.get("algorithms", ["ES256", "EdDSA"])
    return Token(
        issuer["issuer"],
        claims,
        random.choice(["JWT", "at+jwt", "at+jwt"]),
        random.choice(algorithms)
        if random.random() < 0.9
        else random.choice(["ES256", "EdDSA", "ES384"]),
        is_forged=random.random() < 0.05,
        is_opaque="introspection" in issuer and random.random() < 0.7,
    )


def _add_noise(random: Random, rules: Config, claims: Config) -> None:
    for name in CLAIMS:
        if random.random() < 0.15:
            _set(claims, name, random.choice([*TEXTS, 1, 2, True, ["x"], ["a", "y"], None]))
    if random.random() < 0.3:
        claims["scp"] = _some(random, SCOPES, 0)
    if random.random() < 0.3:
        claims["roles"] = _some(random, [*SCOPES, "x"], 0)
    if "acr" in rules and random.random() < 0.8:
        claims["acr"] = random.choice(["gold", "silver", "x"])
    if "max_age" in rules and random.random() < 0.8:
        claims["auth_time"] = int(AT) - random.choice([10, 400, 500, 900])
    if random.random() < 0.05:
        claims[random.choice(["nonce", "at_hash"])] = "x"
    if random.random() < 0.05:
        claims.pop(random.choice(["email", "client_id", "jti"]))


def _satisfy(random: Random, rules: Config, claims: Config, request: SimulatedRequest) -> None:
    """Set claims so that most tests hold, as far as one can see from a test alone."""
    for name, test in rules.items():
        if isinstance(test, list):
            for part in test:
                if random.random() < 0.6:
                    _satisfy(random, part, claims, request)
        elif random.random() < 0.85:
            operator, operand = next(iter(test.items()))
            parts = request.target.decode().split("/")
            if isinstance(operand, str):
                operand = operand.replace("{path.v}", random.choice(parts))
            _set(claims, name, {
                "in": random.choice(operand) if isinstance(operand, list) else operand,
                "contains": [operand],
                "matches": str(operand).replace("*", random.choice(["", "x"])).replace("?", "y"),
                "exists": "x" if operand is True else None,
            }.get(operator, operand))  # fmt: skip


def _set(claims: Config, name: str, value: Any) -> None:
    outer, _, inner = name.partition(".")
    claims[outer] = {inner: value} if inner else value


def _some(random: Random, values: Any, least: int) -> list[Any]:
    return random.sample(list(values), random.randint(least, len(values)))
