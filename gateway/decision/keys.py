"""The keys of one issuer, for signature checks."""

from dataclasses import dataclass, field

from gateway.decision.algorithms import fitting_algorithms


@dataclass(frozen=True, slots=True, eq=False)
class Key:
    """One usable key.

    *kid* is the issuer's name for it, if any. *algorithms* are the JWS algorithms that it may
    verify (RFC 8725 §3.1: a key is for algorithms of its own kind only). *material* is a
    ``cryptography`` public key, or the bytes of an HMAC secret. *fitting* are the algorithms of
    *material* itself, whatever *algorithms* are.
    """

    kid: str | None
    algorithms: frozenset[str]
    material: object = field(repr=False)
    fitting: frozenset[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "fitting", fitting_algorithms(self.material))


@dataclass(frozen=True, slots=True, eq=False)
class KeySet:
    """All usable keys of one issuer; compared by identity, and replaced as a whole."""

    keys: tuple[Key, ...]
    _by_name: dict[tuple[str | None, str], tuple[Key, ...]] = field(init=False, repr=False)
    _has_names: bool = field(init=False, repr=False)

    def __post_init__(self) -> None:
        by_name: dict[tuple[str | None, str], tuple[Key, ...]] = {}
        for key in self.keys:
            for algorithm in key.algorithms:
                for kid in {key.kid, None}:
                    by_name[kid, algorithm] = (*by_name.get((kid, algorithm), ()), key)
        object.__setattr__(self, "_by_name", by_name)
        object.__setattr__(self, "_has_names", any(key.kid is not None for key in self.keys))

    def candidates(self, kid: str | None, algorithm: str) -> tuple[Key, ...]:
        """Return the keys that could have signed: with this *kid* (None: any) and algorithm.

        If no key has a kid (PEM files, a secret), the token's is ignored: it is only a hint
        (RFC 7515 §4.1.4).
        """
        return self._by_name.get((kid if self._has_names else None, algorithm), ())
