"""Three that judge one token: the gateway, PyJWT and joserfc, told the same in each one's words."""

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import jwt
from joserfc import jwt as jose
from joserfc.errors import SecurityWarning
from joserfc.jws import JWSRegistry

from gateway.decision.decide import decide
from gateway.decision.policy import Policy
from gateway.decision.verdict import Allow
from tests.agreement.trust import Trust
from tests.decision.policies import AUDIENCE, ISSUER, head, issuer, policy, route

LEEWAY = 30

Claims = dict[str, Any]
Judge = Callable[[bytes, Trust, int], Claims | None]

_POLICIES: dict[frozenset[str], Policy] = {}
_PYJWT = jwt.PyJWT()
_REQUIRED = ["exp", "iss", "aud"]
_WITHOUT_CLOCK = {"verify_exp": False, "verify_nbf": False, "verify_iat": False}


def by_gateway(token: bytes, trust: Trust, now: int) -> Claims | None:
    """Return the claims that the gateway lets through, or None."""
    rules = _POLICIES.get(trust.algorithms)
    if rules is None:
        trusted = issuer(algorithms=trust.algorithms, leeway_seconds=float(LEEWAY))
        rules = _POLICIES[trust.algorithms] = policy(route("/any"), issuers=(trusted,))
    verdict = decide(head(b"/any", b"Bearer " + token), rules, {"main": trust.keys}, now)
    if not isinstance(verdict, Allow) or verdict.token is None:
        return None
    return dict(verdict.token.claims.all)


def by_pyjwt(token: bytes, trust: Trust, now: int) -> Claims | None:
    """Return the claims that PyJWT believes at *now*, or None.

    ``decode`` reads the clock of the machine. So it is asked for all but the times, and they
    are given to the verifiers that it calls itself, which take the time as an argument.
    """
    try:
        claims = _decode(token, trust, _WITHOUT_CLOCK)
        _PYJWT._validate_iat(claims, now, LEEWAY) if "iat" in claims else None
        _PYJWT._validate_nbf(claims, now, LEEWAY) if "nbf" in claims else None
        _PYJWT._validate_exp(claims, now, LEEWAY)
    except Exception:  # its own errors, and KeyError for a key it has not
        return None
    return claims


def by_pyjwt_now(token: bytes, trust: Trust) -> Claims | None:
    """Return the claims that PyJWT's ``decode`` as a whole believes by the clock, or None."""
    try:
        return _decode(token, trust, {})
    except Exception:
        return None


def _decode(token: bytes, trust: Trust, options: Mapping[str, bool]) -> Claims:
    token = _credential(token)
    return jwt.decode(
        token,
        trust.for_pyjwt(token),
        sorted(trust.algorithms),
        {"require": _REQUIRED, **options},  # type: ignore[arg-type] # PyJWT's own TypedDict
        audience=AUDIENCE,
        issuer=ISSUER,
        leeway=LEEWAY,
    )


def by_joserfc(token: bytes, trust: Trust, now: int) -> Claims | None:
    """Return the claims that joserfc believes at *now*, or None.

    It refuses header members that it does not know, unless told to follow RFC 7515 §4, by
    which they must be ignored. That EdDSA is deprecated it may say, but nobody listens.
    """
    registry = JWSRegistry(algorithms=trust.algorithms, strict_check_header=False)
    rules = jose.JWTClaimsRegistry(
        now=now,
        leeway=LEEWAY,
        iss={"essential": True, "value": ISSUER},
        aud={"essential": True, "values": [AUDIENCE]},
        exp={"essential": True},
    )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SecurityWarning)
            claims = jose.decode(_credential(token), trust.for_joserfc, registry=registry).claims
        rules.validate(claims)
    except Exception:  # its own errors, and others where it trips over what it reads
        return None
    return claims


def _credential(token: bytes) -> bytes:
    """Take away the spaces in front: they are the field's, not the token's (RFC 6750 §2.1)."""
    return token.lstrip(b" ")


JUDGES: Mapping[str, Judge] = {
    "gateway": by_gateway,
    "pyjwt": by_pyjwt,
    "joserfc": by_joserfc,
}
