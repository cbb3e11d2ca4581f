"""A gateway without keys, or without a list that must be there, is not ready: unless it reports."""

from dataclasses import replace
from pathlib import Path

import pytest

from gateway.admin.readiness import judge_readiness
from gateway.settings.values import Settings
from tests.admin.test_issuers import STATUS as ISSUER
from tests.admin.test_revocations import STATUS as LIST
from tests.settings.configs import config, load

LISTS = """\
revocations:
  blocked: {url: "https://login.example.com/blocked"}
"""
ISSUERS = """\
issuers:
  main: {issuer: "https://a.example/", discovery: true, audiences: [orders], mode: MODE}
"""
NO_KEYS, NO_LIST = "no keys of issuer main", "no revocation list blocked"


def settings(directory: Path, mode: str = "enforce") -> Settings:
    return load(directory, config(LISTS, issuers=ISSUERS.replace("MODE", mode)))


def not_ready(wanted: Settings, has_keys: bool, has_list: bool, *faults: str) -> tuple[str, ...]:
    issuer, one = replace(ISSUER, loaded=has_keys), replace(LIST, loaded=has_list)
    return judge_readiness(wanted, [issuer], [one], faults).not_ready


@pytest.mark.parametrize(
    ("has_keys", "has_list", "reasons"),
    [
        (True, True, ()),
        (False, True, (NO_KEYS,)),
        (True, False, (NO_LIST,)),
        (False, False, (NO_KEYS, NO_LIST)),
    ],
)
def test_all_that_is_missing_is_named(
    has_keys: bool, has_list: bool, reasons: tuple[str, ...], tmp_path: Path
) -> None:
    assert not_ready(settings(tmp_path), has_keys, has_list) == reasons


def test_what_only_reports_keeps_no_traffic_away(tmp_path: Path) -> None:
    assert not_ready(settings(tmp_path, "report"), False, False) == ()


def test_a_list_that_lets_everybody_in_where_it_is_missing_is_not_missed(tmp_path: Path) -> None:
    one = replace(LIST, loaded=False, refuses_without=False)

    assert judge_readiness(settings(tmp_path), [ISSUER], [one], ()).not_ready == ()


def test_other_reasons_stand_behind_them(tmp_path: Path) -> None:
    assert not_ready(settings(tmp_path), False, True, "draining") == (NO_KEYS, "draining")


def test_how_keys_and_lists_stand_is_told_without_places_and_errors(tmp_path: Path) -> None:
    readiness = judge_readiness(settings(tmp_path), [ISSUER], [LIST], ())

    (issuer,), (one,) = readiness.issuers, readiness.revocations
    assert (issuer["name"], one["name"]) == ("main", "blocked")
    assert not {"last_error", "location", "source"} & {*issuer, *one}
