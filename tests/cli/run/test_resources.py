"""Each process has descriptors for all connections, or a warning is printed."""

import resource
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.cli.run.resources import allow_many_descriptors, describe_too_few
from gateway.settings.values.configuration import Settings
from tests.proxy.gateways import load, write_config


@pytest.fixture
def limits() -> Iterator[tuple[int, int]]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield before
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_the_soft_limit_becomes_the_hard_one(limits: tuple[int, int]) -> None:
    _, hard = limits
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, hard))

    assert allow_many_descriptors() == hard

    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    loaded = load(write_config(tmp_path, ["http://127.0.0.1:1"], {}))
    return replace(loaded, limits=replace(loaded.limits, connections=1000))


# 1,000 connections, one issuer, and 64 others.
@pytest.mark.parametrize("descriptors", [1065, 1_000_000, -1])
def test_enough_are_nothing_to_speak_of(settings: Settings, descriptors: int) -> None:
    assert describe_too_few(descriptors, settings) is None


def test_too_few_are_told_with_both_numbers(settings: Settings) -> None:
    assert describe_too_few(1064, settings) == (
        "warning: 1000 connections (limits.connections) may take 1065 open files, and 1064 are "
        "allowed: raise the limit (ulimit -n) or lower it"
    )


def test_workers_share_the_connections_and_each_has_the_limit(settings: Settings) -> None:
    assert describe_too_few(399, settings, workers=3) is None  # 334 + 1 + 64
    assert describe_too_few(398, settings, workers=3) == (
        "warning: 334 connections in each of 3 workers (limits.connections) may take 399 open "
        "files, and 398 are allowed: raise the limit (ulimit -n) or lower it"
    )
