"""Public keys of one issuer, as the signature check needs them."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, eq=False)
class Key:
    """One usable key.

    *kid* is the issuer's name for it, if any. *algorithms* are the JWS algorithms this key
    may verify (RFC 8725 §3.1: a key serves the algorithms of its own kind and no others).
    *material* is a ``cryptography`` public key, or the secret's bytes for HMAC.
    """

    kid: str | None
    algorithms: frozenset[str]
    material: object = field(repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class KeySet:
    """All usable keys of one issuer at one time; compared by identity, replaced as a whole."""

    keys: tuple[Key, ...]

    def candidates(self, kid: str | None, algorithm: str) -> tuple[Key, ...]:
        """Return the keys that could have signed: same *kid* (any, if None) and fitting kind.

        Where no key has a name (PEM files, a secret), the token's says nothing: it is a hint
        (RFC 7515 §4.1.4), not a part of what is proved.
        """
        unnamed = kid is None or all(key.kid is None for key in self.keys)
        return tuple(
            key for key in self.keys if algorithm in key.algorithms and (unnamed or key.kid == kid)
        )
