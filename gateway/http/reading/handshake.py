"""Check the request and the response of a WebSocket handshake (RFC 6455 §4)."""

import re
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha1
from typing import Final

from gateway.http.reading.credentials import BEARER_PROTOCOL, PROTOCOLS
from gateway.http.reading.fields import Fields
from gateway.http.reading.names import without_named

# RFC 6455 §4.1: sixteen bytes in base64.
_KEY: Final = re.compile(rb"[A-Za-z0-9+/]{22}==")
_VERSION: Final = b"13"
_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 §1.3


def is_websocket(protocol: bytes) -> bool:
    """Return whether *protocol*, from an Upgrade field, is WebSocket."""
    return protocol.lower() == b"websocket"


def check_opening(method: str, fields: Fields) -> str | None:
    """Return what is wrong with a client's handshake, or None (RFC 6455 §4.2.1).

    An unknown version is not wrong: the upstream responds with those it supports.
    """
    if method != "GET":
        return "a WebSocket handshake with another method than GET"
    values = _values(_forwarded(fields))
    keys = values[b"key"]
    if len(keys) != 1 or _KEY.fullmatch(keys[0]) is None:
        return "not one Sec-WebSocket-Key of 16 bytes"
    versions = values[b"version"]
    if len(versions) != 1 or not versions[0].isdigit():
        return "not one Sec-WebSocket-Version"
    return None


def check_agreement(fields: Fields, lines: list[bytes]) -> str | None:
    """Return what is wrong with a 101 response to the handshake in *fields*, or None.

    This is what a client has to check (RFC 6455 §4.1). *lines* are the response fields, flat:
    prefix, value, prefix, value. If a client did not check, it would send through a tunnel to an
    upstream that did not understand the handshake.
    """
    asked = _values(_forwarded(fields))
    values = _values(lines)
    if asked[b"version"] != [_VERSION]:
        return "the service agreed to another version of WebSocket than 13"
    if values[b"accept"] != [accept_value(asked[b"key"][0])]:
        return "not the Sec-WebSocket-Accept that the key demands"
    protocols = values[b"protocol"]
    if len(protocols) > 1 or not set(protocols) <= _elements(asked[b"protocol"]):
        return "a subprotocol that was not offered"
    extensions = values[b"extensions"]
    if len(extensions) > 1 or not _elements(extensions) <= _elements(asked[b"extensions"]):
        return "an extension that was not offered"
    return None


def select_bearer(fields: Fields, lines: list[bytes]) -> bytes:
    """Return the field that selects the subprotocol `bearer` for the client, or nothing.

    It does if the client sent a token as a subprotocol and offered `bearer` besides, and the
    service selected none in the response *lines*: browsers fail a handshake for which they offered
    subprotocols and none was selected (WebSockets standard, "establish a WebSocket connection").
    """
    if all(name != PROTOCOLS for name, _ in fields.credentials):
        return b""
    offered = _elements(_values(_forwarded(fields))[b"protocol"])
    if BEARER_PROTOCOL not in offered or any(_values(lines)[b"protocol"]):
        return b""
    return b"\r\nSec-WebSocket-Protocol: " + BEARER_PROTOCOL


def accept_value(key: bytes) -> bytes:
    """Return the Sec-WebSocket-Accept for *key* (RFC 6455 §4.2.2)."""
    return b64encode(sha1(key + _GUID, usedforsecurity=False).digest())


def _forwarded(fields: Fields) -> list[bytes]:
    """Return the lines that the upstream gets: not those that Connection names."""
    return without_named(fields.lines, fields.connection)


def _values(lines: Sequence[bytes]) -> dict[bytes, list[bytes]]:
    """Return the values of each handshake field, by the end of its name."""
    values: dict[bytes, list[bytes]] = {
        name: [] for name in (b"key", b"version", b"accept", b"protocol", b"extensions")
    }
    for prefix, value in zip(lines[::2], lines[1::2], strict=True):
        name = prefix[2:-2].lower()
        if name.startswith(b"sec-websocket-") and name[14:] in values:
            values[name[14:]].append(value.strip(b" \t"))
    return values


def _elements(values: Sequence[bytes]) -> set[bytes]:
    """Return the names in lists of names with optional parameters."""
    elements = (element for value in values for element in value.split(b","))
    return {element.partition(b";")[0].strip(b" \t") for element in elements} - {b""}
