"""Keep a login under way in the browser that began it, sealed: strangers fill no memory here."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from hmac import compare_digest
from typing import Final

from gateway.http.reading.cookies import LOGIN_COOKIE
from gateway.login.cookies import login_cookie_name, set_cookie
from gateway.login.requests import StepUpWanted
from gateway.login.sealing import KeyRing, Purpose

# A person may have to find a password, or a telephone, first.
MAX_AGE_SECONDS: Final = 600

# For one browser: tabs that are restored together begin a login each. The oldest goes, before a
# host's cookies exceed what services accept (CVE-2024-24814 was such a mistake).
MAX_LOGINS: Final = 10
MAX_BYTES: Final = 6 * 1024


@dataclass(frozen=True, slots=True)
class LoginUnderWay:
    """One login between its redirect to the issuer and the callback.

    *issuer* is the identifier of who was asked, *origin* where the login began and must end.
    *nonce* binds the ID token, *verifier* the code. *begun_at* is in seconds since the epoch.
    """

    login: str
    issuer: str
    origin: str
    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    return_to: str = field(repr=False)
    begun_at: float
    step_up: StepUpWanted | None = None

    def is_over(self, now: float) -> bool:
        """Return whether it began too long ago, or, by another clock, in the future."""
        return not -MAX_AGE_SECONDS < now - self.begun_at < MAX_AGE_SECONDS


def state_hash(state: str) -> bytes:
    """Return what stands for *state* where it is only compared."""
    return sha256(state.encode()).digest()


def keep_login(
    login: LoginUnderWay, ring: KeyRing, cookies: Mapping[str, str]
) -> tuple[str, list[str]]:
    """Return the Set-Cookie value for *login*, and the names of cookies that must go for it."""
    name = login_cookie_name(login.state)
    value = ring.seal(Purpose.LOGIN, _pack(login))
    others = [one for one in cookies if one.startswith(LOGIN_COOKIE) and one != name]
    held = {one: _begun_at(ring, cookies[one]) for one in others}
    oldest_first = sorted(others, key=held.__getitem__)
    sizes = {one: len(one) + len(cookies[one]) for one in others}
    room = MAX_BYTES - len(name) - len(value)
    gone: list[str] = []
    while len(oldest_first) >= MAX_LOGINS or (
        oldest_first and sum(sizes[one] for one in oldest_first) > room
    ):
        gone.append(oldest_first.pop(0))
    return set_cookie(name, value, MAX_AGE_SECONDS), gone


def find_login(state: str, ring: KeyRing, cookies: Mapping[str, str]) -> LoginUnderWay | None:
    """Return the login with *state* that this browser began; None if there is none."""
    value = cookies.get(login_cookie_name(state))
    login = None if value is None else _open(ring, value)
    if login is None or not compare_digest(login.state.encode(), state.encode()):
        return None
    return login


def _begun_at(ring: KeyRing, value: str) -> float:
    login = _open(ring, value)
    return 0.0 if login is None else login.begun_at  # useless ones go first


def _pack(login: LoginUnderWay) -> bytes:
    step_up = login.step_up
    wanted = None if step_up is None else [step_up.acr_values, step_up.max_age_seconds]
    members = (
        login.login, login.issuer, login.origin, login.state, login.nonce, login.verifier,
        login.return_to, login.begun_at, wanted,
    )  # fmt: skip
    return json.dumps(members, separators=(",", ":")).encode("ascii")


def _open(ring: KeyRing, value: str) -> LoginUnderWay | None:
    plain = ring.open(Purpose.LOGIN, value)
    if plain is None:
        return None
    # Whoever can seal is us.
    login, issuer, origin, state, nonce, verifier, return_to, begun_at, wanted = json.loads(plain)
    step_up = None if wanted is None else StepUpWanted(tuple(wanted[0]), wanted[1])
    return LoginUnderWay(
        login, issuer, origin, state, nonce, verifier, return_to, begun_at, step_up
    )
