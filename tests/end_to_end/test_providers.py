"""The recipes of `docs/providers/` before issuers that make tokens as the vendors do.

One process serves metadata, keys and tokens of all vendors, and one gateway has all recipes: the
routes of each have a host of their own. The tokens are those that the pages show.
"""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from tests.end_to_end.conftest import PROVIDER_FOLDER, program, running, running_service
from tests.project.test_providers_pages import PAGES, one, tokens

GATEWAY = str(Path(sys.executable).with_name("gateway"))
PAGE_TIME = 1780315200  # `iat` of the tokens on the pages
TIMES = {"iat", "exp", "nbf", "auth_time"}
WITHOUT_METADATA = {"google-iap", "supabase"}  # their presets name the keys
ALGORITHMS = {"google-iap": "ES256", "supabase": "ES256"}
# Where the issuers of several tenants are, and what follows.
TENANTS = {"entra-multitenant": ("https://login.microsoftonline.com", "/{tenantid}/v2.0")}
CASES = [
    (name, number)
    for name in PAGES
    for number, token in enumerate(tokens(name))
    if token.issuer == "main"  # each vendor has one mock issuer
]


@dataclass(frozen=True)
class World:
    """Where the gateway is, and where each vendor gives its tokens."""

    data: str
    issuers: dict[str, dict[str, str]]


def recipe(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(one(name, "gateway.yaml"))
    return found


def field_of(name: str) -> str:
    """Return the field in which the routes of a recipe expect a token."""
    places = recipe(name)["routes"][0].get("token_from", ["authorization"])
    return str(places[0] if isinstance(places[0], str) else places[0]["header"])


def issuer_of(name: str) -> str | None:
    """Return the `iss` of the first token on a page, which is a good one; SVIDs have none."""
    issuer: str | None = tokens(name)[0].claims.get("iss")
    return issuer


def mocked(iss: str | None, name: str) -> dict[str, str]:
    """Return the claim of a token at the mock issuer, if it is of the issuer itself."""
    if iss is None:
        return {}
    if name not in TENANTS:
        return {"iss": "ISSUER"} if iss == issuer_of(name) else {}
    origin, _ = TENANTS[name]
    return {"iss": iss.replace(origin, "ISSUER")}


def shape(name: str) -> dict[str, Any]:
    """Return what the mock issuer of a vendor needs: its tokens are as old as on the page."""
    issuer, shift = issuer_of(name), int(time.time()) - PAGE_TIME
    shapes = {}
    for number, (claims, _, _) in enumerate(tokens(name)):
        now = {key: claims[key] + shift for key in TIMES & claims.keys()}
        shapes[str(number)] = {**claims, **now, **mocked(claims.get("iss"), name)}
    slash = issuer is not None and issuer.endswith("/")
    key = {"use": "jwt-svid"} if name == "spiffe" else {}
    if name in TENANTS:
        key = {"issuer": "ISSUER" + TENANTS[name][1]}
    return {
        "alg": ALGORITHMS.get(name, "RS256"),
        "slash": slash,
        "pattern": TENANTS[name][1] if name in TENANTS else None,
        "key": key,
        "tokens": shapes,
    }


def configuration(issuers: dict[str, dict[str, str]], service: str) -> dict[str, Any]:
    """Return one configuration with the recipe of every vendor, at its mock issuer."""
    whole: dict[str, Any] = {"version": 1, "listen": "127.0.0.1:0", "issuers": {}, "routes": []}
    whole["upstreams"] = {"orders": {"servers": [service]}}
    for name, served in issuers.items():
        one_recipe = recipe(name)
        issuer = dict(one_recipe["issuers"]["main"])
        if issuer_of(name) is not None:
            issuer["issuer"] = served["issuer"]
        if "metadata" in served:
            issuer["discovery_url"] = served["metadata"]
        if "jwks_url" in issuer or name in WITHOUT_METADATA:
            issuer["jwks_url"] = served["origin"] + "/jwks"
        issuer.pop("tls", None)  # plain http on loopback has none
        whole["issuers"][name] = issuer
        for route in one_recipe["routes"]:
            match = {**route["match"], "hosts": [f"{name}.example.com"]}
            require = {**route["require"], "issuers": [name]}
            changed = {"name": f"{name}-{route['name']}", "match": match, "require": require}
            whole["routes"].append({**route, **changed})
    return whole


@pytest.fixture(scope="module")
def world(provider_modules: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("vendors")
    (folder / "shapes.json").write_text(json.dumps({name: shape(name) for name in PAGES}))
    mock = [program("node"), str(PROVIDER_FOLDER / "vendors.mjs"), str(folder / "shapes.json")]
    with (
        running(mock, folder / "vendors.log") as vendors,
        running_service(folder) as service,
    ):
        issuers = json.loads(vendors.wait_for(r"(?m)^\{.*\}$")[0])
        config = folder / "gateway.yaml"
        config.write_text(yaml.safe_dump(configuration(issuers, service)))
        with running([GATEWAY, "run", str(config)], folder / "gateway.log") as gateway:
            data = gateway.wait_for(r"listening on (127\.0\.0\.1:[0-9]+)\n")[1]
            yield World(f"http://{data}", issuers)


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(30)) as session:
        yield session


async def take_token(client: aiohttp.ClientSession, served: dict[str, str], name: str) -> str:
    """Return a token from the token endpoint of a mock issuer."""
    form = {"grant_type": "client_credentials", "scope": name}
    async with client.post(served["origin"] + "/token", data=form) as answer:
        return str((await answer.json())["access_token"])


@pytest.mark.parametrize(("name", "number"), CASES)
async def test_a_token_of_the_vendor_fares_as_its_page_says(
    name: str, number: int, world: World, client: aiohttp.ClientSession
) -> None:
    expected = tokens(name)[number].expected
    token = await take_token(client, world.issuers[name], str(number))
    headers = {"Host": f"{name}.example.com", field_of(name): f"Bearer {token}"}

    async with client.get(world.data + "/orders/7", headers=headers) as answer:
        text = await answer.text()

    came = "allow" if answer.status == 200 else json.loads(text)["reason"]
    assert came == expected, text
    assert token not in text


@pytest.mark.parametrize("name", PAGES)
async def test_a_token_of_one_vendor_is_nothing_at_the_routes_of_another(
    name: str, world: World, client: aiohttp.ClientSession
) -> None:
    others = [other for other in PAGES if other != name]
    token = await take_token(client, world.issuers[name], "0")

    async def ask(host: str) -> int:
        headers = {"Host": f"{host}.example.com", field_of(host): f"Bearer {token}"}
        async with client.get(world.data + "/orders/7", headers=headers) as answer:
            return answer.status

    assert set(await asyncio.gather(*map(ask, others))) == {403}
