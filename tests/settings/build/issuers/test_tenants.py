"""Issuers with tenants: which are accepted, and under which names they sign."""

from pathlib import Path

import pytest

from gateway.decision.tenants import Tenants
from gateway.settings.values.configuration import Settings
from tests.assertion.callers import signing_pem
from tests.settings.configs import assert_found, config, faults, load

V2 = "https://login.example/{tenantid}/v2.0"
V1 = "https://sts.example/{tenantid}/"
GUID = "72f988bf-86f1-41af-91ab-2d7cd011db47"
KEYS = 'jwks_url: "https://login.example/keys", audiences: [orders]'


def issuers(*texts: str) -> str:
    names = ("main", "other", "third")
    written = "".join(f"  {name}: {{{text}}}\n" for name, text in zip(names, texts, strict=False))
    return config(issuers=f"issuers:\n{written}")


def one(tenants: str, more: str = "") -> str:
    return issuers(f'issuer: "{V2}", {KEYS}, tenants: {tenants}{more}')


def tenants_of(settings: Settings) -> Tenants:
    tenants = settings.issuers["main"].issuer.tenants
    assert tenants is not None
    return tenants


def test_tenants_are_listed_in_the_configuration(tmp_path: Path) -> None:
    more = f', also_issued_as: ["{V1}"]'

    settings = load(tmp_path, one(f"{{claim: tid, allow: [acme, {GUID}]}}", more))

    assert tenants_of(settings) == Tenants(("tid",), frozenset({"acme", GUID}), (V2, V1))
    assert settings.policy.issuers == {}
    assert settings.policy.tenants is not None
    found = settings.policy.tenants.find(V1.replace("{tenantid}", GUID))
    assert found is settings.issuers["main"].issuer


def test_tenants_are_listed_in_a_file(tmp_path: Path) -> None:
    text = f"\ufeff# ours\nacme\r\n\n  globex  # a partner\n{GUID}"
    (tmp_path / "tenants.txt").write_text(text, "utf-8")

    settings = load(tmp_path, one("{claim: org.id, allow_file: tenants.txt}"))

    allowed = frozenset({"acme", "globex", GUID})
    assert tenants_of(settings) == Tenants(("org", "id"), allowed, (V2,))


def test_a_thousand_tenants_are_one_line(tmp_path: Path) -> None:
    names = ", ".join(f"t{number}" for number in range(1000))

    settings = load(tmp_path, one(f"{{allow: [{names}]}}"))

    assert len(tenants_of(settings).allowed or ()) == 1000
    assert tenants_of(settings).claim == ("tid",)
    assert [one.name for one in settings.policy.trusted] == ["main"]


def test_other_names_of_an_issuer_without_tenants_are_exact(tmp_path: Path) -> None:
    text = f'issuer: "https://g.example", also_issued_as: [g.example], {KEYS}'

    settings = load(tmp_path, issuers(text))

    issuer = settings.issuers["main"].issuer
    assert settings.policy.issuers == {"https://g.example": issuer, "g.example": issuer}
    assert settings.policy.tenants is None
    assert settings.policy.trusted == [issuer]


def test_an_issuer_of_one_tenant_may_stand_beside_one_of_any(tmp_path: Path) -> None:
    """It is found first: by its exact `iss`."""
    exact = V2.replace("{tenantid}", "acme")
    text = issuers(f'issuer: "{V2}", {KEYS}, tenants: {{allow: any}}', f'issuer: "{exact}", {KEYS}')

    settings = load(tmp_path, text)

    assert settings.policy.issuers[exact].name == "other"


MISTAKES = [
    ("missing_key", f'issuer: ¦"{V2}", {KEYS}'),
    ("conflicting_keys", f'issuer: "https://a.example", {KEYS}, ¦tenants: {{allow: [a]}}'),
    ("bad_value", f'issuer: ¦"https://a.example/{{tenant}}", {KEYS}, tenants: {{allow: [a]}}'),
    ("bad_value", f'issuer: ¦"https://a.example/{{tenantid}}/{{tenantid}}", {KEYS}, '
                  "tenants: {allow: [a]}"),
    ("bad_value", f'issuer: ¦"https://a.example/x{{tenantid}}", {KEYS}, tenants: {{allow: [a]}}'),
    ("bad_value", f'issuer: "{V2}", also_issued_as: [¦"https://b.example"], {KEYS}, '
                  "tenants: {allow: [a]}"),
    ("bad_value", f'issuer: ¦"https://b.example", also_issued_as: ["{V2}"], {KEYS}, '
                  "tenants: {allow: [a]}"),
    ("duplicate_value", f'issuer: "https://a.example", also_issued_as: [b, ¦b], {KEYS}'),
    ("conflicting_keys", f'issuer: "{V2}", {KEYS}, ¦tenants: {{claim: tid}}'),
    ("conflicting_keys", f'issuer: "{V2}", {KEYS}, ¦tenants: {{allow: [a], allow_file: a.txt}}'),
    ("wrong_type", f'issuer: "{V2}", {KEYS}, tenants: {{allow: ¦all}}'),
    ("empty_list", f'issuer: "{V2}", {KEYS}, tenants: {{allow: ¦[]}}'),
    ("duplicate_value", f'issuer: "{V2}", {KEYS}, tenants: {{allow: [a, ¦a]}}'),
    ("bad_value", f'issuer: "{V2}", {KEYS}, tenants: {{allow: [¦a/b]}}'),
    ("bad_value", f'issuer: "{V2}", {KEYS}, tenants: {{allow: [¦{GUID.upper()}]}}'),
    ("bad_value", f'issuer: "{V2}", {KEYS}, tenants: {{claim: ¦a..b, allow: [a]}}'),
    ("missing_file", f'issuer: "{V2}", {KEYS}, tenants: {{allow_file: ¦none.txt}}'),
    ("missing_file", f'issuer: "{V2}", {KEYS}, tenants: {{allow_file: ¦binary.txt}}'),
    ("bad_value", f'issuer: "{V2}", {KEYS}, tenants: {{allow_file: ¦bad.txt}}'),
    ("bad_value", f'issuer: "{V2}", {KEYS}, tenants: {{allow_file: ¦twice.txt}}'),
    ("no_tenant", f'issuer: "{V2}", {KEYS}, tenants: {{allow_file: ¦empty.txt}}'),
    ("tenants_unchecked", f'issuer: "{V2}", {KEYS}, tenants: {{allow: ¦any}}'),
    ("conflicting_keys", f'issuer: "{V2}", audiences: [a], tenants: {{allow: [a]}}, '
                         "¦introspection: {url: 'https://a.example/i', client_id: g, "
                         "client_secret: '${CLIENT_SECRET}'}"),
    ("conflicting_keys", f'issuer: "{V2}", ¦discovery: true, audiences: [a], '
                         "tenants: {allow: [a]}"),
]  # fmt: skip


@pytest.mark.parametrize(("codes", "text"), MISTAKES)
def test_each_mistake_about_tenants_is_found_at_its_place(
    codes: str, text: str, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("a\n")
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe\n")
    (tmp_path / "bad.txt").write_text("a\nb/c\n")
    (tmp_path / "twice.txt").write_text("a\n# a\na # again\n")
    (tmp_path / "empty.txt").write_text("# nobody\n")

    assert_found(tmp_path, codes, issuers(text))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("bad.txt", "a\n\nb/c\n", "line 3: `b/c` is not a tenant"),
        ("twice.txt", "a\n# a\na # again\n", "line 3: `a` is in line 1 already"),
        (
            "upper.txt",
            f"{GUID.upper()}\n",
            f"line 1: tokens have GUIDs in lower case: write {GUID}",
        ),
        ("strange.txt", "a\u2028b\n", "line 1: "),
    ],
)
def test_a_fault_in_the_file_has_its_line(
    name: str, text: str, message: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(text, "utf-8")

    (fault,) = faults(tmp_path, one(f"{{allow_file: {name}}}"))

    assert fault.message.startswith(message)


@pytest.mark.parametrize(
    "text",
    [
        issuers(
            f'issuer: "{V2}", {KEYS}, tenants: {{allow: [acme, b]}}',
            f'issuer: ¦"{V2.replace("{tenantid}", "acme")}", {KEYS}',
        ),
        issuers(
            f'issuer: "{V2.replace("{tenantid}", "acme")}", {KEYS}',
            f'issuer: "{V2}", {KEYS}, tenants: ¦{{allow: [acme, b]}}',
        ),
        issuers(
            f'issuer: "{V1}", also_issued_as: ["{V2}"], {KEYS}, tenants: {{allow: [acme]}}',
            f'issuer: ¦"{V2}", {KEYS}, tenants: {{allow: [globex]}}',
        ),
        issuers(
            f'issuer: "https://a.example", {KEYS}, also_issued_as: [g]',
            f'issuer: "https://b.example", {KEYS}, also_issued_as: [¦g]',
        ),
    ],
)
def test_no_token_could_be_of_two_issuers(text: str, tmp_path: Path) -> None:
    assert_found(tmp_path, "duplicate_issuer", text)


def test_two_issuers_of_any_tenant_cannot_share_an_iss(tmp_path: Path) -> None:
    text = issuers(
        f'issuer: "https://a.example/{{tenantid}}", {KEYS}, tenants: {{allow: any}}',
        f'issuer: "https://a.example/{{tenantid}}/v2", {KEYS}, tenants: {{allow: any}}',
    )

    found = [one for one in faults(tmp_path, text) if one.code.value == "duplicate_issuer"]

    assert len(found) == 1


def test_an_assertion_cannot_have_a_name_that_a_tenant_may_have(tmp_path: Path) -> None:
    """RFC 8725 §3.12"""
    own = V2.replace("{tenantid}", "acme")
    text = one("{allow: [acme]}").replace(
        "upstreams:", f'identity: {{assertion: {{issuer: "{own}", keys: [k.pem]}}}}\nupstreams:'
    )
    (tmp_path / "k.pem").write_bytes(signing_pem("ES256"))

    assert [one.code.value for one in faults(tmp_path, text)] == ["duplicate_issuer"]
