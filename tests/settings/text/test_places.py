"""Every route, issuer and setting is found where it stands, in whichever file."""

from pathlib import Path

import pytest

from gateway.settings.text.files import read_sources
from gateway.settings.text.places import Places

MAIN = """\
version: 1
include: [team.yaml]
issuers:
  main:
    issuer: https://login.example.com/
    discovery: true
    audiences: [orders]
limits:
  token: 4KiB
routes:
  - name: health
    match: {path: /healthz}
    public: true
    upstream: orders
"""

TEAM = """\
issuers:
  partner:
    issuer: https://partner.example.com/
upstreams:
  orders: {servers: ["http://10.0.0.7:8000"]}
routes:
  - name: orders
    match:
      path_prefix: /orders/
    require:
      scopes: [orders:read]
      claims:
        tenant: {equals: acme}
    upstream: orders
"""


@pytest.fixture
def places(tmp_path: Path) -> Places:
    (tmp_path / "gateway.yaml").write_text(MAIN)
    (tmp_path / "team.yaml").write_text(TEAM)
    return Places(read_sources(tmp_path / "gateway.yaml", {}, []))


@pytest.mark.parametrize(
    ("name", "keys", "file", "line"),
    [
        ("health", (), "gateway.yaml", 11),
        ("health", ("public",), "gateway.yaml", 13),
        ("orders", (), "team.yaml", 7),
        ("orders", ("match",), "team.yaml", 8),
        ("orders", ("require", "scopes"), "team.yaml", 11),
        ("orders", ("require", "claims", "tenant"), "team.yaml", 13),
        ("orders", ("require", "audiences"), "team.yaml", 10),
        ("nobody", (), "gateway.yaml", 1),
    ],
)
def test_a_routes_settings_have_their_lines(
    places: Places, name: str, keys: tuple[str, ...], file: str, line: int
) -> None:
    place = places.of_route(name, *keys)

    assert (Path(place.file).name, place.line) == (file, line)


@pytest.mark.parametrize(
    ("name", "keys", "file", "line"),
    [
        ("main", (), "gateway.yaml", 4),
        ("main", ("audiences",), "gateway.yaml", 7),
        ("main", ("leeway",), "gateway.yaml", 4),
        ("partner", ("issuer",), "team.yaml", 3),
    ],
)
def test_an_issuers_settings_have_their_lines(
    places: Places, name: str, keys: tuple[str, ...], file: str, line: int
) -> None:
    place = places.of_issuer(name, *keys)

    assert (Path(place.file).name, place.line) == (file, line)


def test_other_settings_are_those_of_the_main_file(places: Places) -> None:
    assert places.of("limits", "token").line == 9


def test_a_file_without_routes_has_none(tmp_path: Path) -> None:
    (tmp_path / "gateway.yaml").write_text("version: 1\n")
    places = Places(read_sources(tmp_path / "gateway.yaml", {}, []))

    assert places.of_route("health").line == 1


def test_what_is_written_of_a_name_can_be_looked_into(places: Places) -> None:
    assert places.route("orders").child("require").child("scopes").raw == ["orders:read"]
    assert places.issuer("partner").child("issuer").raw == "https://partner.example.com/"
    assert places.upstream("orders").child("servers").raw == ["http://10.0.0.7:8000"]
    assert places.main().child("version").raw == 1
    assert places.upstream("nobody") is places.main()


def test_the_text_of_every_file_is_at_hand(places: Places) -> None:
    assert [document.text for document in places.documents] == [MAIN, TEAM]
