"""A new gateway is ready once all required keys and lists were loaded."""

from dataclasses import replace
from pathlib import Path

import pytest

from gateway.admin.readiness import Readiness, judge_readiness
from gateway.settings.values.configuration import Settings
from tests.admin.test_issuers import STATUS as ISSUER
from tests.admin.test_revocations import STATUS as LIST
from tests.settings.configs import config, load

LISTS = """\
revocations:
  blocked: {url: "https://login.example.com/blocked"LIST}
"""
ISSUERS = """\
issuers:
  main: {issuer: "https://a.example/", discovery: true, audiences: [orders]ISSUER}
"""
NO_KEYS, NO_LIST = "no keys of issuer main", "no revocation list blocked"


def settings(directory: Path, issuer: str = "", blocked: str = "") -> Settings:
    """Return a configuration with one issuer and one list; each says what follows the comma."""
    issuers = ISSUERS.replace("ISSUER", issuer and f", {issuer}")
    lists = LISTS.replace("LIST", blocked and f", {blocked}")
    return load(directory, config(lists, issuers=issuers))


def judge(
    wanted: Settings, has_keys: bool, has_list: bool, *faults: str, awaits: bool = True
) -> Readiness:
    issuer = replace(ISSUER, loaded=has_keys, was_loaded=has_keys)
    one = replace(LIST, loaded=has_list, was_loaded=has_list)
    return judge_readiness(wanted, [issuer], [one], faults, awaits=awaits)


@pytest.mark.parametrize(
    ("has_keys", "has_list", "reasons"),
    [
        (True, True, ()),
        (False, True, (NO_KEYS,)),
        (True, False, (NO_LIST,)),
        (False, False, (NO_KEYS, NO_LIST)),
    ],
)
def test_all_that_was_never_loaded_is_named(
    has_keys: bool, has_list: bool, reasons: tuple[str, ...], tmp_path: Path
) -> None:
    readiness = judge(settings(tmp_path), has_keys, has_list)

    assert readiness.not_ready == readiness.awaited == reasons
    assert readiness.issuers[0]["awaited"] is not has_keys
    assert readiness.revocations[0]["awaited"] is not has_list


def test_what_is_lost_later_leaves_a_gateway_ready(tmp_path: Path) -> None:
    """All gateways lose it at once: none would be left to serve the other issuers."""
    issuer, one = replace(ISSUER, loaded=False), replace(LIST, loaded=False)

    readiness = judge_readiness(settings(tmp_path), [issuer], [one], ())

    assert readiness.not_ready == ()
    assert (readiness.issuers[0]["loaded"], readiness.revocations[0]["loaded"]) == (False, False)


def test_a_gateway_that_was_ready_waits_for_nothing(tmp_path: Path) -> None:
    readiness = judge(settings(tmp_path), False, False, "draining", awaits=False)

    assert (readiness.not_ready, readiness.awaited) == (("draining",), ())


@pytest.mark.parametrize(
    ("issuer", "blocked", "reasons"),
    [
        ("mode: report", "", ()),
        ("required: false", "", ()),
        ("", "on_failure: allow", (NO_KEYS,)),
        ("", "required: false", (NO_KEYS,)),
        ("required: true", "required: true", (NO_KEYS, NO_LIST)),
    ],
)
def test_what_is_not_required_keeps_no_traffic_away(
    issuer: str, blocked: str, reasons: tuple[str, ...], tmp_path: Path
) -> None:
    wanted = settings(tmp_path, issuer, blocked)

    assert judge(wanted, False, False).not_ready == reasons
    assert wanted.requires_issuer("main") is (NO_KEYS in reasons)
    assert wanted.requires_list("blocked") is (NO_LIST in reasons)


def test_other_reasons_stand_behind_them(tmp_path: Path) -> None:
    assert judge(settings(tmp_path), False, True, "draining").not_ready == (NO_KEYS, "draining")


def test_how_keys_and_lists_stand_is_told_without_places_and_errors(tmp_path: Path) -> None:
    readiness = judge(settings(tmp_path), True, True)

    (issuer,), (one,) = readiness.issuers, readiness.revocations
    assert (issuer["name"], one["name"]) == ("main", "blocked")
    assert not {"last_error", "location", "source"} & {*issuer, *one}
