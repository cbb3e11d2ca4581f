"""Build the settings of sessions, with the keys that seal them."""

import base64
import binascii
from typing import Final

from gateway.settings.build.secrets import read_reference, read_secret_file
from gateway.settings.schema.login import SessionModel
from gateway.settings.text.document import Part
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.files import Sources
from gateway.settings.values.login import MOST_COOKIE_BYTES, SessionSettings, SessionStoreKind

_KEY_BYTES: Final = 32
# 32 random bytes have fewer different ones with a probability of less than 10^-16.
_MIN_DISTINCT_BYTES: Final = 16
_DEFAULT_COOKIE_BYTES: Final = 12 * 1024
# The least that two small tokens take, once they are sealed.
_MIN_COOKIE_BYTES: Final = 2 * 1024
_NEW_KEY: Final = "make one with `openssl rand -base64 32`"


def build_session(
    model: SessionModel,
    part: Part,
    sources: Sources,
    max_head_bytes: int,
    faults: list[Fault],
) -> SessionSettings | None:
    """Return the settings in *part*; None if their keys are faulty.

    Requests have heads of at most *max_head_bytes*.
    """
    if model.idle > model.total:
        message = "longer than `total`, after which a session ends in any case"
        faults.append(part.child("idle").fault(Code.BAD_VALUE, message))
    store = SessionStoreKind(model.store)
    cookie_bytes = _cookie_bytes(model, store, part, max_head_bytes, faults)
    keys = _keys(model, store, part, sources, faults)
    if keys is None:
        return None
    return SessionSettings(store, model.idle, model.total, keys, cookie_bytes)


def _cookie_bytes(
    model: SessionModel,
    store: SessionStoreKind,
    part: Part,
    max_head_bytes: int,
    faults: list[Fault],
) -> int:
    at = part.child("cookie_bytes")
    if store is not SessionStoreKind.COOKIE:
        if model.cookie_bytes is not None:
            message = f"`store: {store.value}` does not use it: remove it"
            faults.append(at.key_fault(Code.CONFLICTING_KEYS, message))
        return _DEFAULT_COOKIE_BYTES
    cookie_bytes = model.cookie_bytes or _DEFAULT_COOKIE_BYTES
    if cookie_bytes < _MIN_COOKIE_BYTES:
        message = f"no session fits in it: write at least {_MIN_COOKIE_BYTES // 1024}KiB"
        faults.append(at.fault(Code.BAD_VALUE, message))
    if cookie_bytes > MOST_COOKIE_BYTES:
        message = (
            f"browsers keep no session of that size: write at most {MOST_COOKIE_BYTES // 1024}KiB"
        )
        faults.append(at.fault(Code.BAD_VALUE, message))
    elif cookie_bytes > max_head_bytes // 2:
        message = (
            f"cookies of {cookie_bytes} bytes are more than half of `limits.head`, so requests"
            " with other fields would be refused: lower this, or raise `limits.head`"
        )
        faults.append(at.fault(Code.BAD_VALUE, message))
    return cookie_bytes


def _keys(
    model: SessionModel,
    store: SessionStoreKind,
    part: Part,
    sources: Sources,
    faults: list[Fault],
) -> tuple[bytes, ...] | None:
    if not _are_keys_placed(store, part, faults):
        return None
    texts = [
        (at, read_reference(text, at, faults))
        for index, text in enumerate(model.keys or ())
        for at in [part.child("keys").child(index)]
    ] + [
        (at, read_secret_file(name, sources.main.directory, at, sources.disk, faults))
        for index, name in enumerate(model.key_files or ())
        for at in [part.child("key_files").child(index)]
    ]
    keys: list[bytes] = []
    for at, text in texts:
        key = None if text is None else _parse_key(text, at, faults)
        if key in keys:
            faults.append(at.fault(Code.DUPLICATE_VALUE, "this key is already in the list"))
        elif key is not None:
            keys.append(key)
    return tuple(keys) if len(keys) == len(texts) else None


def _are_keys_placed(store: SessionStoreKind, part: Part, faults: list[Fault]) -> bool:
    """Return whether there are keys exactly if the store seals with them, in one form."""
    # As written: a list with a fault of its own is not missing as well.
    written = [key for key in ("keys", "key_files") if part.child(key).raw is not None]
    if store is SessionStoreKind.MEMORY:
        for extra in written:
            message = "`store: memory` seals nothing: remove it, or write another `store`"
            faults.append(part.child(extra).key_fault(Code.CONFLICTING_KEYS, message))
        return not written
    if not written:
        message = (
            f"`store: {store.value}` needs `keys` or `key_files`, which seal the tokens: {_NEW_KEY}"
        )
        faults.append(part.child("store").fault(Code.MISSING_KEY, message))
    for extra in written[1:]:
        message = f"`{written[0]}` and `{extra}` are mutually exclusive"
        faults.append(part.child(extra).key_fault(Code.CONFLICTING_KEYS, message))
    return len(written) == 1


def _parse_key(text: str, part: Part, faults: list[Fault]) -> bytes | None:
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):  # the latter if it is not ASCII
        key = b""
    if len(key) != _KEY_BYTES:
        message = f"not a key of {_KEY_BYTES} bytes in base64: {_NEW_KEY}"
        faults.append(part.fault(Code.BAD_KEY, message))
        return None
    if len(set(key)) < _MIN_DISTINCT_BYTES:
        faults.append(part.fault(Code.WEAK_SECRET, f"this key is easy to guess: {_NEW_KEY}"))
        return None
    return key
