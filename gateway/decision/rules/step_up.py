"""Ask that the user was authenticated well enough, and not too long ago (RFC 9470)."""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.decision.reason import Reason


@dataclass(frozen=True, slots=True, eq=False)
class StepUp:
    """What a route asks of the authentication behind a token.

    One of *acr_values* must be the token's `acr`; they are in order of preference, and empty
    means any. Its `auth_time` may be *max_age_seconds* ago; None means any time.
    """

    acr_values: tuple[str, ...]
    max_age_seconds: int | None


def find_shortfall(
    claims: Mapping[str, object], wanted: StepUp, now: float, leeway_seconds: float
) -> Reason | None:
    """Return why the authentication that *claims* speak of does not do, or None.

    A claim that is absent or malformed satisfies nothing (RFC 9470 §5), nor does a time that
    is further in the future than *leeway_seconds*. Age is not forgiven any leeway: whoever
    is asked for a fresh authentication a little early has lost nothing.
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
