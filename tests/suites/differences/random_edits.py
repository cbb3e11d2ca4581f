"""Random edits of a configuration, as people make them."""

import copy
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from tests.suites.differences.random_configs import (
    AUDIENCES,
    GUARDS,
    HOSTS,
    IDENTITY,
    ISSUER_KEYS,
    ISSUERS,
    METHODS,
    OF_CALLERS,
    SCOPES,
    SECTIONS,
    SEGMENTS,
    SOURCES,
    TENANTS,
    TEXTS,
    Config,
    is_key_of,
    make_config,
    make_entry,
    make_issuer,
    make_limit,
    make_list,
    make_require,
    make_route,
    make_tenants,
    usable_limits,
)


def make_pair(random: Random) -> tuple[Config, Config]:
    """Return a configuration, and the same after one to three edits."""
    old = make_config(random)
    new = copy.deepcopy(old)
    for _ in range(random.choice([1, 1, 1, 2, 3])):
        random.choice(EDITS)(random, new)
    return (old, new) if random.random() < 0.8 else (new, old)


# --- routes


def _edit_route(random: Random, config: Config) -> None:
    """Write one part of a route anew."""
    route = random.choice(config["routes"])
    fresh = make_route(random, 9, config)
    key = random.choice(list(fresh))
    if key == "name":
        return
    if key in {"public", "require"}:
        route.pop("public", None)
        route.pop("require", None)
        if key == "public":
            for other in (*OF_CALLERS, "login"):
                route.pop(other, None)
    if route.get("public") and (key in OF_CALLERS or key == "login"):
        return
    route[key] = fresh[key]


def _edit_guard(random: Random, config: Config) -> None:
    """Write what guards a route anew, or drop it."""
    route = random.choice(config["routes"])
    limits = usable_limits(config, route)
    path = route["match"].get("path") or route["match"]["path_prefix"]
    key = random.choice([*GUARDS, *OF_CALLERS, "rate_limits", "login"])
    if random.random() < 0.5 or (route.get("public") and (key in OF_CALLERS or key == "login")):
        route.pop(key, None)
    elif key in GUARDS:
        route[key] = GUARDS[key](random, path)
    elif key in OF_CALLERS:
        route[key] = OF_CALLERS[key](random)
    elif key == "rate_limits" and limits:
        route[key] = random.sample(limits, random.randint(1, len(limits)))
    elif key == "login" and config.get("login"):
        route[key] = random.choice(list(config["login"]))


def _edit_require(random: Random, config: Config) -> None:
    """Write one rule of a route anew, or drop it; it may be one of the second token."""
    guarded = [route["require"] for route in config["routes"] if "require" in route]
    if not guarded:
        return
    require = random.choice(guarded)
    fresh = make_require(random, [], config)
    keys = ["scopes", "claims", "audiences", "issuers", "acr", "max_age", "also"]
    if "also" in require and random.random() < 0.6:
        require, fresh = require["also"], {**require["also"], **fresh.get("also", fresh)}
        keys = ["scopes", "claims", "audiences", "issuers"]
    key = random.choice(keys)
    if key in fresh and random.random() < 0.8:
        require[key] = fresh[key]
    elif key != "issuers" or "header" not in require:
        require.pop(key, None)


def _add_route(random: Random, config: Config) -> None:
    config["routes"].append(make_route(random, random.randint(10, 99), config))


def _remove_route(random: Random, config: Config) -> None:
    if len(config["routes"]) > 1:
        config["routes"].pop(random.randrange(len(config["routes"])))


def _split_route(random: Random, config: Config) -> None:
    """Give some requests of a route to a copy of it, and perhaps change something there."""
    route = copy.deepcopy(random.choice(config["routes"]))
    match = route["match"]
    route["name"] = f"s{random.randint(10, 99)}"
    kind = random.choice(["methods", "hosts", "path"])
    if kind == "methods":
        match["methods"] = [random.choice(match.get("methods") or METHODS)]
    elif kind == "hosts":
        match["hosts"] = [random.choice(match.get("hosts") or HOSTS).replace("*", "x")]
    elif "path_prefix" in match:
        match["path_prefix"] += random.choice(SEGMENTS) + "/"
    else:
        match["path"] = match["path"].replace("{v}", random.choice(SEGMENTS))
    optional = [key for key in route if key not in {"name", "match", "upstream", "require"}]
    if optional and random.random() < 0.4:
        route.pop(random.choice(optional))
        route.setdefault("require", {})
    config["routes"].append(route)


def _exchange_names(random: Random, config: Config) -> None:
    """Exchange the names of two routes, or give one another name."""
    one, other = (random.choice(config["routes"]) for _ in range(2))
    if one is other:
        one["name"] = "renamed"
    else:
        one["name"], other["name"] = other["name"], one["name"]


def _move_route(random: Random, config: Config) -> None:
    """Move a route to another file, or to another place in the same one."""
    route = config["routes"].pop(random.randrange(len(config["routes"])))
    if "include" in config:
        if random.random() < 0.5:
            route["in"] = "team"
        else:
            route.pop("in", None)
    config["routes"].insert(0, route)


# --- everything else


def _edit_list(random: Random, config: Config) -> None:
    """Take an element out of a list somewhere, or put one of its kind in."""
    lists = list(_lists(config))
    if lists:
        values = random.choice(lists)
        if len(values) > 1 and random.random() < 0.5:
            values.pop(random.randrange(len(values)))
        else:
            kinds = (SCOPES, AUDIENCES, METHODS, HOSTS, list(config["issuers"]), TEXTS, TENANTS)
            for kind in kinds:
                rest = [one for one in kind if one not in values]
                if values and values[0] in kind and rest:
                    values.append(random.choice(rest))
                    return


def _lists(value: Any) -> Iterator[list[Any]]:
    if isinstance(value, dict):
        for key, one in value.items():
            if key not in {"servers", "routes", "include"}:
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
    key = random.choice([*ISSUER_KEYS, "audiences", "tenants"])
    if key == "tenants":
        if name == "t":
            issuer[key] = make_tenants(random)
    elif key == "audiences":
        issuer[key] = make_issuer(random, name)[key]
    elif random.random() < 0.4:
        issuer.pop(key, None)
    elif is_key_of(name, key):
        issuer[key] = ISSUER_KEYS[key](random)


def _add_issuer(random: Random, config: Config) -> None:
    for name in ISSUERS:
        if name not in {"t", "i"} or random.random() < 0.1:
            config["issuers"].setdefault(name, make_issuer(random, name))


def _edit_section(random: Random, config: Config) -> None:
    """Write a section anew or drop it, with what routes say about it."""
    key = random.choice(list(SECTIONS))
    if key in config and random.random() < 0.4:
        del config[key]
        for route in config["routes"]:
            route.pop({"include": "in"}.get(key, key), None)
    else:
        config[key] = SECTIONS[key](random, config)


def _edit_part(random: Random, config: Config) -> None:
    """Change one part of a section: a limit, a list or its entries, a login, a header."""
    limits, lists, logins = (config.get(key) for key in ("rate_limits", "revocations", "login"))
    if limits:
        limits[random.choice(list(limits))] = make_limit(random)
    if lists and random.random() < 0.5:
        name = random.choice(list(lists))
        lists[name] = make_list(random, name, config)
    for entries in config.get("~files", {}).values():
        if entries and random.random() < 0.5:
            entries.pop(random.randrange(len(entries)))
        elif random.random() < 0.2:
            entries.append(make_entry(random))
    if logins:
        login = random.choice(list(logins.values()))
        login["origins"] = [f"https://{random.choice(['h.example', 'i.example'])}"]
    if "identity" in config:
        headers = config["identity"]["headers"]
        headers[random.choice(IDENTITY)] = random.choice(SOURCES)


def _rename_part(random: Random, config: Config) -> None:
    """Give a rate limit, a revocation list or a login another name, wherever it is named."""
    key = random.choice(["rate_limits", "revocations", "login"])
    section = config.get(key)
    if not section:
        return
    name = random.choice(list(section))
    section["renamed"] = section.pop(name)
    for route in config["routes"]:
        named = route.get(key)
        if named == name:
            route[key] = "renamed"
        elif isinstance(named, list):
            route[key] = ["renamed" if one == name else one for one in named]


def _edit_protocol(random: Random, config: Config) -> None:
    """Change how an upstream is spoken to, or by which protocols clients may come."""
    upstream = config["upstreams"][random.choice(["u", "w"])]
    kind = random.choice(["protocol", "grpc_web", "http2"])
    if kind == "http2":
        config["http2"] = not config.get("http2", True)
    elif kind == "grpc_web" and "protocol" in upstream:
        upstream["grpc_web"] = not upstream.get("grpc_web", False)
    elif upstream.pop("protocol", None) is None:
        upstream |= {"protocol": "h2c", "grpc_web": random.random() < 0.5}
    else:
        upstream.pop("grpc_web", None)


def _edit_rest(random: Random, config: Config) -> None:
    """Change the servers of an upstream, or a general limit."""
    if random.random() < 0.5:
        servers = random.choice([["http://u:1"], ["http://w:1"], ["http://u:1", "http://v:1"]])
        config["upstreams"][random.choice(["u", "w"])]["servers"] = servers
    else:
        config["limits"] = random.choice([{"body": "1MiB"}, {"body": "2MiB"}])


EDITS: list[Callable[[Random, Config], None]] = [
    *(_edit_route, _edit_route, _edit_guard, _edit_guard, _edit_require, _edit_require),
    *(_edit_list, _edit_list, _edit_issuer, _add_route, _remove_route, _split_route),
    *(_split_route, _exchange_names, _move_route, _add_issuer, _edit_section, _edit_part),
    *(_edit_part, _rename_part, _edit_rest, _edit_protocol),
]
