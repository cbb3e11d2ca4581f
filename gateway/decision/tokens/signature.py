"""Verify the signature of a token with the keys that match it."""

from typing import Final

from gateway.decision.algorithms import ALGORITHMS
from gateway.decision.keys import Key, KeySet
from gateway.decision.reason import Reason
from gateway.decision.token import CompactToken
from gateway.decision.verdict import Deny

# Per token. A key rotation has two matching keys, sometimes three; a hostile token must not cost
# as many checks as its issuer has keys.
MAX_TRIED_KEYS: Final = 4

_INVALID = Deny(Reason.SIGNATURE_INVALID, "the key does not verify the signature")
_UNKNOWN = Deny(Reason.KEY_UNKNOWN, "no key of the issuer matches the token's key id and algorithm")
_UNDECIDED = Deny(
    Reason.KEY_UNKNOWN,
    f"none of the first {MAX_TRIED_KEYS} matching keys verifies the signature, and more match",
)

# RFC 7518 §3.4: R and S at full length, side by side. DER, another spelling, is refused.
_ECDSA_SIGNATURE_BYTES = {"ES256": 64, "ES384": 96, "ES512": 132}


def verify_signature(token: CompactToken, keys: KeySet) -> Deny | None:
    """Return None if one of the matching keys verifies the signature.

    If a token has no key id, or keys share one, several match, and the first four are tried in the
    order of the set. That is safe: all keys of a set belong to the issuer, and anyone who can add
    one could also sign with its own id.
    """
    fitting = keys.candidates(token.kid, token.algorithm)
    if not fitting:
        return _UNKNOWN
    length = _ECDSA_SIGNATURE_BYTES.get(token.algorithm)
    if length is not None and len(token.signature) != length:
        return _INVALID
    for key in fitting[:MAX_TRIED_KEYS]:
        if _holds(token, key):
            return None
    return _INVALID if len(fitting) <= MAX_TRIED_KEYS else _UNDECIDED


def cost_checks(deny: Deny) -> bool:
    """Return whether *deny*, from ``verify_signature``, is the result of signature checks."""
    return deny.reason is Reason.SIGNATURE_INVALID or deny.detail is _UNDECIDED.detail


def _holds(token: CompactToken, key: Key) -> bool:
    # Check the key material itself, too: a public key used as an HMAC secret is the oldest hole
    # of all (CVE-2016-10555, CVE-2022-29217).
    if token.algorithm not in key.fitting:
        return False
    # No `except` here: the library returns False for every wrong or malformed signature. Anything
    # it raises is a fault of this process, such as no memory or no descriptor for an import, and
    # says nothing about the signature.
    verify = ALGORITHMS[token.algorithm].verify
    return verify(token.signing_input, key.material, token.signature) is True
