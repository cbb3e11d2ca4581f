"""Decide what becomes of one request."""

from collections.abc import Callable, Mapping

from gateway.decision.head import RequestHead
from gateway.decision.keys import KeySet
from gateway.decision.policy import Policy
from gateway.decision.token import SignedToken
from gateway.decision.verdict import Allow, Deny, NeedKeys

KeySets = Mapping[str, KeySet]  # by issuer name; an issuer whose keys were never had is absent

Authenticate = Callable[[bytes, Policy, KeySets], SignedToken | Deny | NeedKeys]


def authenticate(token: bytes, policy: Policy, keys: KeySets) -> SignedToken | Deny | NeedKeys:
    """Parse *token*, find its issuer and key, check the signature, read the claims.

    A pure function of its arguments, and so the one thing here that may be remembered.
    """
    raise NotImplementedError


def decide(
    head: RequestHead,
    policy: Policy,
    keys: KeySets,
    now: float,
    authenticate: Authenticate = authenticate,
) -> Allow | Deny | NeedKeys:
    """Answer one request from what is in hand; ask for keys rather than fetch them."""
    raise NotImplementedError
