"""What changes of lists, grants and published documents mean."""

import json
from pathlib import Path

import pytest

from gateway.suites.differences.facet import Kind
from tests.suites.differences.configs import BASE, changes

A, B = {"jti": "a"}, {"sub": "b", "exp": 2_000_000_000}
OPENED, KEYS, CLOSED, LOOSENED = Kind.OPENED, Kind.KEYS, Kind.CLOSED, Kind.LOOSENED


def kinds(directory: Path, new: str, old: str) -> dict[str, set[Kind]]:
    return {f"{one.subject}: {one.facet}": set(one.kinds) for one in changes(directory, new, old)}


def with_list(directory: Path, name: str, text: str, more: str = "") -> str:
    (directory / name).write_text(text)
    return f"{BASE}revocations: {{lost: {{file: {name}, issuers: [main, partner]{more}}}}}\n"


def revoked(*entries: object) -> str:
    return json.dumps({"revoked": entries})


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (revoked(A, B), revoked(), {OPENED}),
        (revoked(A), revoked(B), {OPENED, CLOSED}),
        (revoked(A), revoked(B, A), {CLOSED}),
        (revoked(A), "no list", {OPENED, KEYS}),
    ],
    ids=["all are gone", "another one", "one more", "unreadable"],
)
def test_an_entry_that_is_gone_opens_and_one_more_closes(
    old: str, new: str, expected: set[Kind], tmp_path: Path
) -> None:
    before, after = with_list(tmp_path, "old.json", old), with_list(tmp_path, "new.json", new)

    assert kinds(tmp_path, after, before) == {"revocation list: location": expected}


def test_the_order_of_a_list_and_its_spelling_make_no_difference(tmp_path: Path) -> None:
    before = with_list(tmp_path, "old.json", revoked(A, B))
    after = with_list(tmp_path, "new.json", json.dumps({"revoked": [B, A]}, indent=2))

    assert kinds(tmp_path, after, before) == {}


def test_a_list_that_counts_less_is_told(tmp_path: Path) -> None:
    before = with_list(tmp_path, "a.json", revoked(A))
    lax = with_list(tmp_path, "a.json", revoked(A), ", on_failure: allow")

    assert kinds(tmp_path, lax, before) == {"revocation list: on_failure": {LOOSENED}}
    assert kinds(tmp_path, before, lax) == {"revocation list: on_failure": {CLOSED}}
    fewer = before.replace("[main, partner]", "[main]")
    assert kinds(tmp_path, fewer, before) == {"revocation list: issuers": {OPENED}}
    assert kinds(tmp_path, BASE, before) == {"revocation list: ": {OPENED}}
    assert kinds(tmp_path, before, BASE) == {"revocation list: ": {CLOSED}}


GRANTS = [
    ("may: [issuers]", "may: [issuers, environment]", {LOOSENED}),
    ("may: [issuers, files]", "may: [issuers]", {CLOSED}),
    ("may: [issuers]", "may: [issuers-for-all]", {LOOSENED}),
    ("may: [issuers], hosts: [a.example]", "may: [issuers]", {LOOSENED}),
    ("may: [issuers]", "may: [issuers], hosts: [a.example]", {CLOSED}),
    ("hosts: [a.example]", "hosts: [a.example, b.example]", {LOOSENED}),
    ("under: [/a/, /b/]", "under: [/a/]", {CLOSED}),
]


@pytest.mark.parametrize(("old", "new", "expected"), GRANTS)
def test_files_that_may_declare_more_or_elsewhere_loosen(
    old: str, new: str, expected: set[Kind], tmp_path: Path
) -> None:
    def including(entry: str) -> str:
        return f"{BASE}include: [{{files: routes.d/*.yaml, {entry}}}]\n"

    (tmp_path / "routes.d").mkdir()
    match = "{hosts: [a.example], path: /a/x}"
    route = f"{{name: included, match: {match}, upstream: orders, public: true}}"
    (tmp_path / "routes.d" / "one.yaml").write_text(f"routes: [{route}]\n")
    assert kinds(tmp_path, including(new), including(old)) == {"include: may": expected}


def test_another_authorization_server_is_another_authority(tmp_path: Path) -> None:
    resource = "resource: https://api.example/, name: An API"
    old = f"{BASE}resources: {{api: {{{resource}, authorization_servers: [main]}}}}\n"
    new = old.replace("[main]}}", "[main, partner]}}").replace("An API", "The API")

    found = kinds(tmp_path, new, old)

    assert found == {
        "resource: authorization_servers": {KEYS},
        "resource: resource_name": set(),
    }


def test_a_longer_list_of_an_issuer_that_only_reports_opens(tmp_path: Path) -> None:
    """A token on the list passes, and no rule of a route is asked about it."""

    def reporting(name: str, *entries: object) -> str:
        text = with_list(tmp_path, name, revoked(*entries))
        return text.replace("profile: rfc9068", "profile: rfc9068, mode: report")

    before, after = reporting("old.json", A), reporting("new.json", A, B)

    assert kinds(tmp_path, after, before) == {"revocation list: location": {OPENED}}
    assert kinds(tmp_path, before, after) == {"revocation list: location": {OPENED}}
