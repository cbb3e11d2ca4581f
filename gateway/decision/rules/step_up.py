"""Step-up authentication: require a strong enough and recent enough login (RFC 9470)."""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.decision.reason import Reason


@dataclass(frozen=True, slots=True, eq=False)
class StepUp:
    """What a route requires of the authentication behind a token.

    The token's `acr` must be one of *acr_values*, which are in order of preference; empty means
    any. Its `auth_time` may be at most *max_age_seconds* ago; None means any time.
    """

    acr_values: tuple[str, ...]
    max_age_seconds: int | None


def find_shortfall(
    claims: Mapping[str, object], wanted: StepUp, now: float, leeway_seconds: float
) -> Reason | None:
    """Return why the authentication in *claims* is not sufficient, or None.

    A missing or malformed claim never suffices (RFC 9470 §5), nor does a time more than
    *leeway_seconds* in the future. Leeway does not extend the age: asking for a fresh login a
    little early does no harm.
    """
    if wanted.acr_values and claims.get("acr") not in wanted.acr_values:
        return Reason.AUTHENTICATION_TOO_WEAK
    if wanted.max_age_seconds is None:
        return None
    at = claims.get("auth_time")
    if type(at) is not int and type(at) is not float:  # a bool is an int to isinstance
        return Reason.AUTHENTICATION_TOO_OLD
    is_fresh = now - wanted.max_age_seconds <= at <= now + leeway_seconds
    return None if is_fresh else Reason.AUTHENTICATION_TOO_OLD
