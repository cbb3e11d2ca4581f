"""Where all count together: a URL, and a password that nobody sees."""

from pathlib import Path

import pytest

from gateway.settings.build.rates import build_redis
from gateway.settings.load import Rejected
from gateway.settings.schema.rates import RedisModel
from gateway.settings.text.fault import Fault
from tests.settings.configs import (
    ENVIRON,
    assert_found,
    config,
    load,
    outcome_of,
    outside,
    part_of,
)


def redis(text: str) -> str:
    return config(f"redis: {text}\n")


@pytest.mark.parametrize(
    ("codes", "text"),
    [
        ("missing_key", config("¦redis: {timeout: 1s}\n")),
        ("conflicting_keys", redis('{url: "redis://h", ¦url_env: TOKEN}')),
        ("conflicting_keys", redis('{url: "redis://h", ¦url_file: f}')),
        ("conflicting_keys", redis("{url_env: TOKEN, ¦url_file: f}")),
        ("missing_file", redis("{url_file: ¦f}")),
        ("unset_variable", redis("{url_env: ¦NOT_SET}")),
        ("bad_value", redis("{url_env: ¦TOKEN}")),
        ("bad_value", redis("{url: ¦'http://h'}")),
        ("bad_value", redis("{url: ¦'redis://'}")),
        ("bad_value", redis("{url: ¦'redis://h:0'}")),
        ("bad_value", redis("{url: ¦'redis://h:port'}")),
        ("bad_value", redis("{url: ¦'redis://h/zero'}")),
        ("bad_value", redis("{url: ¦'rediss://h?ssl_cert_reqs=none'}")),
        ("bad_value", redis("{url: ¦'redis://h#a'}")),
        ("bad_value", redis("{url: ¦'redis://h ost'}")),
        ("bad_value", redis("{url: ¦'unix://host/run/redis.sock'}")),
        ("bad_value", redis("{url: ¦'unix:///'}")),
        ("bad_value", redis("{url: ¦'redis://:word@h'}")),
    ],
)
def test_each_mistake_is_found_at_its_place_and_nothing_else_is(
    codes: str, text: str, tmp_path: Path
) -> None:
    assert_found(tmp_path, codes, text)


@pytest.mark.parametrize(
    "url", ["redis://h", "redis://user@10.0.0.1:6380/3", "rediss://h/", "unix:///run/redis.sock"]
)
def test_a_url_is_taken_as_it_is(url: str, tmp_path: Path) -> None:
    held = load(tmp_path, redis(f"{{url: '{url}'}}")).rate_limiting.redis

    assert held is not None
    assert held.url == url


def test_a_password_comes_from_the_environment_and_is_not_shown(tmp_path: Path) -> None:
    environ = {**ENVIRON, "REDIS": "rediss://:W0RD@h:6379/0"}

    held = load(tmp_path, redis("{url_env: REDIS}"), environ).rate_limiting.redis

    assert held is not None
    assert held.url == environ["REDIS"]
    assert "W0RD" not in repr(held)


@pytest.mark.parametrize("url", ["http://:W0RD@h", "redis://:W0RD@h?x=1", "redis://:W0RD@h:x"])
def test_no_message_repeats_what_is_in_the_variable(url: str, tmp_path: Path) -> None:
    outcome = outcome_of(tmp_path, redis("{url_env: REDIS}"), {**ENVIRON, "REDIS": url})

    assert isinstance(outcome, Rejected)
    assert "W0RD" not in "".join(map(str, outcome.faults))


@pytest.mark.parametrize(
    ("url", "is_doubted"),
    [
        ("redis://:word@10.0.0.1", True),
        ("redis://:word@127.0.0.1", False),
        ("redis://:word@localhost", False),
        ("rediss://:word@10.0.0.1", False),
        ("redis://10.0.0.1", False),
    ],
)
def test_a_password_that_can_be_read_on_its_way_is_doubted(url: str, is_doubted: bool) -> None:
    part = part_of(redis("{url_env: REDIS}"), "redis")
    faults: list[Fault] = []

    assert (
        build_redis(RedisModel(url_env="REDIS"), part, outside({"REDIS": url}), faults) is not None
    )

    assert [fault.code.value for fault in faults] == ["insecure_url"] * is_doubted


def test_without_the_extra_the_error_says_how_to_get_it() -> None:
    part = part_of(redis("{url: 'redis://h'}"), "redis")
    faults: list[Fault] = []

    built = build_redis(RedisModel(url="redis://h"), part, outside({}), faults, "no_such_package")

    assert built is None
    (fault,) = faults
    assert 'pip install "jwt-gateway[redis]"' in fault.message
    assert fault.code.value == "not_supported"
