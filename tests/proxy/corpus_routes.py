"""The routes that the corpus is played on."""

from collections.abc import Mapping
from typing import Any

from tests.proxy.hostile import HOSTILE_ROUTES

CORPUS_ROUTES: list[Mapping[str, Any]] = [
    *HOSTILE_ROUTES,
    {
        "name": "read-only",
        "match": {"path_prefix": "/public/read-only/", "methods": ["GET", "HEAD"]},
        "upstream": "main",
        "public": True,
    },
    {
        "name": "socket",
        "match": {"path_prefix": "/socket/"},
        "upstream": "main",
        "public": True,
        "upgrades": ["websocket"],
    },
    {
        "name": "guarded-socket",
        "match": {"path_prefix": "/api/socket/"},
        "upstream": "main",
        "require": {"scopes": ["api:read"]},
        "upgrades": ["websocket"],
    },
]
