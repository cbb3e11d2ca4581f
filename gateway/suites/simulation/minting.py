"""Make the credentials that a persona sends."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gateway.decision.policy import Issuer
from gateway.suites.simulation.compact import to_json
from gateway.suites.simulation.persona import Persona, make_claims, make_header
from gateway.suites.simulation.run_keys import RunKey, RunKeys


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Draft:
    """A token before it is signed, for an attack to change.

    *key* is the one that its issuer signs with; *keys* are those of all issuers, for an attack that
    signs with another one.
    """

    header: Mapping[str, object]
    claims: Mapping[str, object]
    issuer: Issuer
    key: RunKey
    keys: RunKeys

    def sign(self) -> bytes:
        """Return the token, signed by its issuer."""
        return self.key.sign(self.header, to_json(self.claims))


Attack = Callable[[Draft], tuple[bytes, ...]]
"""Changes a token, and returns the values of all Authorization fields that are sent."""


def make_draft(persona: Persona, issuer: Issuer, keys: RunKeys, at: float) -> Draft:
    """Return the token that *issuer* gives *persona* at the time *at*."""
    key = keys.of(issuer.name, persona.algorithm)
    header = make_header(persona, issuer, key.algorithm, key.kid)
    return Draft(header, make_claims(persona, issuer, at), issuer, key, keys)


def bearer(token: bytes) -> bytes:
    """Return the value of the Authorization field that carries *token*."""
    return b"Bearer " + token
