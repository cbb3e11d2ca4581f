"""Devices that wait for a person to allow them (RFC 8628)."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum

from gateway.issuer.clients import Client
from gateway.issuer.expiring import ExpiringTable
from gateway.issuer.requests.parameters import OAuthError
from gateway.issuer.requests.wishes import Wishes
from gateway.issuer.tokens.grant import Grant

DEVICE_SECONDS = 600
POLL_SECONDS = 1

# RFC 8628 §3.5: who polls too often waits longer from then on.
SLOW_DOWN_SECONDS = 5

# RFC 8628 §6.1: no vowels, so no words; nothing that is read as something else.
USER_CODE_ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"
USER_CODE_LENGTH = 8

_MAX_DEVICES = 1_000

# RFC 8628 §5.1: 20 ** 8 codes, and so few guesses in a minute, of everybody together.
MAX_GUESSES = 60
GUESS_WINDOW_SECONDS = 60


class GuessesExceeded(Enum):
    """Too many wrong user codes were entered: nobody may try for a moment."""

    EXCEEDED = "exceeded"


@dataclass(frozen=True, slots=True)
class Device:
    """A device that waits; *grant* is set once it is allowed."""

    client: Client
    wishes: Wishes
    device_code: str = field(repr=False)
    user_code: str = field(repr=False)
    interval_seconds: int = POLL_SECONDS
    polled_at: float | None = None
    grant: Grant | None = None
    is_declined: bool = False


class DeviceCodes:
    """All devices under way. *new_user_code* returns a random code of the alphabet."""

    def __init__(
        self,
        clock: Callable[[], float],
        new_secret: Callable[[], str],
        new_user_code: Callable[[], str],
    ) -> None:
        self._clock = clock
        self._new_secret = new_secret
        self._new_user_code = new_user_code
        self._devices = ExpiringTable[str, Device](_MAX_DEVICES, clock)
        self._by_user_code = ExpiringTable[str, str](_MAX_DEVICES, clock)
        self._wrong_guesses = ExpiringTable[str, bool](MAX_GUESSES, clock)

    def begin(self, client: Client, wishes: Wishes) -> Device:
        """Return a new device of *client*, which waits from now on."""
        device = Device(client, wishes, self._new_secret(), self._new_user_code())
        self._devices.put(device.device_code, device, DEVICE_SECONDS)
        self._by_user_code.put(device.user_code, device.device_code, DEVICE_SECONDS)
        return device

    def find(self, user_code: str) -> Device | GuessesExceeded | None:
        """Return the device that shows *user_code* and still waits, however it was typed."""
        if len(self._wrong_guesses.values()) >= MAX_GUESSES:
            return GuessesExceeded.EXCEEDED
        typed = re.sub(r"[\s-]", "", user_code.upper())
        device_code = self._by_user_code.get(typed)
        device = None if device_code is None else self._devices.get(device_code)
        if device is None:
            self._wrong_guesses.put(self._new_secret(), True, GUESS_WINDOW_SECONDS)
        return device

    def answer(self, user_code: str, grant: Grant | None) -> bool:
        """Allow the device, or decline it without a *grant*; return whether it still waited."""
        device = self._devices.get(self._by_user_code.pop(user_code) or "")
        if device is None:
            return False
        answered = replace(device, grant=grant, is_declined=grant is None)
        self._devices.replace(device.device_code, answered)
        return True

    def poll(self, device_code: str, client_id: str) -> Grant | OAuthError:
        """Return the grant, once, or what a device does meanwhile (RFC 8628 §3.5)."""
        device = self._devices.get(device_code)
        if device is None or device.client.client_id != client_id:
            return OAuthError("expired_token", "the device code is not known, or has expired")
        now = self._clock()
        if device.grant is not None or device.is_declined:
            self._devices.pop(device_code)
            return device.grant or OAuthError("access_denied", "the device was declined")
        if device.polled_at is not None and now - device.polled_at < device.interval_seconds:
            slower = device.interval_seconds + SLOW_DOWN_SECONDS
            self._devices.replace(
                device_code, replace(device, interval_seconds=slower, polled_at=now)
            )
            return OAuthError("slow_down", f"wait {slower} seconds between two requests")
        self._devices.replace(device_code, replace(device, polled_at=now))
        return OAuthError("authorization_pending", "nobody has answered yet")


def shown(user_code: str) -> str:
    """Return *user_code* as a device shows it: in two halves."""
    half = len(user_code) // 2
    return f"{user_code[:half]}-{user_code[half:]}"
