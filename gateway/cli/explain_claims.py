"""Make a caller of claims that somebody wrote down."""

from collections.abc import Mapping

from gateway.settings.values.configuration import IssuerSettings
from gateway.suites.asking.persona import Persona

_NAME = "somebody"


class BadClaimsError(ValueError):
    """What is wrong with the claims, in words for the person who wrote them."""


def persona_of_claims(
    claims: Mapping[str, object], issuers: Mapping[str, IssuerSettings]
) -> Persona:
    """Return who has a token with *claims*, signed by one of *issuers*; raises BadClaimsError.

    A claim of null is left out, also of those that a token has by itself.
    """
    without = frozenset(name for name, value in claims.items() if value is None)
    kept = {name: value for name, value in claims.items() if value is not None}
    return Persona(_NAME, _issuer(claims, issuers), kept, without=without)


def _issuer(claims: Mapping[str, object], issuers: Mapping[str, IssuerSettings]) -> str:
    if not issuers:
        raise BadClaimsError("the configuration has no issuer who could sign a token")
    if "iss" not in claims and len(issuers) > 1:
        known = ", ".join(one.issuer.issuer for one in issuers.values())
        raise BadClaimsError(f'there are several issuers: add "iss", one of {known}')
    for name, one in issuers.items():
        if claims.get("iss") == one.issuer.issuer:
            return name
    # Who signs for a stranger is all the same: its token is refused before any key is looked for.
    return next(iter(issuers))
