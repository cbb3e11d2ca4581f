"""Sign assertions about callers that services can verify, and reuse each for many requests."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import floor

from jwt.algorithms import get_default_algorithms

from gateway.decision.rules.claim_sources import ClaimPath, ClaimSource, FirstOf, Template
from gateway.decision.token import SignedToken
from gateway.decision.tokens.generations import Generations
from gateway.decision.tokens.identity_fields import find_first, render_source
from gateway.settings.values.configuration import AssertionSettings
from gateway.settings.values.signing_key import SigningKey

# RFC 8725 §3.11: a type of its own, so that nobody accepts it as an access token, this gateway
# included.
TYPE = "gateway-assertion+jwt"

# About a KiB each, in two generations, for the same reasons as the cache of tokens.
_CAPACITY = 50_000


@dataclass(frozen=True, slots=True)
class _Vouched:
    """A whole header line, and the time from *since* to *until* in which it is used."""

    line: bytes
    since: float
    until: float


class AssertionSigner:
    r"""Signs assertions about callers, as lines ``Name: assertion\r\n``, for one upstream each.

    *make_id* makes the `jti` of each assertion. An assertion is reused for its token until half of
    its lifetime is over, so that a service always has the other half to verify it; one that ends
    early because its token does is used to its end.
    """

    def __init__(
        self,
        settings: AssertionSettings,
        make_id: Callable[[], str],
        capacity: int = _CAPACITY,
    ) -> None:
        self._settings = settings
        self._sign = signer(settings.keys[0])
        self._start = b"%b: " % settings.header
        self._make_id = make_id
        self._vouched: Generations[tuple[SignedToken, str], _Vouched] = Generations(capacity)

    def __len__(self) -> int:
        return len(self._vouched)

    def vouch(self, token: SignedToken, upstream: str, now: float) -> bytes:
        """Return the line about the caller with *token* for *upstream* at the time *now*."""
        vouched, place = self._vouched, (token, upstream)
        known = vouched.young.get(place)
        if known is None:
            known = vouched.old.pop(place, None)
            if known is not None:
                vouched.keep(place, known)
        # Not before *since* either: after the clock was set back, services refuse a future `iat`.
        if known is None or not known.since <= now < known.until:
            known = self._make(token, upstream, now)
            vouched.keep(place, known)
        return known.line

    def _make(self, token: SignedToken, upstream: str, now: float) -> _Vouched:
        lifetime_seconds = self._settings.lifetime_seconds
        issued_at = floor(now)
        # Never later than the token itself is accepted.
        ends_at = token.claims.expires_at + token.issuer.leeway_seconds
        expires_at = min(issued_at + lifetime_seconds, ends_at)
        claims: dict[str, object] = {
            "iss": self._settings.issuer,
            "aud": upstream,
            "iat": issued_at,
            "exp": as_number(expires_at),
            "jti": self._make_id(),
        }
        for name, source in self._settings.claims:
            value = copied_claim(token, source)
            if value is not None:
                claims[name] = value
        until = ends_at if expires_at == ends_at else issued_at + lifetime_seconds / 2
        line = b"%b%b\r\n" % (self._start, self._sign(claims))
        return _Vouched(line, issued_at, until)


def copied_claim(token: SignedToken, source: ClaimSource) -> object:
    """Return the value of *source* as it is in the token, or the text of a template."""
    if isinstance(source, Template):
        return render_source(source, token.claims)
    paths: tuple[ClaimPath, ...] = source.paths if isinstance(source, FirstOf) else (source,)
    path, value = find_first(paths, token.claims)
    # Also from `scp`: services need not know which one the issuer uses (RFC 8693 §4.2).
    return " ".join(token.claims.scopes) if path == ("scope",) else value


def as_number(seconds: float) -> int | float:
    """Return *seconds* as the JSON number that people expect."""
    return int(seconds) if seconds == int(seconds) else seconds


def signer(key: SigningKey, kind: str = TYPE) -> Callable[[Mapping[str, object]], bytes]:
    """Return a function that signs claims with *key*, as a compact JWS of the type *kind*.

    RFC 7515 §7.1, RFC 8725 §3.11.
    """
    algorithm = get_default_algorithms()[key.algorithm]
    header = _segment({"alg": key.algorithm, "kid": key.kid, "typ": kind})

    def sign(claims: Mapping[str, object]) -> bytes:
        signed = b"%b.%b" % (header, _segment(claims))
        signature = algorithm.sign(signed, key.private_key)
        return b"%b.%b" % (signed, _encode(signature))

    return sign


def _segment(members: Mapping[str, object]) -> bytes:
    return _encode(json.dumps(members, separators=(",", ":")).encode())


def _encode(octets: bytes) -> bytes:
    return urlsafe_b64encode(octets).rstrip(b"=")
