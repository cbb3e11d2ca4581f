"""Settings with small route tables, made without files."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from gateway.decision.routes.routing import Route
from gateway.settings.load import Loaded, load_settings
from gateway.settings.values.configuration import Settings
from tests.decision.policies import policy, route

CONFIG = """\
version: 1
issuers:
  main: {issuer: "https://login.example/", discovery: true, audiences: [orders]}
upstreams: {orders: {servers: ["http://orders:1"]}}
routes: [{name: root, match: {path: /}, upstream: orders, public: true}]
"""


def load(text: str) -> Settings:
    """Return the settings that *text* says."""
    with TemporaryDirectory() as directory:
        path = Path(directory) / "gateway.yaml"
        path.write_text(text)
        loaded = load_settings(path, {"SECRET": "a secret of nobody, long enough for all"})
    assert isinstance(loaded, Loaded), loaded
    return loaded.settings


@cache
def base() -> Settings:
    return load(CONFIG)


def settings(
    *routes: Route | str, documents: Mapping[tuple[str, bytes], bytes] | None = None
) -> Settings:
    """Return settings with these *routes*; a text is a path, and a prefix if it ends with `*`."""
    made = policy(*(route(one) if isinstance(one, str) else one for one in routes))
    return replace(
        base(),
        policy=replace(made, documents=documents or {}),
        route_options=base().route_options * len(routes),
    )


def named(name: str, path: str, *methods: str, hosts: Iterable[str] = (), **more: Any) -> Route:
    """Return the route *name* for a path, which is a prefix if it ends with `*`."""
    changes = {"name": name, "methods": frozenset(methods), "hosts": tuple(hosts), **more}
    return route(path, **changes)
