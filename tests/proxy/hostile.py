"""The routes that hostile input is tried on, and how tests send it."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from tests.proxy.messages import Message, read_answer
from tests.proxy.wire import Cut, Wire

HOSTILE_ROUTES: list[Mapping[str, Any]] = [
    {"name": "public", "match": {"path_prefix": "/public/"}, "upstream": "main", "public": True},
    {
        "name": "api",
        "match": {"path_prefix": "/api/"},
        "upstream": "main",
        "require": {"scopes": ["api:read"]},
    },
    {
        "name": "admin",
        "match": {"path": "/admin"},
        "upstream": "main",
        "require": {"scopes": ["admin"]},
    },
    {
        "name": "admin-tree",
        "match": {"path_prefix": "/admin/"},
        "upstream": "main",
        "require": {"scopes": ["admin"]},
    },
]

# One route that takes everything, so that no rule about access hides one about parsing.
OPEN_ROUTES: list[Mapping[str, Any]] = [
    {"name": "all", "match": {"path_prefix": "/"}, "upstream": "main", "public": True}
]

# How often the event loop turns between two bytes, so that each arrives alone.
_TURNS = 3


async def pour(wire: Wire, data: bytes, *, bytewise: bool = False) -> None:
    """Send *data* in one piece or byte by byte, as far as the other side lets us."""
    pieces = [data[at : at + 1] for at in range(len(data))] if bytewise else [data]
    for piece in pieces:
        if wire.is_lost or wire.transport.is_closing():
            return
        wire.send(piece)
        if bytewise:
            for _ in range(_TURNS):
                await asyncio.sleep(0)


async def answers_until_end(wire: Wire) -> list[Message]:
    """Return every answer up to the end of the connection; a part of one raises Cut."""
    answers: list[Message] = []
    while True:
        await wire.wait_for(lambda: bool(wire.unread) or wire.has_ended)
        if not wire.unread:
            return answers
        answers.append(await read_answer(wire))


async def is_cut(wire: Wire) -> bool:
    """Return whether the answer that comes next ends before it is whole."""
    try:
        await read_answer(wire)
    except Cut:
        return True
    return False


def reason(answer: Message) -> str | None:
    """Return the reason code of a refusal, and None for an answer of the service."""
    if answer.all(b"content-type") != [b"application/problem+json"]:
        return None
    return str(problem(answer)["reason"])


def problem(answer: Message) -> dict[str, Any]:
    """Return the problem that *answer* describes (RFC 9457)."""
    members = json.loads(answer.body)
    assert isinstance(members, dict)
    return members
