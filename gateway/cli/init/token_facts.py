"""Learn from a token what a configuration must say about tokens like it."""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.decision.policy import Issuer
from gateway.decision.tokens.json_text import JsonFault, parse_json_object
from gateway.decision.tokens.jws import parse_compact
from gateway.decision.tokens.kinds import find_other_kind
from gateway.decision.tokens.scopes import MalformedClaimError, read_scopes
from gateway.decision.verdict import Deny

_ACCESS_TOKEN_TYPES = ("at+jwt", "application/at+jwt")

# RFC 9068 §2.2.
_REQUIRED_BY_RFC9068 = ("iss", "exp", "aud", "sub", "client_id", "iat", "jti")

# OpenID Connect Core §5.4, §11: they are about the person, not about an API.
_OPENID_SCOPES = frozenset({"openid", "profile", "email", "address", "phone", "offline_access"})


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """What a token says of itself; nobody has checked its signature."""

    algorithm: str
    kind: str
    claims: Mapping[str, object]

    @property
    def audiences(self) -> tuple[str, ...]:
        """Return the texts in `aud`."""
        aud = self.claims.get("aud")
        named = aud if isinstance(aud, list) else [aud]
        return tuple(one for one in named if isinstance(one, str) and one)

    @property
    def is_rfc9068(self) -> bool:
        """Return whether it has the type and all claims of RFC 9068."""
        has_all = all(self.claims.get(name) is not None for name in _REQUIRED_BY_RFC9068)
        return self.kind in _ACCESS_TOKEN_TYPES and has_all

    def text(self, name: str) -> str | None:
        """Return the claim *name* if it is a text."""
        value = self.claims.get(name)
        return value if isinstance(value, str) and value else None

    def scopes(self, issuer: Issuer) -> tuple[str, ...]:
        """Return its scopes for an API, as a gateway that trusts *issuer* reads them."""
        try:
            found = read_scopes(self.claims, issuer.scopes_from)
        except MalformedClaimError:
            return ()
        return tuple(scope for scope in found if scope not in _OPENID_SCOPES)

    def problem(self, issuer: Issuer) -> str | None:
        """Return why a gateway that trusts *issuer* would refuse each such token, or None."""
        if not issuer.may_issue(self.claims.get("iss")):
            return f"the token is of another issuer: its `iss` is not {issuer.issuer}"
        if self.kind in _ACCESS_TOKEN_TYPES:
            return None
        try:
            scopes = read_scopes(self.claims, issuer.scopes_from)
        except MalformedClaimError as fault:
            return f"the token's claim {fault} is malformed"
        sign = find_other_kind(self.claims, issuer, frozenset(self.audiences), scopes)
        if sign is None:
            return None
        return (
            f"this is an ID token or another token that is not for an API (it has `{sign}`): ask"
            " the issuer for an access token, with the audience of the API"
        )


def read_token_facts(token: bytes) -> TokenFacts | str:
    """Return what *token* says, or why it says nothing; no part of it is in the text."""
    if token.count(b".") == 4:
        return "the token is encrypted (JWE): the issuer must sign access tokens for this API"
    if b"." not in token:
        return (
            "the token is opaque, so only its issuer can read it: ask for an audience to get a JWT,"
            " or see docs/introspection.md"
        )
    parsed = parse_compact(token)
    if isinstance(parsed, Deny):
        return f"not a token: {parsed.detail}"
    claims = parse_json_object(parsed.payload)
    if isinstance(claims, JsonFault):
        return "not a token: its claims are unreadable"
    kind = parsed.header.get("typ")
    algorithm = parsed.header.get("alg")
    return TokenFacts(
        algorithm if isinstance(algorithm, str) else "",
        kind.lower() if isinstance(kind, str) else "",
        claims,
    )
