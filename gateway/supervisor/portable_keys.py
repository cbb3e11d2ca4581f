"""Convert keys to values that can be sent to another process."""

from dataclasses import dataclass, field

from cryptography.hazmat.primitives.serialization import load_der_public_key

from gateway.decision.keys import Key, KeySet
from gateway.keyring.public_key import key_octets


@dataclass(frozen=True, slots=True)
class PortableKey:
    """A key that can be pickled: *octets* are DER (SubjectPublicKeyInfo), or a secret."""

    kid: str | None
    algorithms: frozenset[str]
    is_secret: bool
    octets: bytes = field(repr=False)


PortableKeys = tuple[PortableKey, ...]
"""A key set that can be pickled and compared by value."""


def pack_keys(keys: KeySet) -> PortableKeys:
    """Convert *keys* to values that can be pickled."""
    return tuple(
        PortableKey(
            key.kid, key.algorithms, isinstance(key.material, bytes), key_octets(key.material)
        )
        for key in keys.keys
    )


def unpack_keys(keys: PortableKeys) -> KeySet:
    """Convert *keys* back to a key set."""
    return KeySet(tuple(Key(key.kid, key.algorithms, _material(key)) for key in keys))


def _material(key: PortableKey) -> object:
    return key.octets if key.is_secret else load_der_public_key(key.octets)
