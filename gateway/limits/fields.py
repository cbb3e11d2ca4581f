"""Write the response fields about rate limits: RateLimit, RateLimit-Policy and Retry-After.

The first two are those of draft-ietf-httpapi-ratelimit-headers-09, lists of RFC 9651: an item for
each limit, by its name. Each line begins with the end of the line before.
"""

from collections.abc import Sequence
from typing import Final

from gateway.limits.gcra import Rate, Taken, remaining, wait_us
from gateway.settings.values.rates import RateLimit

_SECOND_US: Final = 1_000_000


def render_policy(limits: Sequence[RateLimit]) -> bytes:
    r"""Return ``\r\nRateLimit-Policy: …``: so many requests (q) in so many seconds (w)."""
    items = []
    for limit in limits:
        quota, window_us = limit.requests, limit.period_us
        if limit.burst > quota:  # else more could remain than the quota
            quota, window_us = limit.burst, limit.burst * limit.interval_us
        items.append(b'"%b";q=%d;w=%d' % (limit.name.encode(), quota, _seconds(window_us)))
    return b"\r\nRateLimit-Policy: " + b", ".join(items)


def render_standing(names: Sequence[bytes], rates: Sequence[Rate], taken: Taken) -> bytes:
    r"""Return ``\r\nRateLimit: …``: so many requests remain (r), and all in so many seconds (t)."""
    now_us = taken.now_us
    return b"\r\nRateLimit: " + b", ".join(
        [
            b'"%b";r=%d;t=%d' % (name, remaining(rate, moment, now_us), _seconds(moment - now_us))
            for name, rate, moment in zip(names, rates, taken.whole_at_us, strict=True)
        ]
    )


def render_retry(rates: Sequence[Rate], taken: Taken) -> bytes:
    r"""Return ``\r\nRetry-After: …`` for a request that was refused (RFC 9110 §10.2.3)."""
    if taken.refused is None:
        return b""
    position = taken.refused
    waits_us = wait_us(rates[position], taken.whole_at_us[position], taken.now_us)
    return b"\r\nRetry-After: %d" % _seconds(waits_us)


def _seconds(span_us: int) -> int:
    """Return whole seconds, rounded up: a client that waits so long is not too early."""
    return -(-span_us // _SECOND_US)
