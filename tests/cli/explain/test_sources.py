"""Revocation lists are read once, from files and URLs; a failure has a reason."""

from pathlib import Path

from gateway.cli.explain.sources import find_lists
from gateway.decision.revocation import RevocationRule
from gateway.settings.values.configuration import FetchTimes, RevocationSettings
from tests.cli.peers import closed_port, http_peer

LIST = b'{"revoked": [{"jti": "gone"}]}'


def settings(location: str, *, is_file: bool, name: str = "blocked") -> RevocationSettings:
    rule = RevocationRule(name, frozenset({"main"}), refuses_without=True)
    return RevocationSettings(rule, location, is_file, FetchTimes(60.0, 60.0, 5.0))


async def test_a_list_is_read_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "list").write_bytes(LIST)

    found = await find_lists([settings(str(tmp_path / "list"), is_file=True)])

    assert found.errors == ()
    assert found.lists["blocked"].revokes({"jti": "gone"}, None, 0.0, 0.0)
    assert not found.lists["blocked"].revokes({"jti": "here"}, None, 0.0, 0.0)


async def test_a_list_is_fetched_from_its_url() -> None:
    with http_peer(LIST) as url:
        found = await find_lists([settings(f"{url}/list?key=hush", is_file=False)])

    assert (found.errors, found.lists["blocked"].size) == ((), 1)


async def test_a_list_that_cannot_be_had_is_absent_and_has_a_reason(tmp_path: Path) -> None:
    (tmp_path / "bad").write_text('{"revoked": [{}]}')
    (tmp_path / "good").write_bytes(LIST)
    url = f"http://127.0.0.1:{closed_port()}/list?key=hush"

    found = await find_lists(
        [
            settings(str(tmp_path / "missing"), is_file=True, name="missing"),
            settings(str(tmp_path / "bad"), is_file=True, name="bad"),
            settings(url, is_file=False, name="far"),
            settings(str(tmp_path / "good"), is_file=True),
        ]
    )

    assert list(found.lists) == ["blocked"]
    assert [error.partition(": ")[0] for error in found.errors] == [
        "revocation list missing",
        "revocation list bad",
        "revocation list far",
    ]
    assert found.errors[0].endswith("missing: No such file or directory")
    assert found.errors[1].endswith("entry 0: has neither jti, sub nor client_id")
    assert "hush" not in found.errors[2]


async def test_what_a_url_answers_is_named_without_its_secrets() -> None:
    with http_peer(b"[]") as url:
        found = await find_lists([settings(f"{url}/list?key=hush", is_file=False)])

    assert found.errors == (f"revocation list blocked: {url}/list: not a JSON object",)
