"""Devices that wait."""

import itertools

import pytest

from gateway.issuer.clients import Client
from gateway.issuer.personas import PERSONAS
from gateway.issuer.requests.parameters import OAuthError
from gateway.issuer.requests.wishes import Wishes
from gateway.issuer.state.device_codes import (
    GUESS_WINDOW_SECONDS,
    MAX_GUESSES,
    POLL_SECONDS,
    SLOW_DOWN_SECONDS,
    Device,
    DeviceCodes,
    GuessesExceeded,
    shown,
)
from gateway.issuer.tokens.grant import Grant
from tests.issuer.running import HandClock

TV = Client("tv", "The television", frozenset())
GRANT = Grant("tv", PERSONAS["alice"], ("demo-api",), (), 60)


def new_devices() -> tuple[DeviceCodes, Device, HandClock]:
    numbers = itertools.count(1)
    clock = HandClock()
    devices = DeviceCodes(
        clock, lambda: f"secret-{next(numbers)}", lambda: f"BCDFGHJ{'KLMN'[next(numbers) % 4]}"
    )
    return devices, devices.begin(TV, Wishes(None, (), None)), clock


def error(answer: Grant | OAuthError) -> str:
    assert isinstance(answer, OAuthError)
    return answer.code


def test_a_code_is_shown_in_two_halves_and_read_in_any_spelling() -> None:
    devices, device, _ = new_devices()
    spelled = shown(device.user_code)

    assert spelled == f"{device.user_code[:4]}-{device.user_code[4:]}"
    for typed in (spelled, spelled.lower(), f" {device.user_code} ", spelled.replace("-", " - ")):
        assert devices.find(typed) == device


def test_a_device_hears_of_its_grant_once() -> None:
    devices, device, _ = new_devices()

    assert error(devices.poll(device.device_code, "tv")) == "authorization_pending"
    assert devices.answer(device.user_code, GRANT)
    assert devices.poll(device.device_code, "tv") is GRANT
    assert error(devices.poll(device.device_code, "tv")) == "expired_token"


def test_nobody_changes_an_answer() -> None:
    devices, device, _ = new_devices()
    devices.answer(device.user_code, None)

    assert not devices.answer(device.user_code, GRANT)
    assert devices.find(device.user_code) is None
    assert error(devices.poll(device.device_code, "tv")) == "access_denied"


def test_the_interval_grows_by_five_seconds_each_time() -> None:
    """RFC 8628 §3.5."""
    devices, device, clock = new_devices()
    devices.poll(device.device_code, "tv")

    for number in (1, 2):
        assert error(devices.poll(device.device_code, "tv")) == "slow_down"
        found = devices.find(device.user_code)
        assert isinstance(found, Device)
        assert found.interval_seconds == POLL_SECONDS + number * SLOW_DOWN_SECONDS
    clock.now += POLL_SECONDS + 2 * SLOW_DOWN_SECONDS
    assert error(devices.poll(device.device_code, "tv")) == "authorization_pending"


def test_wrong_guesses_of_everybody_are_counted_and_right_ones_are_not() -> None:
    devices, device, clock = new_devices()
    for _ in range(MAX_GUESSES - 1):
        assert devices.find("wrong") is None
        assert devices.find(device.user_code) is not None
    assert devices.find("wrong") is None

    assert devices.find(device.user_code) is GuessesExceeded.EXCEEDED
    clock.now += GUESS_WINDOW_SECONDS
    assert devices.find(device.user_code) == device


@pytest.mark.parametrize("client_id", ["cli", ""])
def test_a_device_code_is_of_its_client(client_id: str) -> None:
    devices, device, _ = new_devices()

    assert error(devices.poll(device.device_code, client_id)) == "expired_token"


def test_codes_do_not_show_in_a_repr() -> None:
    _, device, _ = new_devices()

    assert device.device_code not in repr(device)
    assert device.user_code not in repr(device)
