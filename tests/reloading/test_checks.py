"""A change that only a restart can apply is named; every other one is accepted."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.reloading.checks import needs_restart
from gateway.settings.values.configuration import Settings
from tests.proxy.gateways import load, write_config
from tests.reloading.test_on_the_wire import FIXED, STRICTER

MakeSettings = Callable[..., Settings]


@pytest.fixture
def make_settings(tmp_path: Path) -> MakeSettings:
    def make(**changes: Any) -> Settings:
        return load(write_config(tmp_path, ["http://127.0.0.1:9"], changes))

    return make


def test_all_that_needs_a_restart_is_named_at_once(make_settings: MakeSettings) -> None:
    refusal = needs_restart(make_settings(), make_settings(**FIXED))

    assert refusal == "`listen`, `admin`, `access_log` cannot change without a restart"


@pytest.mark.parametrize(
    "listen",
    [
        ["127.0.0.1:0"],
        ["127.0.0.1:0", "[::1]:0", "[::1]:0"],
        ["[::1]:0", "127.0.0.1:0"],
        ["127.0.0.1:1", "[::1]:0"],
    ],
)
def test_addresses_that_change_need_a_restart(
    make_settings: MakeSettings, listen: list[str]
) -> None:
    several = make_settings(listen=["127.0.0.1:0", "[::1]:0"])

    assert needs_restart(several, make_settings(listen=["127.0.0.1:0", "[::1]:0"])) is None
    assert (
        needs_restart(several, make_settings(listen=listen))
        == "`listen` cannot change without a restart"
    )


def test_what_changes_without_a_restart_is_not_named(make_settings: MakeSettings) -> None:
    assert needs_restart(make_settings(), make_settings(routes=STRICTER, drain="1s")) is None
