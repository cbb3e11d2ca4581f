"""Find the bearer token of a request, or why there is none.

Only the Authorization field counts. RFC 6750 also defines form bodies and query strings; both end
up in logs, so they are ignored.
"""

from gateway.decision.reason import Reason
from gateway.decision.verdict import Deny

# As numbers: searching bytes for an integer costs a third of searching for bytes.
_COMMA, _SPACE, _TAB = b", \t"

_MISSING = Deny(Reason.TOKEN_MISSING, "no bearer token was sent")
_REPEATED = Deny(Reason.TOKEN_REPEATED, "more than one credential was sent")
_FORM = Deny(Reason.TOKEN_MALFORMED, "the Authorization field is not of the form: Bearer <token>")
_TOO_LONG = Deny(Reason.TOKEN_MALFORMED, "the token is too long")


def bearer_token(authorization: tuple[bytes, ...], max_token_bytes: int) -> bytes | Deny:
    """Return the token in *authorization*, the values of every Authorization field.

    Two credentials are refused even if equal: the service might read the other one. Another
    scheme counts as no token. The token's parser checks its alphabet.
    """
    if not authorization:
        return _MISSING
    if len(authorization) > 1:
        return _REPEATED
    value = authorization[0]
    # RFC 6750 §2.1: "Bearer" 1*SP b64token. The scheme is case-insensitive (RFC 9110 §11.1).
    if value[:7].lower() != b"bearer ":
        return _other_scheme(value)
    token = value[7:].lstrip(b" ")
    if _COMMA in token:
        return _REPEATED
    if not token or _SPACE in token or _TAB in token:
        return _FORM
    if len(token) > max_token_bytes:
        return _TOO_LONG
    return token


def _other_scheme(value: bytes) -> Deny:
    scheme = value.split(maxsplit=1)[:1]
    if scheme and scheme[0].lower() == b"bearer":
        return _FORM
    # A list joined by a proxy: `Basic …, Bearer …`. Commas alone prove nothing, since Digest uses
    # them.
    if any(part.strip()[:7].lower() == b"bearer " for part in value.split(b",")[1:]):
        return _REPEATED
    return _MISSING
