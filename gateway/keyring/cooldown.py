"""How often an unknown `kid` may make us fetch (CVE-2026-48524)."""

from gateway.settings.values.configuration import KeyTimes


def may_ask_for_kid(asked_at: float | None, times: KeyTimes, now: float) -> bool:
    """Say whether an unknown `kid` may start a fetch: once per cooldown.

    *asked_at* is when one last did, None if none ever has; times are in seconds.
    """
    return asked_at is None or now >= asked_at + times.unknown_kid_cooldown_seconds
