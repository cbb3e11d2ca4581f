"""What an issuer means, in words."""

from pathlib import Path

from gateway.suites.differences.issuer_facets import file_digest, issuer_facets
from tests.suites.differences.configs import BASE, load


def test_everything_that_an_issuer_says_is_told(tmp_path: Path) -> None:
    issuers = load(tmp_path, BASE).settings.issuers

    found = {key: one.text for key, one in issuer_facets("main", issuers["main"]).items()}

    assert found == {
        "name": "main",
        "keys": "discovery https://login.example/",
        "ca": "any",
        "audiences": "orders",
        "algorithms": "ES256, EdDSA, RS256",
        "profile": "rfc9068",
        "leeway": "30 s",
        "mode": "enforce",
    }


def test_a_file_is_what_is_in_it_or_else_its_name(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text("same")

    assert file_digest(str(tmp_path / "a")) == file_digest(str(tmp_path / "b"))
    assert file_digest(str(tmp_path / "gone")) == str(tmp_path / "gone")
