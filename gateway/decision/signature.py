"""Check the one signature of a token against the one key that may have made it."""

from gateway.decision.algorithms import ALGORITHMS
from gateway.decision.keys import Key, KeySet
from gateway.decision.reason import Reason
from gateway.decision.token import CompactToken
from gateway.decision.verdict import Deny

_INVALID = Deny(Reason.SIGNATURE_INVALID, "the signature does not fit the token and its key")
_UNKNOWN = Deny(Reason.KEY_UNKNOWN, "no key of the issuer fits the token's key id and algorithm")
_AMBIGUOUS = Deny(Reason.KEY_UNKNOWN, "more than one key of the issuer fits the token")

# RFC 7518 §3.4: R and S at full length, side by side. DER is another spelling, refused.
_ECDSA_SIGNATURE_BYTES = {"ES256": 64, "ES384": 96, "ES512": 132}


def verify_signature(token: CompactToken, keys: KeySet) -> Deny | None:
    """Return None if the signature holds.

    Several fitting keys are refused together: trying them in turn would let whoever can
    add a key under another's id answer for it.
    """
    fitting = keys.candidates(token.kid, token.algorithm)
    if not fitting:
        return _UNKNOWN
    if len(fitting) > 1:
        return _AMBIGUOUS
    length = _ECDSA_SIGNATURE_BYTES.get(token.algorithm)
    if length is not None and len(token.signature) != length:
        return _INVALID
    return None if _holds(token, fitting[0]) else _INVALID


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
