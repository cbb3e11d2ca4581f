"""Find the caller of an explained request: a persona of a suite, or one made of claims."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import click

from gateway.settings.text.suggestions import did_you_mean
from gateway.settings.values.configuration import IssuerSettings, Settings
from gateway.suites.files.suite import Suite
from gateway.suites.simulation.browsers import Browser
from gateway.suites.simulation.persona import Persona

_NAME = "somebody"


@dataclass(frozen=True, slots=True)
class Channel:
    """How a token comes: by a session of *login*, or else in Authorization; from a *browser*."""

    login: str | None = None
    browser: Browser | None = None


BY_TOKEN: Final = Channel()


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
    if persona.session is not None:
        check_session(persona.session, persona.issuer, settings, "--as")
    for one in persona.revoked:
        if one not in settings.revocations:
            meant = did_you_mean(one, settings.revocations)
            raise click.UsageError(f"--as: the configuration has no revocation list `{one}`{meant}")
    return persona


def check_session(name: str, issuer: str | None, settings: Settings, option: str) -> None:
    """Raise UsageError unless a session of the login *name* may have a token of *issuer*."""
    login = settings.logins.get(name)
    if login is None:
        meant = did_you_mean(name, settings.logins)
        raise click.UsageError(f"{option}: the configuration has no login `{name}`{meant}")
    if issuer is not None and issuer != login.issuer:
        raise click.UsageError(
            f"{option}: a session of `{name}` has a token of the issuer `{login.issuer}`, not of"
            f" `{issuer}`"
        )


class BadClaimsError(ValueError):
    """No token can be made of the claims; the message says why to whoever wrote them."""


def persona_of_claims(
    claims: Mapping[str, object],
    issuers: Mapping[str, IssuerSettings],
    channel: Channel = BY_TOKEN,
) -> Persona:
    """Return a caller whose token has *claims* and is signed by one of *issuers*.

    A null claim is left out, even one that a token has by default. *channel* says how the token
    comes. Raise BadClaimsError.
    """
    without = frozenset(name for name, value in claims.items() if value is None)
    kept = {name: value for name, value in claims.items() if value is not None}
    issuer = _issuer(claims, issuers)
    session, browser = channel.login, channel.browser
    return Persona(_NAME, issuer, kept, without=without, session=session, browser=browser)


def _issuer(claims: Mapping[str, object], issuers: Mapping[str, IssuerSettings]) -> str:
    if not issuers:
        raise BadClaimsError("the configuration has no issuer to sign a token")
    if "iss" not in claims and len(issuers) > 1:
        known = ", ".join(one.issuer.issuer for one in issuers.values())
        raise BadClaimsError(f'there are several issuers: add "iss", one of {known}')
    for name, one in issuers.items():
        if one.issuer.may_issue(claims.get("iss")):
            return name
    # Any issuer may sign for an unknown `iss`: such a token is refused before a key is looked up.
    return next(iter(issuers))
