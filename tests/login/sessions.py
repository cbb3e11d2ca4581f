"""Sessions for tests, and a clock that a test puts forward."""

from typing import Any, Final

from gateway.login.session import Session, Tokens

ISSUER: Final = "https://login.test/"
BEGUN_AT: Final = 1_800_000_000.0


class Clock:
    """A clock that a test puts forward."""

    def __init__(self) -> None:
        self.now = BEGUN_AT

    def __call__(self) -> float:
        return self.now


def make_tokens(number: int = 0) -> Tokens:
    """Return tokens that differ by *number*; not one looks like a JWT."""
    access, expires_at = b"access-%d" % number, BEGUN_AT + 300 * (number + 1)
    return Tokens(access, expires_at, expires_at - 30, f"refresh-{number}", f"id-{number}")


def make_session(now: float = BEGUN_AT, **changes: Any) -> Session:
    """Return a session that begins *now*: idle for 100 s it ends, and after 1,000 s."""
    values: dict[str, Any] = {
        "id": b"",
        "login": "web",
        "issuer": ISSUER,
        "subject": "ada",
        "sid": "sid-1",
        "tokens": make_tokens(),
        "claims": {"sub": "ada", "name": "Ada"},
        "begun_at": now,
        "used_at": now,
        "idle_seconds": 100.0,
        "ends_at": now + 1000.0,
    }
    return Session(**{**values, **changes})
