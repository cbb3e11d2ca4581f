"""A public key whose checks fail, for a reason of the machine's and not of the signature's."""

import errno
import os

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.decision.keys import Key, KeySet
from tests.tokens import make_private

# What a check may meet: no descriptor left for a library that is only now imported, no memory,
# a broken installation, a bug.
FAULTS: tuple[Exception, ...] = (
    OSError(errno.EMFILE, os.strerror(errno.EMFILE)),
    ImportError("cannot import name 'backend'"),
    MemoryError(),
    UnsupportedAlgorithm("not by this OpenSSL"),
    TypeError("a bug"),
    ValueError("a bug"),
    KeyError("a bug"),
)


class FaultyKey(Ed25519PublicKey):
    """The test key number 0 of Ed25519, while *fault* is None; else a check raises that."""

    def __init__(self, fault: Exception | None) -> None:
        self.fault = fault
        self._sound: Ed25519PublicKey = make_private("Ed25519", 0).public_key()

    def verify(self, signature: bytes, data: bytes) -> None:  # type: ignore[override]
        if self.fault is not None:
            raise self.fault
        self._sound.verify(signature, data)

    def public_bytes(self, encoding: Encoding, format: PublicFormat) -> bytes:  # noqa: A002
        return self._sound.public_bytes(encoding, format)

    def public_bytes_raw(self) -> bytes:
        return self._sound.public_bytes_raw()

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)

    def __copy__(self) -> "FaultyKey":
        return self

    def __deepcopy__(self, memo: object) -> "FaultyKey":
        return self


def faulty_keys(fault: Exception | None) -> tuple[FaultyKey, KeySet]:
    """Return a faulty key, and the key set in which it is ``k1``, for EdDSA."""
    material = FaultyKey(fault)
    return material, KeySet((Key("k1", frozenset({"EdDSA"}), material),))
