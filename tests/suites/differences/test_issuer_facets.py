"""What an issuer means, in words."""

from dataclasses import replace
from pathlib import Path

from gateway.decision.tenants import Tenants
from gateway.settings.values.configuration import Proxy
from gateway.suites.differences.facet import differing
from gateway.suites.differences.issuer_facets import file_digest, issuer_facets
from tests.settings.build.issuers.introspected import introspected
from tests.settings.configs import load as load_settings
from tests.suites.differences.configs import BASE, load


def test_everything_that_an_issuer_says_is_told(tmp_path: Path) -> None:
    issuers = load(tmp_path, BASE).settings.issuers

    found = {key: one.text for key, one in issuer_facets("main", issuers["main"]).items()}

    assert found == {
        "name": "main",
        "keys": "discovery https://login.example/",
        "ca": "any",
        "proxy": "none",
        "insecure": "no",
        "audiences": "orders",
        "algorithms": "ES256, EdDSA, RS256",
        "profile": "rfc9068",
        "require": "none",
        "scopes_from": "scope, scp",
        "id_token_signals": "at_hash, azp, c_hash, nonce, token_use, typ",
        "leeway": "30 s",
        "mode": "enforce",
        "tenants": "none",
        "also_issued_as": "none",
        "judged by": "its keys",
    }


RULES = "require: {claims: {hd: {equals: a.example}, tid: {exists: true}}}"
SOURCES = "scopes_from: [scp, {claim: realm.roles, prefix: 'role:'}]"


def test_what_the_tokens_of_an_issuer_must_be_is_told(tmp_path: Path) -> None:
    more = f"{RULES}, {SOURCES}, id_token_signals: []"
    issuers = load(tmp_path, BASE.replace("profile: rfc9068", more)).settings.issuers

    found = issuer_facets("main", issuers["main"])

    assert found["require"].text == "hd equals a.example and tid exists true"
    assert found["scopes_from"].text == "scp, realm.roles as role:…"
    assert found["id_token_signals"].text == "none"


def test_tenants_are_told_and_counted_if_there_are_many(tmp_path: Path) -> None:
    main = load(tmp_path, BASE).settings.issuers["main"]

    def told(allowed: set[str] | None) -> dict[str, str]:
        patterns = ("https://a/{tenantid}/", "https://b/{tenantid}/")
        tenants = Tenants(("tid",), None if allowed is None else frozenset(allowed), patterns)
        settings = replace(main, issuer=replace(main.issuer, tenants=tenants))
        return {name: one.text for name, one in issuer_facets("main", settings).items()}

    assert told({"b", "a"})["tenants"] == "a, b in tid"
    assert told({f"t{number}" for number in range(9)})["tenants"] == (
        "t0, t1, t2, t3, t4 and 4 more in tid"
    )
    assert told(set())["tenants"] == "no tenant in tid"
    assert told(None)["tenants"] == "any tenant in tid"
    assert told(None)["also_issued_as"] == "https://b/{tenantid}/"


def test_another_name_of_an_issuer_is_told(tmp_path: Path) -> None:
    main = load(tmp_path, BASE).settings.issuers["main"]
    named = replace(main, issuer=replace(main.issuer, also_issued_as=("b", "a")))

    assert issuer_facets("main", named)["also_issued_as"].text == "a, b"


def test_a_proxy_is_told_without_its_password_and_compared_with_it(tmp_path: Path) -> None:
    main = load(tmp_path, BASE).settings.issuers["main"]
    one, other = (
        replace(main.source, proxy=Proxy("http://proxy:3128", "gateway", password))
        for password in ("s3cret", "renewed")
    )

    before, after = (issuer_facets("main", replace(main, source=it)) for it in (one, other))

    assert before["proxy"].text == "http://proxy:3128"
    assert [name for name, _, _ in differing(before, after)] == ["proxy"]


def test_an_issuer_that_becomes_insecure_is_told(tmp_path: Path) -> None:
    main = load(tmp_path, BASE).settings.issuers["main"]
    insecure = replace(main, source=replace(main.source, is_insecure=True))

    found = list(differing(issuer_facets("main", main), issuer_facets("main", insecure)))

    assert [(name, old and old.text, new and new.text) for name, old, new in found] == [
        ("insecure", "no", "yes")
    ]


def test_a_file_is_what_is_in_it_or_else_its_name(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text("same")

    assert file_digest(str(tmp_path / "a")) == file_digest(str(tmp_path / "b"))
    assert file_digest(str(tmp_path / "gone")) == str(tmp_path / "gone")


def test_how_an_issuer_is_asked_about_tokens_is_told(tmp_path: Path) -> None:
    (idp,) = load_settings(tmp_path, introspected()).issuers.values()
    assert idp.introspection is not None
    other = replace(idp, introspection=replace(idp.introspection, cache_seconds=5.0, signed=True))

    found = list(differing(issuer_facets("idp", idp), issuer_facets("idp", other)))

    assert [(name, old and old.text, new and new.text) for name, old, new in found] == [
        ("introspection.response", "json", "jwt"),
        ("introspection.cache", "60 s", "5 s"),
    ]
    assert issuer_facets("idp", idp)["credential"].text == "a secret"
