"""Check the signature of a token against the keys that may have made it."""

from typing import Final

from gateway.decision.algorithms import ALGORITHMS
from gateway.decision.keys import Key, KeySet
from gateway.decision.reason import Reason
from gateway.decision.token import CompactToken
from gateway.decision.verdict import Deny

# Of the keys that fit one token. A rotation has two at a time, sometimes three; a hostile token
# must not cost as many checks as its issuer has keys.
MAX_TRIED_KEYS: Final = 4

_INVALID = Deny(Reason.SIGNATURE_INVALID, "the signature does not fit the token and its key")
_UNKNOWN = Deny(Reason.KEY_UNKNOWN, "no key of the issuer fits the token's key id and algorithm")
_UNDECIDED = Deny(
    Reason.KEY_UNKNOWN,
    f"none of the first {MAX_TRIED_KEYS} keys that fit made the signature, and more of them fit",
)

# RFC 7518 §3.4: R and S at full length, side by side. DER is another spelling, refused.
_ECDSA_SIGNATURE_BYTES = {"ES256": 64, "ES384": 96, "ES512": 132}


def verify_signature(token: CompactToken, keys: KeySet) -> Deny | None:
    """Return None if the signature holds: if one of the keys that fit has made it.

    Where a token has no key id, or keys share one, several fit, and the first four are tried in
    the order of the set. That lets in nobody else: all keys of a set are the issuer's, and whoever
    can add one could sign under an id of its own.
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
    """Return whether *deny*, of ``verify_signature``, came of checking signatures."""
    return deny.reason is Reason.SIGNATURE_INVALID or deny.detail is _UNDECIDED.detail


def _holds(token: CompactToken, key: Key) -> bool:
    # Asked again of the key itself, whatever its description says: a public key taken for
    # an HMAC secret is the oldest hole of all (CVE-2016-10555, CVE-2022-29217).
    if token.algorithm not in key.fitting:
        return False
    # No `except` here: the library itself says False of every signature that is wrong, or is none
    # at all (R and S that no DER has, another length). What it raises is a fault of ours, such as
    # no memory or no descriptor left for an import, and says nothing about the signature.
    verify = ALGORITHMS[token.algorithm].verify
    return verify(token.signing_input, key.material, token.signature) is True
