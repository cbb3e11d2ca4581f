"""Issuers: one key source each, and an allow list that fits it."""

from pathlib import Path

import pytest

from gateway.decision.algorithms import ML_DSA_ALGORITHMS
from gateway.decision.policy import Profile
from gateway.settings.build.issuers.issuers import refuse_unavailable
from gateway.settings.text.document import Part
from gateway.settings.text.fault import Fault
from gateway.settings.text.yaml_nodes import parse_yaml
from gateway.settings.values.configuration import IssuerSettings, SourceKind
from tests.settings.configs import SECRET, assert_found, config, faults, load, one_issuer

# A fault code, and a configuration with a mark where the fault must point.
MISTAKES = [
    ("missing_key", config(issuers='issuers:\n  ¦main: {issuer: "https://a", audiences: [a]}\n')),
    ("missing_key", config(issuers='issuers:\n  ¦main: {issuer: "https://a", discovery: true}\n')),
    (
        "conflicting_keys",
        one_issuer(
            '{issuer: "https://a", discovery: true, ¦jwks_url: "https://a", audiences: [a]}'
        ),
    ),
    ("insecure_url", one_issuer('{issuer: ¦"http://a.example", discovery: true, audiences: [a]}')),
    (
        "insecure_url",
        one_issuer('{issuer: "https://a", jwks_url: ¦"http://a.example/k", audiences: [a]}'),
    ),
    ("missing_file", one_issuer("{issuer: a, jwks_file: ¦nope.json, audiences: [a]}")),
    ("missing_file", one_issuer("{issuer: a, pem_file: ¦nope.pem, audiences: [a]}")),
    (
        "bad_value",
        one_issuer('{issuer: "https://a", discovery: true, audiences: [a], algorithms: [¦HS256]}'),
    ),
    (
        "duplicate_value",
        one_issuer(
            '{issuer: "https://a", discovery: true, audiences: [a], algorithms: [RS256, ¦RS256]}'
        ),
    ),
    (
        "bad_value",
        one_issuer("{issuer: a, secret_env: SECRET, audiences: [a], algorithms: [¦RS256]}"),
    ),
    ("weak_secret", one_issuer("{issuer: a, secret_env: ¦SHORT, audiences: [a]}")),
    ("weak_secret", one_issuer("{issuer: a, secret_env: ¦PEM, audiences: [a]}")),
    ("weak_secret", one_issuer("{issuer: a, secret_env: ¦SSH, audiences: [a]}")),
    ("weak_secret", one_issuer("{issuer: a, secret_env: ¦DULL, audiences: [a]}")),
    ("unset_variable", one_issuer("{issuer: a, secret_env: ¦NOT_SET, audiences: [a]}")),
    (
        "duplicate_issuer",
        config(
            issuers='issuers:\n  a: {issuer: "https://a", discovery: true, audiences: [a]}\n'
            '  b: {issuer: ¦"https://a", discovery: true, audiences: [b]}\n'
        ),
    ),
    (
        "bad_value",
        one_issuer(
            '{issuer: ¦"https://a/.well-known/openid-configuration", discovery: true,'
            " audiences: [a]}"
        ),
    ),
    (
        "conflicting_keys",
        one_issuer(
            '{issuer: "https://a", discovery: true, ¦discovery_url: "https://a", audiences: [a]}'
        ),
    ),
    (
        "insecure_url",
        one_issuer('{issuer: "https://a", discovery_url: ¦"http://a.example", audiences: [a]}'),
    ),
    (
        "insecure_url",
        one_issuer('{issuer: "http://keycloak", discovery: true, insecure: ¦true, audiences: [a]}'),
    ),
    (
        "insecure_url insecure_url",
        one_issuer('{issuer: a, jwks_url: ¦"http://8.8.8.8/k", insecure: ¦true, audiences: [a]}'),
    ),
    (
        "conflicting_keys insecure_url",
        one_issuer("{issuer: a, secret_env: SECRET, audiences: [a], ¦insecure: ¦true}"),
    ),
    ("bad_value", one_issuer('{issuer: ¦"https://a/?b", discovery: true, audiences: [a]}')),
    ("audience_unchecked", one_issuer("{issuer: a, secret_env: SECRET, audiences: ¦unchecked}")),
    ("insecure_url", one_issuer('{issuer: ¦"http://a", secret_env: SECRET, audiences: [a]}')),
    (
        "report_only",
        one_issuer("{issuer: a, secret_env: SECRET, audiences: [a], mode: ¦report}"),
    ),
]


@pytest.mark.parametrize(("codes", "text"), MISTAKES)
def test_each_mistake_about_an_issuer_is_found_at_its_place_and_nothing_else_is(
    codes: str, text: str, tmp_path: Path
) -> None:
    assert_found(tmp_path, codes, text)


POOL = "preset: cognito, user_pool: eu-west-1_a1B2c3D4e, clients: [4d5e6f7a8b9c0d1e2f3a4b5c6d]"


@pytest.mark.parametrize(
    ("codes", "text"),
    [
        ("", f"{{{POOL}}}"),
        ("", f"{{{POOL}, require: {{claims: {{groups: {{contains: staff}}}}}}}}"),
        ("audience_unchecked", f"{{{POOL}, audiences: ¦unchecked}}"),
        (
            "audience_unchecked",
            "{preset: zitadel, domain: shop-a1b2c3.zitadel.cloud, project: '294612345678901234',"
            " audiences: ¦unchecked}",
        ),
        (
            "audience_unchecked",
            "{issuer: a, secret_env: SECRET, audiences: ¦unchecked,"
            " require: {claims: {client_id: {in: [b]}}}}",
        ),
    ],
)
def test_a_preset_that_names_its_clients_needs_no_audience(
    codes: str, text: str, tmp_path: Path
) -> None:
    assert_found(tmp_path, codes, one_issuer(text))


def issuer(directory: Path, text: str) -> IssuerSettings:
    """Return the issuer whose key source and the like are *text*."""
    rest = "" if "audiences" in text else ", audiences: [orders]"
    return load(directory, one_issuer(f"{{{text}{rest}}}")).issuers["main"]


@pytest.mark.parametrize(
    ("text", "kind", "location"),
    [
        ('issuer: "https://a/", discovery: true', SourceKind.DISCOVERY, "https://a/"),
        ('issuer: a, jwks_url: "https://a/keys?v=1"', SourceKind.JWKS_URL, "https://a/keys?v=1"),
        (
            'issuer: a, discovery_url: "https://a/.well-known/openid-configuration"',
            SourceKind.DISCOVERY_URL,
            "https://a/.well-known/openid-configuration",
        ),
        (
            'issuer: a, jwks_url: "http://10.0.0.8/k", insecure: true',
            SourceKind.JWKS_URL,
            "http://10.0.0.8/k",
        ),
        ("issuer: a, secret_env: SECRET", SourceKind.SECRET, "SECRET"),
    ],
)
def test_a_key_source_is_where_it_is_said_to_be(
    text: str, kind: SourceKind, location: str, tmp_path: Path
) -> None:
    source = issuer(tmp_path, text).source

    assert (source.kind, source.location) == (kind, location)
    assert source.secret == (SECRET.encode() if kind is SourceKind.SECRET else None)


@pytest.mark.parametrize("kind", [SourceKind.JWKS_FILE, SourceKind.PEM_FILE])
def test_a_key_file_is_found_beside_the_configuration(kind: SourceKind, tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("")

    source = issuer(tmp_path, f"issuer: a, {kind.value}: keys").source

    assert (source.kind, source.location) == (kind, str(tmp_path / "keys"))


def test_a_directory_is_no_key_file(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()

    found = faults(tmp_path, one_issuer("{issuer: a, jwks_file: keys, audiences: [a]}"))

    assert [fault.code for fault in found] == ["missing_file"]


@pytest.mark.parametrize(
    ("text", "algorithms"),
    [
        ('issuer: "https://a", discovery: true', {"RS256", "ES256", "EdDSA"}),
        ("issuer: a, secret_env: SECRET", {"HS256"}),
        ("issuer: a, secret_env: SECRET, algorithms: [HS384, HS512]", {"HS384", "HS512"}),
        ('issuer: "https://a", discovery: true, algorithms: [PS256]', {"PS256"}),
    ],
)
def test_the_allow_list_is_the_one_given_or_that_of_the_key_source(
    text: str, algorithms: set[str], tmp_path: Path
) -> None:
    assert issuer(tmp_path, text).issuer.algorithms == algorithms


def test_ml_dsa_is_allowed_only_where_it_is_listed(tmp_path: Path) -> None:
    text = 'issuer: "https://a", discovery: true'

    assert not issuer(tmp_path, text).issuer.algorithms & ML_DSA_ALGORITHMS
    listed = issuer(tmp_path, text + ", algorithms: [ML-DSA-87, ES256]").issuer.algorithms
    assert listed == {"ML-DSA-87", "ES256"}


def test_an_algorithm_that_openssl_lacks_is_refused_at_its_place() -> None:
    names = ["ES256", "ML-DSA-65"]
    document = parse_yaml(b"[ES256, ML-DSA-65]", "gateway.yaml", {})
    found: list[Fault] = []

    refuse_unavailable(names, Part(document, (), document.root), found, ML_DSA_ALGORITHMS)

    assert [(fault.place.column, fault.code) for fault in found] == [(9, "bad_value")]
    assert "OpenSSL 3.5 or newer" in found[0].message


def test_who_writes_the_address_of_metadata_as_issuer_is_told_what_to_write(
    tmp_path: Path,
) -> None:
    """Of all mistakes with discovery the most frequent one."""
    url = "https://a/realms/x/.well-known/openid-configuration"

    [fault] = faults(tmp_path, one_issuer(f'{{issuer: "{url}", discovery: true, audiences: [a]}}'))

    assert "write `issuer: https://a/realms/x`" in fault.message
    assert "`discovery_url` replaces `discovery`" in fault.message


def test_plain_http_is_allowed_on_purpose_and_to_private_addresses(tmp_path: Path) -> None:
    text = 'issuer: "http://keycloak:8080/realms/x", discovery: true'

    assert issuer(tmp_path, text + ", insecure: true").source.is_insecure
    [fault] = faults(tmp_path, one_issuer(f"{{{text}, audiences: [a]}}"))
    assert "set `insecure: true` if it is in a network that you trust" in fault.message


def test_everything_said_about_an_issuer_reaches_the_decision(tmp_path: Path) -> None:
    built = issuer(
        tmp_path,
        'issuer: "https://a/", discovery: true, audiences: [x, z], profile: rfc9068, leeway: 5s,'
        " keys: {fresh: 1m, stale: 2m, fetch_timeout: 3s, unknown_kid_cooldown: 4s}",
    )

    assert (built.issuer.name, built.issuer.issuer) == ("main", "https://a/")
    assert built.issuer.audiences == frozenset("xz")
    assert (built.issuer.profile, built.issuer.leeway_seconds) == (Profile.RFC9068, 5.0)
    assert (built.times.fresh_seconds, built.times.stale_seconds) == (60, 120)
    assert (built.times.fetch_timeout_seconds, built.times.unknown_kid_cooldown_seconds) == (3, 4)


@pytest.mark.parametrize(
    ("text", "reports"), [(", mode: report", True), (", mode: enforce", False), ("", False)]
)
def test_an_issuer_reports_only_where_it_says_so(text: str, reports: bool, tmp_path: Path) -> None:
    assert issuer(tmp_path, f"issuer: a, secret_env: SECRET{text}").issuer.reports is reports


def test_unchecked_audiences_are_a_warning_and_no_list(tmp_path: Path) -> None:
    """8725.7."""
    built = issuer(tmp_path, 'issuer: "https://a", discovery: true, audiences: unchecked')

    assert built.issuer.audiences is None


def test_issuers_that_differ_in_a_slash_are_two(tmp_path: Path) -> None:
    """9068.3: `iss` is compared code point by code point."""
    both = "issuers:\n" + "".join(
        f'  {name}: {{issuer: "{issuer}", jwks_url: "https://a/k", audiences: [x]}}\n'
        for name, issuer in (("one", "https://a"), ("two", "https://a/"))
    )

    assert set(load(tmp_path, config(issuers=both)).issuers) == {"one", "two"}


@pytest.mark.parametrize("host", ["localhost:1", "127.0.0.1:9000", "127.1.2.3", "[::1]:80"])
@pytest.mark.parametrize("source", ["discovery: true", 'jwks_url: "http://{}/keys"'])
def test_plain_http_within_this_machine_is_nobodys_worry(
    host: str, source: str, tmp_path: Path
) -> None:
    text = f'{{issuer: "http://{host}/", {source.format(host)}, audiences: [a]}}'

    assert faults(tmp_path, one_issuer(text)) == ()


@pytest.mark.parametrize(
    "issuer", ["http://a.example", "HTTP://localhost", "http://localhost.example", "http://u@[::1]"]
)
def test_plain_http_anywhere_else_is_a_warning_even_as_a_mere_name(
    issuer: str, tmp_path: Path
) -> None:
    text = f'{{issuer: "{issuer}", jwks_url: "https://a/k", audiences: [a]}}'

    assert [fault.code for fault in faults(tmp_path, one_issuer(text))] == ["insecure_url"]


@pytest.mark.parametrize(
    ("words", "is_required"), [("", True), (", required: true", True), (", required: false", False)]
)
def test_an_issuer_is_required_unless_it_says_otherwise(
    words: str, is_required: bool, tmp_path: Path
) -> None:
    text = one_issuer("{issuer: a, secret_env: SECRET, audiences: [a]" + words + "}")

    assert load(tmp_path, text).issuers["main"].is_required is is_required


@pytest.mark.parametrize("key", ["insecure: true", 'proxy: "http://proxy:3128"'])
def test_only_the_main_file_says_that_the_gateway_calls_what_others_cannot(
    key: str, tmp_path: Path
) -> None:
    """The author of an included file would reach services in our network by it."""
    (tmp_path / "team.yaml").write_text(
        f'issuers: {{team: {{issuer: "https://t", discovery: true, audiences: [a], {key}}}}}\n'
        "routes: []\n"
    )

    found = faults(tmp_path, config("include: [{files: team.yaml, may: [issuers]}]\n"))

    refused = [str(one) for one in found if one.code == "not_granted"]
    assert len(refused) == 1
    assert f"`{key.partition(':')[0]}` belongs in the main file" in refused[0]
