"""Wait until a person has entered the code of a device (RFC 8628 §3.4, §3.5)."""

from typing import Final

from gateway.fetching.clock import Clock
from gateway.oauth.fault import FaultKind, OAuthFault
from gateway.oauth.form import Form
from gateway.oauth.responses import DeviceAuthorization, TokenResponse
from gateway.oauth.server import AuthorizationServer

GRANT_TYPE: Final = "urn:ietf:params:oauth:grant-type:device_code"

_SLOW_DOWN_SECONDS: Final = 5.0  # RFC 8628 §3.5
_MAX_PAUSE_SECONDS: Final = 300.0
_MIN_PAUSE_SECONDS: Final = 1.0  # whatever the server allows: no person is faster


async def wait_for_tokens(
    server: AuthorizationServer, device: DeviceAuthorization, clock: Clock, more: Form = ()
) -> TokenResponse | OAuthFault:
    """Return the tokens once a person has consented, or why there will be none.

    Polls no more often than the server wants. While it is unavailable, each pause is twice the
    one before. Ends with `expired_token` when the code has expired, whatever the server says.
    """
    ends_at = clock.now() + device.expires_in_seconds
    pause_seconds = max(device.interval_seconds, _MIN_PAUSE_SECONDS)
    form = (("grant_type", GRANT_TYPE), ("device_code", device.device_code), *more)
    while clock.now() + pause_seconds < ends_at:
        await clock.sleep(pause_seconds)
        found = await server.tokens(form)
        if isinstance(found, TokenResponse):
            return found
        following = _next_pause(found, pause_seconds)
        if following is None:
            return found
        pause_seconds = following
    detail = "nobody entered the code in time"
    return OAuthFault(FaultKind.ERROR, detail, "expired_token")


def _next_pause(fault: OAuthFault, pause_seconds: float) -> float | None:
    """Return how long to wait after *fault*, or None if it is the end."""
    if fault.kind is FaultKind.UNAVAILABLE:
        return max(min(2 * pause_seconds, _MAX_PAUSE_SECONDS), fault.retry_after_seconds or 0.0)
    if fault.code == "authorization_pending":
        return pause_seconds
    return pause_seconds + _SLOW_DOWN_SECONDS if fault.code == "slow_down" else None
