"""Make the responses of the admin port: text, JSON, and problems (RFC 9457)."""

import json
from collections.abc import Mapping
from http import HTTPStatus

from aiohttp import web

# The content is momentary, and never anything that a browser should run or keep.
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def text(body: bytes, content_type: str = "text/plain; charset=utf-8") -> web.Response:
    """Return 200 with *body*."""
    return web.Response(body=body, headers={**_HEADERS, "Content-Type": content_type})


def json_object(members: Mapping[str, object]) -> web.Response:
    """Return 200 with *members* as a JSON object."""
    return text(_encode(members), "application/json")


def problem(
    status: HTTPStatus,
    detail: str,
    members: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
) -> web.Response:
    """Return *status* with a problem body; *members* are its extensions (RFC 9457 §3.2)."""
    body = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status.value,
        "detail": detail,
        **(members or {}),
    }
    return web.Response(
        status=status,
        body=_encode(body),
        headers={**_HEADERS, **(headers or {}), "Content-Type": "application/problem+json"},
    )


def _encode(members: Mapping[str, object]) -> bytes:
    return json.dumps(members, allow_nan=False).encode("ascii") + b"\n"
