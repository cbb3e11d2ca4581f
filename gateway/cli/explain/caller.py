"""Find the caller of an explained request: a persona of a suite, or one made of claims."""

from collections.abc import Mapping

import click

from gateway.settings.text.suggestions import did_you_mean
from gateway.settings.values.configuration import IssuerSettings, Settings
from gateway.suites.files.suite import Suite
from gateway.suites.simulation.persona import Persona

_NAME = "somebody"


def find_persona(name: str, suite: Suite, settings: Settings) -> Persona:
    """Return the persona *name* of *suite*; raise UsageError if *settings* lacks what it names."""
    found = suite.personas.get(name)
    if found is None:
        # Without the name, which is a token if someone confuses --as with --token.
        known = f"{suite.file} has {', '.join(suite.personas) or 'none'}"
        raise click.UsageError(
            f"--as: no such persona{did_you_mean(name, suite.personas)}; {known}"
        )
    persona = found.persona
    if persona.issuer is not None and persona.issuer not in settings.issuers:
        meant = did_you_mean(persona.issuer, settings.issuers)
        raise click.UsageError(f"--as: the configuration has no issuer `{persona.issuer}`{meant}")
    for one in persona.revoked:
        if one not in settings.revocations:
            meant = did_you_mean(one, settings.revocations)
            raise click.UsageError(f"--as: the configuration has no revocation list `{one}`{meant}")
    return persona


class BadClaimsError(ValueError):
    """No token can be made of the claims; the message says why to whoever wrote them."""


def persona_of_claims(
    claims: Mapping[str, object], issuers: Mapping[str, IssuerSettings]
) -> Persona:
    """Return a caller whose token has *claims* and is signed by one of *issuers*.

    A null claim is left out, even one that a token has by default. Raise BadClaimsError.
    """
    without = frozenset(name for name, value in claims.items() if value is None)
    kept = {name: value for name, value in claims.items() if value is not None}
    return Persona(_NAME, _issuer(claims, issuers), kept, without=without)


def _issuer(claims: Mapping[str, object], issuers: Mapping[str, IssuerSettings]) -> str:
    if not issuers:
        raise BadClaimsError("the configuration has no issuer to sign a token")
    if "iss" not in claims and len(issuers) > 1:
        known = ", ".join(one.issuer.issuer for one in issuers.values())
        raise BadClaimsError(f'there are several issuers: add "iss", one of {known}')
    for name, one in issuers.items():
        if claims.get("iss") == one.issuer.issuer:
            return name
    # Any issuer may sign for an unknown `iss`: such a token is refused before a key is looked up.
    return next(iter(issuers))
