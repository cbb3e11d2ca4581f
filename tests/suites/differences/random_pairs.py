"""Random pairs of configurations, and random requests, tokens and callers to try on both.

``make_pair`` edits a random configuration as people do: a list grows or shrinks, a rule comes, goes
or is written anew, a route is added, removed or moved. ``questions`` are made of what the two
configurations name, with noise; they know nothing of how differences are found.
"""

import copy
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing import Pool
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from gateway.settings.load import Loaded, load_settings
from gateway.suites.differences.compare import Question, compare
from gateway.suites.differences.facet import Kind
from gateway.suites.differences.side import Caller, Side
from gateway.suites.simulation.request import SimulatedRequest
from tests.suites.worlds import AT

Config = dict[str, Any]
FAILING = {Kind.OPENED, Kind.LOOSENED, Kind.KEYS, Kind.MOVED}
ISSUERS = {"m": "https://m.example", "p": "https://p.example", "q": "https://q.example"}
SCOPES = ["a", "b", "c", "a:x"]
AUDIENCES = ["one", "two", "three"]
TEXTS = ["x", "y", "xy", "x-1", "yx"]
CLAIMS = ["c", "d", "e.f", "roles", "acr"]
HOSTS = ["h.example", "*.h.example", "*.example", "i.example", "x.h.example"]
METHODS = ["GET", "POST", "PUT", "DELETE"]
SEGMENTS = ["a", "b", "c"]


def make_config(random: Random) -> Config:
    """Return a configuration; it may be invalid, for example if two routes tie."""
    routes = [_route(random, number) for number in range(random.randint(1, 5))]
    config: Config = {
        "version": 1,
        "issuers": {name: _issuer(random, name) for name in _some(random, list(ISSUERS), 1)},
        "upstreams": {name: {"servers": [f"http://{name}:1"]} for name in ("u", "w")},
        "routes": routes,
    }
    if random.random() < 0.3:
        config["scope_implies"] = _implies(random)
    if random.random() < 0.2:
        name = random.choice(list(config["issuers"]))
        config["revocations"] = {"list": {
            "url": "https://m.example/revoked",
            "issuers": [name],
            "on_failure": random.choice(["refuse", "allow"]),
        }}  # fmt: skip
    return config


def make_pair(random: Random) -> tuple[Config, Config]:
    """Return a configuration, and the same after one to three edits."""
    old = make_config(random)
    new = copy.deepcopy(old)
    for _ in range(random.choice([1, 1, 1, 2, 3])):
        random.choice(EDITS)(random, new)
    return (old, new) if random.random() < 0.8 else (new, old)


def load_config(config: Config) -> Loaded | None:
    """Return what *config* means, or None if it is invalid."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "gateway.yaml"
        path.write_text(json.dumps(config))
        loaded = load_settings(path, {})
    return loaded if isinstance(loaded, Loaded) else None


@dataclass(frozen=True, slots=True)
class Tried:
    """What trying the pair of a *seed* showed.

    *missed* describes an opening of which the difference does not tell. *is_undecided* if something
    else could not be decided.
    """

    seed: int
    is_valid: bool = False
    is_opened: bool = False
    is_undecided: bool = False
    missed: str | None = None


def try_pair(seed: int, number: int = 80, *, is_quick: bool = False) -> Tried:
    """Ask both configurations of the pair *seed* some questions, and compare what they open.

    If *is_quick*, nothing is compared where no opening is found.
    """
    random = Random(seed)
    pair = make_pair(random)
    old, new = (load_config(one) for one in pair)
    if old is None or new is None:
        return Tried(seed)
    found = find_opening(random, pair, (Side(old, AT, {}), Side(new, AT, {})), number)
    if found is None and is_quick:
        return Tried(seed, True)
    difference = compare(old, new, Question(AT), max_cells=1)
    kinds = {*difference.kinds, *(gap.kind for gap in difference.gaps)}
    missed = None
    if found is not None and not FAILING & kinds:
        caller, request = found
        missed = f"{seed}: {request.line} {dict(request.headers)} by {caller.claims}"
    is_undecided = bool(difference.gaps) and not FAILING & difference.kinds
    return Tried(seed, True, found is not None, is_undecided, missed)


def find_opening(
    random: Random, pair: tuple[Config, Config], sides: tuple[Side, Side], number: int
) -> tuple[Caller, SimulatedRequest] | None:
    """Return a caller and a request that the new side allows and the old one refuses, if found."""
    before, after = sides
    for caller, request in questions(random, pair, number):
        if after.ask(caller, request).is_allowed and not before.ask(caller, request).is_allowed:
            return caller, request
    return None


def questions(
    random: Random, pair: tuple[Config, Config], number: int
) -> Iterator[tuple[Caller, SimulatedRequest]]:
    """Yield callers with requests."""
    for _ in range(number):
        route = random.choice(random.choice(pair)["routes"])
        request = _request(random, route)
        yield _caller(random, pair, route, request), request


# --- parts of a configuration


def _issuer(random: Random, name: str) -> Config:
    issuer: Config = {
        "issuer": ISSUERS[name],
        "discovery": True,
        "audiences": random.choice([_some(random, AUDIENCES, 1), AUDIENCES, "unchecked"]),
    }
    for key, make in ISSUER_KEYS.items():
        if random.random() < 0.15:
            issuer[key] = make(random)
    return issuer


ISSUER_KEYS: dict[str, Callable[[Random], Any]] = {
    "algorithms": lambda random: _some(random, ["ES256", "EdDSA", "ES384"], 1),
    "profile": lambda random: random.choice(["any", "rfc9068"]),
    "leeway": lambda random: random.choice(["0s", "10s", "60s"]),
    "mode": lambda random: random.choice(["report", "enforce"]),
    "require": lambda random: {"claims": _claims(random, [])},
    "scopes_from": lambda random: random.choice(
        [["scope"], ["scope", "scp"], ["roles"], [{"claim": "roles", "prefix": "a:"}]]
    ),
    "id_token_signals": lambda random: _some(random, ["nonce", "at_hash", "azp", "typ"], 0),
    "also_issued_as": lambda random: _some(random, ["https://o.example", "https://r.example"], 1),
}


def _route(random: Random, number: int) -> Config:
    match = _match(random)
    path = match.get("path") or match["path_prefix"]
    variables = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    route: Config = {
        "name": f"r{number}",
        "match": match,
        "upstream": random.choice(["u", "u", "w"]),
    }
    if random.random() < 0.1:
        route["upgrades"] = ["websocket"]
    if random.random() < 0.1:
        route["allow_semicolon"] = True
    if random.random() < 0.1:
        route["allow_encoded_slash"] = True
    if random.random() < 0.15:
        route["public"] = True
        return route
    route["require"] = _require(random, variables)
    if random.random() < 0.08:
        route["mode"] = "report"
    if random.random() < 0.08:
        route["token_from"] = random.choice(
            [["authorization", {"header": "X-Token"}], [{"header": "X-Token"}]]
        )
    return route


def _match(random: Random) -> Config:
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


def _require(random: Random, variables: Sequence[str]) -> Config:
    require: Config = {}
    makers: dict[str, Callable[[], Any]] = {
        "scopes": lambda: [_scopes(random, 2) for _ in range(random.randint(1, 2))],
        "claims": lambda: _claims(random, variables),
        "audiences": lambda: _some(random, AUDIENCES, 1),
        "issuers": lambda: _some(random, list(ISSUERS), 1),
        "acr": lambda: _some(random, ["gold", "silver", "x"], 1),
        "max_age": lambda: random.choice(["5m", "10m"]),
        "optional": lambda: True,
    }
    for key, chance in zip(makers, (0.5, 0.5, 0.2, 0.2, 0.1, 0.1, 0.08), strict=True):
        if random.random() < chance:
            require[key] = makers[key]()
    if not require.get("optional", True):
        del require["optional"]
    return require


def _scopes(random: Random, depth: int) -> Any:
    if depth == 0 or random.random() < 0.5:
        return random.choice(SCOPES)
    kind = random.choice(["any", "all", "none"])
    terms = [_scopes(random, depth - 1) for _ in range(random.randint(1, 3))]
    return {kind: list({json.dumps(one): one for one in terms}.values())}


def _claims(random: Random, variables: Sequence[str]) -> Config:
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


def _implies(random: Random) -> Config:
    return random.choice([{"a": ["b"]}, {"a": ["b", "c"]}, {"a:x": ["a"], "a": ["c"]}])


def _some(random: Random, values: Sequence[Any], least: int) -> list[Any]:
    return random.sample(list(values), random.randint(least, len(values)))


# --- edits


def _edit_route(random: Random, config: Config) -> None:
    """Write one part of a route anew."""
    route = random.choice(config["routes"])
    fresh = _route(random, 9)
    key = random.choice(list(fresh))
    if key == "name":
        return
    if key in ("public", "require"):
        route.pop("public", None)
        route.pop("require", None)
        if key == "public":
            route.pop("mode", None)
            route.pop("token_from", None)
    if route.get("public") and key in ("mode", "token_from"):
        return
    route[key] = fresh[key]


def _edit_require(random: Random, config: Config) -> None:
    """Write one rule of a route anew, or drop it."""
    guarded = [route for route in config["routes"] if "require" in route]
    if guarded:
        require = random.choice(guarded)["require"]
        fresh = _require(random, [])
        for key in _some(random, ["scopes", "claims", "audiences", "issuers", "acr", "max_age"], 1)[
            :1
        ]:
            if key in fresh:
                require[key] = fresh[key]
            else:
                require.pop(key, None)


def _edit_list(random: Random, config: Config) -> None:
    """Take an element out of a list somewhere, or put one of its kind in."""
    lists = list(_lists(config))
    if lists:
        values = random.choice(lists)
        if len(values) > 1 and random.random() < 0.5:
            values.pop(random.randrange(len(values)))
        else:
            for kind in (SCOPES, AUDIENCES, METHODS, HOSTS, list(ISSUERS), TEXTS):
                rest = [one for one in kind if one not in values]
                if values and values[0] in kind and rest:
                    values.append(random.choice(rest))
                    return


def _lists(value: Any) -> Iterator[list[Any]]:
    if isinstance(value, dict):
        for key, one in value.items():
            if key not in ("servers", "routes"):
                yield from _lists(one)
            elif key == "routes":
                for route in one:
                    yield from _lists(route)
    elif isinstance(value, list):
        yield value
        for one in value:
            yield from _lists(one)


def _edit_issuer(random: Random, config: Config) -> None:
    """Write one key of an issuer anew, or drop it."""
    name = random.choice(list(config["issuers"]))
    issuer = config["issuers"][name]
    key = random.choice([*ISSUER_KEYS, "audiences"])
    if key != "audiences" and random.random() < 0.4:
        issuer.pop(key, None)
    else:
        issuer[key] = {
            **_issuer(random, name),
            **{key: ISSUER_KEYS[key](random) for key in [key] if key in ISSUER_KEYS},
        }[key]


def _add_route(random: Random, config: Config) -> None:
    config["routes"].append(_route(random, random.randint(10, 99)))


def _remove_route(random: Random, config: Config) -> None:
    if len(config["routes"]) > 1:
        config["routes"].pop(random.randrange(len(config["routes"])))


def _add_issuer(random: Random, config: Config) -> None:
    for name in ISSUERS:
        config["issuers"].setdefault(name, _issuer(random, name))


def _edit_rest(random: Random, config: Config) -> None:
    if random.random() < 0.5:
        config["scope_implies"] = _implies(random)
    elif "revocations" in config:
        if random.random() < 0.5:
            del config["revocations"]
        else:
            config["revocations"]["list"]["on_failure"] = random.choice(["refuse", "allow"])


EDITS: list[Callable[[Random, Config], None]] = [
    *(_edit_route, _edit_route, _edit_require, _edit_require, _edit_list, _edit_list),
    *(_edit_issuer, _add_route, _remove_route, _add_issuer, _edit_rest),
]


# --- requests and callers


def _request(random: Random, route: Config) -> SimulatedRequest:
    match = route["match"]
    path = match.get("path") or match["path_prefix"]
    if random.random() < 0.1:
        path = "/" + "/".join(random.choices(SEGMENTS, k=random.randint(0, 4)))
    path = path.replace("{v}", random.choice(["x", "y", "a", "b", "x-1"]))
    if random.random() < 0.5 and "path_prefix" in match:
        path += random.choice(["a", "b", "x", "a/b", "x/", ""])
    if random.random() < 0.06:
        path += random.choice([";x=1", "%2Fa", "%2f", ";", "/"])
    hosts = match.get("hosts") or ["o.test"]
    host = random.choice(hosts) if random.random() < 0.8 else random.choice(HOSTS)
    host = host.replace("*", random.choice(["x", "y", "x.h", "z.y"]))
    method = random.choice(match.get("methods") or METHODS)
    if random.random() < 0.15:
        method = random.choice([*METHODS, "PATCH", "PURGE"])
    headers: tuple[tuple[str, str], ...] = ()
    if random.random() < 0.1:
        headers = (
            ("Connection", "Upgrade"),
            ("Upgrade", "websocket"),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("Sec-WebSocket-Version", "13"),
        )
        method = "GET"
    return SimulatedRequest(method, host, host, path.encode(), headers)


def _caller(
    random: Random, pair: tuple[Config, Config], route: Config, request: SimulatedRequest
) -> Caller:
    if random.random() < 0.1:
        return Caller("nobody")
    side = random.choice(pair)
    issuer = side["issuers"][random.choice(list(side["issuers"]))]
    names = [issuer["issuer"], *issuer.get("also_issued_as", [])]
    claims: Config = {
        "iss": random.choice(names),
        "aud": random.choice(AUDIENCES) if random.random() < 0.6 else _some(random, AUDIENCES, 1),
        "sub": "s",
        "client_id": "c",
        "jti": random.choice(["j", "j", "j", "revoked-by-list"]),
        "iat": int(AT) - 5,
        "exp": int(AT) + (300 if random.random() < 0.9 else random.choice([-5, -20, -100])),
        "scope": " ".join(_some(random, SCOPES, 0)),
    }
    for rules in (route.get("require", {}).get("claims"), issuer.get("require", {}).get("claims")):
        _satisfy(random, rules or {}, claims, request)
    for name in CLAIMS:
        if random.random() < 0.15:
            _set(claims, name, random.choice([*TEXTS, 1, 2, True, ["x"], ["a", "y"], None]))
    if random.random() < 0.3:
        claims["scp"] = _some(random, SCOPES, 0)
    if random.random() < 0.3:
        claims["roles"] = _some(random, [*SCOPES, "x"], 0)
    if "acr" in route.get("require", {}) and random.random() < 0.8:
        claims["acr"] = random.choice(["gold", "silver", "x"])
    if "max_age" in route.get("require", {}) and random.random() < 0.8:
        claims["auth_time"] = int(AT) - random.choice([10, 400, 500, 900])
    if random.random() < 0.05:
        claims[random.choice(["nonce", "at_hash"])] = "x"
    algorithms = issuer.get("algorithms", ["ES256", "EdDSA"])
    return Caller(
        "random",
        # The key that signs is that of the issuer of this `iss` in the configuration.
        issuer["issuer"],
        claims,
        {"typ": random.choice(["JWT", "at+jwt", "at+jwt"])},
        random.choice(algorithms)
        if random.random() < 0.9
        else random.choice(["ES256", "EdDSA", "ES384"]),
        "signature" if random.random() < 0.05 else None,
    )


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


def main(number: int) -> int:
    """Try *number* pairs on every core; print what is missed, and how many opened anything."""
    counts: Counter[str] = Counter()
    with Pool() as pool:
        for tried in pool.imap_unordered(partial(try_pair, is_quick=True), range(number), 50):
            counts["valid"] += tried.is_valid
            counts["opened"] += tried.is_opened
            counts["undecided"] += tried.is_undecided
            if tried.missed:
                counts["missed"] += 1
                sys.stdout.write(f"missed {tried.missed}\n")
                sys.stdout.flush()
    shown = ", ".join(f"{count:,} {name}" for name, count in counts.items())
    sys.stdout.write(f"{number:,} pairs: {shown}\n")
    return 1 if counts["missed"] else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
