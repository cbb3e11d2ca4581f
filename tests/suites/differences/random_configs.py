"""Random configurations, with everything that can matter to who has access and how it is guarded.

A route with the key ``in`` is in an included file of this name. ``~files`` are revocation lists in
files, by name. Both are no keys of the format: ``write_config`` takes them out.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any, Final

from gateway.settings.load import Loaded, load_settings
from tests.suites.worlds import AT

Config = dict[str, Any]

ISSUERS: Final = {
    "m": "https://m.example",
    "p": "https://p.example",
    "q": "https://q.example",
    "t": "https://t.example/{tenantid}/",  # has tenants
    "i": "https://i.example",  # is asked about its tokens
}
PLAIN: Final = ("m", "p", "q")
TENANTS: Final = ("acme", "globex", "other")
SCOPES: Final = ["a", "b", "c", "a:x"]
AUDIENCES: Final = ["one", "two", "three"]
TEXTS: Final = ["x", "y", "xy", "x-1", "yx"]
CLAIMS: Final = ["c", "d", "e.f", "roles", "acr"]
HOSTS: Final = ["h.example", "*.h.example", "*.example", "i.example", "x.h.example"]
METHODS: Final = ["GET", "POST", "PUT", "DELETE"]
SEGMENTS: Final = ["a", "b", "c"]
LOGINS: Final = ("web", "app")
LIMITS: Final = ("each", "all", "slow")
LISTS: Final = ("list", "more")
PAGES: Final = ["https://page.example", "https://x.page.example", "https://h.example"]
SECOND: Final = "X-Second"
TOKEN: Final = "X-Token"
IDENTITY: Final = ["X-User", "X-Role"]
SOURCES: Final = ["sub", "client_id", "email", "name"]
ENVIRON: Final = {"SECRET": "a secret that is used by nobody but these tests"}


def make_config(random: Random) -> Config:
    """Return a configuration; it may be invalid, for example if two routes tie."""
    names = _some(random, PLAIN, 1)
    names += [name for name in ("t", "i") if random.random() < 0.1]
    config: Config = {
        "version": 1,
        "issuers": {name: make_issuer(random, name) for name in names},
        "upstreams": {name: make_upstream(random, name) for name in ("u", "w")},
    }
    for key, make in SECTIONS.items():
        if random.random() < 0.17:
            config[key] = make(random, config)
    config["routes"] = [
        make_route(random, number, config) for number in range(random.randint(1, 5))
    ]
    return config


def write_config(config: Config, folder: Path) -> Path:
    """Write *config* and the files that it names into *folder*, and return its path."""
    routes: dict[str | None, list[Config]] = {}
    for route in config["routes"]:
        plain = {key: value for key, value in route.items() if key != "in"}
        routes.setdefault(route.get("in"), []).append(plain)
    main = {key: value for key, value in config.items() if not key.startswith("~")}
    main["routes"] = routes.pop(None, [])
    if not main["routes"]:
        del main["routes"]
    if "include" in config:
        routes.setdefault("team", [])
    for name, own in routes.items():
        (folder / f"{name}.yaml").write_text(json.dumps({"routes": own} if own else {}))
    for name, entries in config.get("~files", {}).items():
        (folder / name).write_text(json.dumps({"revoked": entries}))
    path = folder / "gateway.yaml"
    path.write_text(json.dumps(main))
    return path


def load_config(config: Config, folder: Path) -> Loaded | None:
    """Return what *config* means, written to *folder*; None if it is invalid."""
    folder.mkdir(exist_ok=True)
    loaded = load_settings(write_config(config, folder), ENVIRON)
    return loaded if isinstance(loaded, Loaded) else None


# --- what is general


def make_issuer(random: Random, name: str) -> Config:
    """Return an issuer."""
    issuer: Config = {
        "issuer": ISSUERS[name],
        "discovery": True,
        "audiences": random.choice([_some(random, AUDIENCES, 1), [*AUDIENCES], "unchecked"]),
    }
    if name == "t":
        del issuer["discovery"]
        issuer["discovery_url"] = "https://t.example/metadata"
        issuer["tenants"] = make_tenants(random)
    if name == "i":
        del issuer["discovery"]
        issuer["introspection"] = {"client_id": "g", "client_secret": "${SECRET}"}
    for key, make in ISSUER_KEYS.items():
        if random.random() < 0.15 and is_key_of(name, key):
            issuer[key] = make(random)
    return issuer


def make_upstream(random: Random, name: str) -> Config:
    """Return an upstream; one with HTTP/2 takes no upgrades."""
    upstream: Config = {"servers": [f"http://{name}:1"]}
    if random.random() < 0.1:
        upstream |= {"protocol": "h2c", "grpc_web": random.random() < 0.5}
    return upstream


def make_tenants(random: Random) -> Config:
    """Return which tenants an issuer accepts."""
    allow = random.choice([_some(random, TENANTS, 1), _some(random, TENANTS, 1), "any"])
    return {"claim": random.choice(["tid", "tid", "c"]), "allow": allow}


def is_key_of(name: str, key: str) -> bool:
    """Return whether the issuer *name* may have *key*."""
    if name == "i":
        return key not in {"algorithms", "profile", "also_issued_as"}
    return name != "t" or key != "also_issued_as"


ISSUER_KEYS: dict[str, Callable[[Random], Any]] = {
    "algorithms": lambda random: _some(random, ["ES256", "EdDSA", "ES384"], 1),
    "profile": lambda random: random.choice(["any", "rfc9068"]),
    "leeway": lambda random: random.choice(["0s", "10s", "60s"]),
    "mode": lambda random: random.choice(["report", "enforce"]),
    "require": lambda random: {"claims": make_claims(random, [])},
    "scopes_from": lambda random: random.choice(
        [["scope"], ["scope", "scp"], ["roles"], [{"claim": "roles", "prefix": "a:"}]]
    ),
    "id_token_signals": lambda random: _some(random, ["nonce", "at_hash", "azp", "typ"], 0),
    "also_issued_as": lambda random: _some(random, ["https://o.example", "https://r.example"], 1),
    "identity": lambda random: {"headers": make_headers(random)},
}


def make_implies(random: Random, _config: Config) -> Config:
    """Return which scopes imply which."""
    return random.choice([{"a": ["b"]}, {"a": ["b", "c"]}, {"a:x": ["a"], "a": ["c"]}])


def make_lists(random: Random, config: Config) -> Config:
    """Return revocation lists."""
    names = _some(random, LISTS, 1)
    return {name: make_list(random, name, config) for name in names}


def make_list(random: Random, name: str, config: Config) -> Config:
    """Return a revocation list; the entries of one in a file are put into *config*."""
    one: Config = {
        "issuers": _some(random, list(config["issuers"]), 1)[:2],
        "on_failure": random.choice(["refuse", "allow"]),
    }
    if random.random() < 0.5:
        return {"url": f"https://m.example/{name}", **one}
    entries = [make_entry(random) for _ in range(random.randint(0, 3))]
    config.setdefault("~files", {})[f"{name}.json"] = entries
    return {"file": f"{name}.json", **one}


def make_entry(random: Random) -> Config:
    """Return an entry of a revocation list."""
    entry: Config = {random.choice(["jti", "jti", "client_id"]): random.choice(["j", "k", "c"])}
    if random.random() < 0.4:
        entry["exp"] = int(AT) + random.choice([-1000, -30, 500])
    if random.random() < 0.2:
        entry["issued_before"] = int(AT) + random.choice([-1000, 0])
    return entry


def make_logins(random: Random, config: Config) -> Config:
    """Return logins at issuers that can have some."""
    issuers = [name for name in config["issuers"] if name in PLAIN]
    found: Config = {}
    for number, name in enumerate(_some(random, LOGINS, 1)):
        hosts = ["h.example", "x.h.example"] if number == 0 else ["i.example"]
        found[name] = {
            "issuer": random.choice(issuers),
            "origins": [f"https://{host}" for host in _some(random, hosts, 1)],
            "client_id": name,
            "client_secret": "${SECRET}",
            "prefix": random.choice(["/oauth", "/a/oauth", "/session"]),
        }
    return found


def make_limits(random: Random, _config: Config) -> Config:
    """Return rate limits."""
    return {name: make_limit(random) for name in _some(random, LIMITS, 1)}


def make_limit(random: Random) -> Config:
    """Return one rate limit."""
    parts = ["subject", "client", "route", "route", "address", {"claim": "c"}]
    keys = _some(random, parts, 1)[: random.choice([1, 1, 2])]
    limit: Config = {
        "rate": random.choice(["3/1m", "4/1m", "5/1s", "2/10s"]),
        "key": [one for number, one in enumerate(keys) if one not in keys[:number]],
    }
    if random.random() < 0.4:
        limit["burst"] = random.choice([1, 2, 4])
    return limit


def make_identity(random: Random, _config: Config) -> Config:
    """Return which headers tell services who the caller is."""
    identity: Config = {"headers": make_headers(random)}
    if random.random() < 0.3:
        identity["forward_token"] = random.choice([True, False])
    return identity


def make_headers(random: Random) -> Config:
    """Return identity headers."""
    return {name: random.choice(SOURCES) for name in _some(random, IDENTITY, 1)}


def make_include(random: Random, _config: Config) -> list[Any]:
    """Return an entry for a file that has routes; it may restrict them."""
    entry: Config = {"files": "team.yaml"}
    if random.random() < 0.4:
        entry["may"] = ["identity"]
    if random.random() < 0.2:
        entry["under"] = _some(random, ["/", "/a/"], 1)
    return ["team.yaml" if len(entry) == 1 else entry]


SECTIONS: dict[str, Callable[[Random, Config], Any]] = {
    "scope_implies": make_implies,
    "revocations": make_lists,
    "login": make_logins,
    "rate_limits": make_limits,
    "identity": make_identity,
    "include": make_include,
}


# --- routes


def make_route(random: Random, number: int, config: Config) -> Config:
    """Return a route, which may name what *config* has."""
    match = make_match(random)
    path = match.get("path") or match["path_prefix"]
    route: Config = {
        "name": f"r{number}",
        "match": match,
        "upstream": random.choice(["u", "u", "w"]),
    }
    for key, make in GUARDS.items():
        if random.random() < 0.1:
            route[key] = make(random, path)
    if "include" in config and random.random() < 0.4:
        route["in"] = "team"
    if random.random() < 0.15:
        route["public"] = True
    limits = usable_limits(config, route)
    if limits and random.random() < 0.6:
        route["rate_limits"] = _some(random, limits, 1)
    if "public" in route:
        return route
    route["require"] = make_require(random, _variables(match), config)
    for key, make_own in OF_CALLERS.items():
        if random.random() < 0.08:
            route[key] = make_own(random)
    if config.get("login") and random.random() < 0.5:
        _add_login(random, route, config["login"])
    return route


def _add_login(random: Random, route: Config, logins: Config) -> None:
    route["login"] = random.choice(list(logins))
    issuers = route["require"].get("issuers")
    wanted = logins[route["login"]]["issuer"]
    if issuers is not None and wanted not in issuers:
        issuers.append(wanted)


def usable_limits(config: Config, route: Config) -> list[str]:
    """Return the rate limits that *route* may have: a public one knows no callers."""
    return [
        name
        for name, one in config.get("rate_limits", {}).items()
        if "public" not in route or set(map(str, one["key"])) <= {"route", "address"}
    ]


def _variables(match: Config) -> list[str]:
    path = match.get("path") or match["path_prefix"]
    return [part[1:-1] for part in path.split("/") if part.startswith("{")]


# What a route may have, whether it is public or not.
GUARDS: dict[str, Callable[[Random, str], Any]] = {
    "upgrades": lambda _random, _path: ["websocket"],
    "allow_semicolon": lambda _random, _path: True,
    "allow_encoded_slash": lambda _random, _path: True,
    "cors": lambda random, _path: make_cors(random),
    "limits": lambda random, _path: random.choice(
        [{"requests": 2}, {"requests": 3, "body": "100B"}]
    ),
    "timeouts": lambda random, _path: {"response": random.choice(["5s", "50s"])},
}

# And what only one has that is not.
OF_CALLERS: dict[str, Callable[[Random], Any]] = {
    "mode": lambda random: random.choice(["report", "report", "enforce"]),
    "token_from": lambda random: random.choice(
        [["authorization", {"header": TOKEN}], [{"header": TOKEN}]]
    ),
    "identity": lambda random: {"headers": make_headers(random)},
}


def make_rewrite(random: Random, path: str) -> Config:
    """Return how requests to *path* are changed."""
    rewrite: Config = {}
    first = "/".join(path.split("/")[:2])
    can_cut = len(path.strip("/").split("/")) > 1 and "{" not in first
    if can_cut and random.random() < 0.5:
        to = random.choice(["/", "/a", "/b", "/a/b"])
        rewrite |= random.choice(
            [{"strip_prefix": first}, {"replace_prefix": {"from": first, "to": to}}]
        )
    if random.random() < 0.3:
        rewrite["host"] = random.choice(["upstream", "inside.example"])
    if random.random() < 0.3:
        rewrite["request_headers"] = random.choice(
            [{"remove": ["X-Debug"]}, {"set": {"X-Admin": "yes"}}, {"set": {"X-Debug": "no"}}]
        )
    if random.random() < 0.2 or not rewrite:
        rewrite["query"] = random.choice([{"remove": ["debug"]}, {"set": {"admin": "1"}}])
    return rewrite


GUARDS["rewrite"] = make_rewrite


def make_cors(random: Random) -> Config:
    """Return which pages may read responses."""
    cors: Config = {"origins": _some(random, [*PAGES, "https://*.page.example"], 1)}
    for key, value in (
        ("methods", _some(random, METHODS, 1)),
        ("headers", _some(random, ["X-A", "X-B"], 1)),
        ("expose", _some(random, ["X-A", "X-B"], 1)),
        ("credentials", random.choice([True, False])),
        ("max_age", random.choice(["1m", "1h"])),
    ):
        if random.random() < 0.25:
            cors[key] = value
    return cors


def make_match(random: Random) -> Config:
    """Return which requests a route owns."""
    depth = random.randint(0, 3)
    parts = [random.choice(SEGMENTS) for _ in range(depth)]
    if parts and random.random() < 0.5:
        parts[random.randrange(depth)] = "{v}"
    if random.random() < 0.3:
        match: Config = {"path_prefix": "/" + "".join(f"{part}/" for part in parts)}
    else:
        match = {
            "path": "/" + "/".join(parts) + random.choice(["", "", "", "/"] if parts else [""])
        }
    if random.random() < 0.35:
        match["hosts"] = _some(random, HOSTS, 1)
    if random.random() < 0.4:
        match["methods"] = _some(random, METHODS, 1)
    return match


def make_require(random: Random, variables: Sequence[str], config: Config) -> Config:
    """Return what tokens must have."""
    issuers = list(config["issuers"])
    require: Config = {}
    makers: dict[str, tuple[float, Callable[[], Any]]] = {
        "scopes": (0.5, lambda: [_scopes(random, 2) for _ in range(random.randint(1, 2))]),
        "claims": (0.5, lambda: make_claims(random, variables)),
        "audiences": (0.2, lambda: _some(random, AUDIENCES, 1)),
        "issuers": (0.2, lambda: _some(random, issuers, 1)),
        "acr": (0.1, lambda: _some(random, ["gold", "silver", "x"], 1)),
        "max_age": (0.1, lambda: random.choice(["5m", "10m"])),
        "optional": (0.08, lambda: True),
        "also": (0.06, lambda: make_also(random, variables, config)),
    }
    for key, (chance, make) in makers.items():
        if random.random() < chance:
            require[key] = make()
    if "also" in require:
        require.pop("optional", None)
        others = [name for name in issuers if name not in require["also"]["issuers"]]
        require["issuers"] = _some(random, others or issuers, 1)
    return require


def make_also(random: Random, variables: Sequence[str], config: Config) -> Config:
    """Return what a second token must have."""
    also: Config = {"header": SECOND, "issuers": _some(random, list(config["issuers"]), 1)[:1]}
    if random.random() < 0.4:
        also["scopes"] = [_scopes(random, 1)]
    if random.random() < 0.4:
        also["claims"] = make_claims(random, variables)
    if random.random() < 0.3:
        also["audiences"] = _some(random, AUDIENCES, 1)
    if random.random() < 0.2:
        also["identity"] = {"headers": {"X-Workload": random.choice(SOURCES)}}
    return also


def _scopes(random: Random, depth: int) -> Any:
    if depth == 0 or random.random() < 0.5:
        return random.choice(SCOPES)
    kind = random.choice(["any", "all", "none"])
    terms = [_scopes(random, depth - 1) for _ in range(random.randint(1, 3))]
    return {kind: list({json.dumps(one): one for one in terms}.values())}


def make_claims(random: Random, variables: Sequence[str]) -> Config:
    """Return tests of claims, some in groups."""
    claims: Config = {name: _test(random, variables) for name in _some(random, CLAIMS[:4], 1)[:2]}
    if random.random() < 0.25:
        kind = random.choice(["any", "all", "not"])
        claims[kind] = [
            {name: _test(random, variables) for name in _some(random, CLAIMS[:4], 1)[:2]}
            for _ in range(random.randint(1, 2))
        ]
    return claims


def _test(random: Random, variables: Sequence[str]) -> Config:
    text = random.choice(TEXTS)
    if variables and random.random() < 0.5:
        text = random.choice(["{path.v}", "x-{path.v}"])
    operands: dict[str, Any] = {
        "equals": random.choice([text, 1, True, 2.0]),
        "not_equals": random.choice([text, 1]),
        "in": _some(random, [*TEXTS, 1, text], 1),
        "contains": text,
        "matches": random.choice(["x*", "*y", "?", "x?*", "*", "x-?", text]),
        "at_least": random.choice([1, 2, 2.5]),
        "exists": random.choice([True, False]),
    }
    operator = random.choice(list(operands))
    operand = operands[operator]
    if operator == "in":
        operand = list({json.dumps(one): one for one in operand}.values())
    return {operator: operand}


def _some(random: Random, values: Sequence[Any], least: int) -> list[Any]:
    return random.sample(list(values), random.randint(least, len(values)))
