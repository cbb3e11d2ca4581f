"""Which ways to log in are valid, and what is built from them."""

from pathlib import Path

import pytest

from gateway.settings.values.login import Origin, SessionStoreKind
from tests.settings.build.login.login_configs import (
    APP,
    REDIS,
    built,
    login,
    one_login,
    with_logins,
)
from tests.settings.configs import assert_found, config, faults, load

OF_KEYS = """\
issuers:
  main: {issuer: "https://login.example.com/", discovery: true, audiences: [orders]}
  keys: {issuer: "https://keys.example/", jwks_url: "https://keys.example/j", audiences: [a]}
"""
KEYED = "keys: ['${SESSION_KEY}']"

MISTAKES = [
    ("unknown_reference", one_login(issuer="¦mian")),
    ("bad_value", one_login(scopes="¦[profile]")),
    ("duplicate_value", one_login(scopes="[openid, ¦openid]")),
    ("bad_value", one_login(scopes='[openid, ¦"a b"]')),
    ("bad_value", one_login(resource="¦api")),
    ("bad_value", one_login(resource='¦"https://api.example/#x"')),
    ("bad_value", one_login(prefix="¦oauth")),
    ("bad_value", one_login(prefix="¦/oauth/")),
    ("bad_value", one_login(prefix="¦/")),
    ("bad_value", one_login(prefix="¦/a/../b")),
    ("bad_value", one_login(prefix='¦"/a?b"')),
    ("duplicate_value", one_login(claims="[sub, ¦sub]")),
    ("missing_key", one_login(session=f"{{store: ¦redis, {KEYED}}}")),
    ("unknown_key", one_login().replace("    client_id", "    ¦client: x\n    client_id")),
]


def test_a_login_has_the_key_of_the_schema_that_is_missing(tmp_path: Path) -> None:
    found = faults(tmp_path, one_login(client_id=""))

    assert [(one.code, one.message) for one in found] == [
        ("missing_key", "the key `client_id` is missing")
    ]


@pytest.mark.parametrize(("code", "text"), MISTAKES)
def test_each_mistake_is_found_at_its_place_and_nothing_else_is(
    code: str, text: str, tmp_path: Path
) -> None:
    assert_found(tmp_path, code, text)


def test_an_issuer_without_discovery_has_no_endpoints(tmp_path: Path) -> None:
    text = with_logins(login(issuer="¦keys"), issuers=OF_KEYS)

    assert_found(tmp_path, "bad_value", text)
    assert "write `discovery: true`" in faults(tmp_path, text.replace("¦", ""))[0].message


def test_an_issuer_with_metadata_elsewhere_has_them(tmp_path: Path) -> None:
    elsewhere = OF_KEYS.replace("jwks_url", "discovery_url")

    settings = load(tmp_path, with_logins(login(issuer="keys"), issuers=elsewhere))

    assert [one.issuer for one in settings.logins.values()] == ["keys"]


@pytest.mark.parametrize(
    ("code", "origin"),
    [
        ("bad_value", "https://*.example.com"),
        ("bad_value", "*"),
        ("bad_value", "null"),
        ("bad_value", "https://app.example.com/"),
        ("bad_value", "https://app.example.com/app"),
        ("bad_value", "https://App.example.com"),
        ("bad_value", "https://app.example.com:443"),
        ("bad_value", "app.example.com"),
        ("bad_value", "capacitor://localhost"),
        ("bad_value", "https://u@app.example.com"),
        ("insecure_url", "http://app.example.com"),
        ("insecure_url", "http://localhost.example.com"),
        ("insecure_url", "http://10.0.0.7:8080"),
    ],
)
def test_an_origin_is_one_https_origin_as_browsers_write_it(
    code: str, origin: str, tmp_path: Path
) -> None:
    """9700.18: a code is sent only to a host that is listed, over TLS (RFC 9700 §4.1)."""
    assert_found(tmp_path, code, one_login(origins=f'["https://ok.example", ¦"{origin}"]'))


@pytest.mark.parametrize(
    ("origin", "authority"),
    [
        ("https://app.example.com", "app.example.com"),
        ("https://app.example.com:8443", "app.example.com:8443"),
        ("http://localhost:8080", "localhost:8080"),
        ("http://127.0.0.1:8080", "127.0.0.1:8080"),
        ("http://[::1]:8080", "[::1]:8080"),
    ],
)
def test_its_authority_is_what_browsers_send_as_host(
    origin: str, authority: str, tmp_path: Path
) -> None:
    assert built(tmp_path, origins=f'["{origin}"]').origins == (Origin(origin, authority),)


def test_no_origin_is_listed_twice(tmp_path: Path) -> None:
    text = one_login(origins='["https://a.example", ¦"https://a.example"]')

    assert_found(tmp_path, "duplicate_value", text)


@pytest.mark.parametrize(
    "name",
    [
        *("response_type", "client_id", "redirect_uri", "state", "nonce", "scope"),
        "code_challenge",
        *("code_challenge_method", "resource", "request", "request_uri", "response_mode"),
        *("acr_values", "max_age", "client_secret", "client_assertion"),
    ],
)
def test_what_the_flow_sets_cannot_be_overridden(name: str, tmp_path: Path) -> None:
    text = one_login(extra_params=f"{{prompt: consent, ¦{name}: x}}")

    assert_found(tmp_path, "bad_value", text)


@pytest.mark.parametrize(
    "target",
    [
        *("bye", "//evil.example", "/\\\\evil.example", "https://evil.example/", "/a b"),
        *("https://app.example.com.evil.example/", "https://app.example.com@evil.example/"),
        *("http://app.example.com/", "javascript:alert(1)"),
    ],
)
def test_a_logout_never_leaves_the_origins(target: str, tmp_path: Path) -> None:
    """9700.10: the gateway is no open redirector."""
    assert_found(tmp_path, "bad_value", one_login(after_logout=f'¦"{target}"'))


@pytest.mark.parametrize(
    "target", ["/", "/bye?x=1", "https://app.example.com", "https://app.example.com/bye"]
)
def test_a_logout_may_end_anywhere_on_them(target: str, tmp_path: Path) -> None:
    assert built(tmp_path, after_logout=f'"{target}"').after_logout == target


def test_what_is_left_out_has_its_default(tmp_path: Path) -> None:
    one = built(tmp_path, scopes="")

    assert (one.name, one.issuer, one.scopes) == ("web", "main", ("openid",))
    assert (one.resource, one.extra_params, one.after_logout) == (None, {}, "/")
    assert one.prefix == "/oauth"
    assert one.claims == ("sub", "name", "preferred_username", "email", "picture")
    assert one.session.store is SessionStoreKind.MEMORY
    assert one.place.endswith("gateway.yaml:7")


def test_what_is_written_is_built(tmp_path: Path) -> None:
    one = built(
        tmp_path,
        resource='"https://api.example/v1"',
        extra_params="{prompt: consent}",
        prefix="/bff/auth",
        claims="[sub, groups]",
    )

    assert one.scopes == ("openid", "offline_access", "orders:read")
    assert (one.resource, one.extra_params) == ("https://api.example/v1", {"prompt": "consent"})
    assert (one.prefix, one.claims) == ("/bff/auth", ("sub", "groups"))


def test_a_configuration_without_logins_has_none(tmp_path: Path) -> None:
    assert load(tmp_path, config()).logins == {}


OTHER = {"origins": '["https://app.example.com:8443"]', "client_id": "other"}
APART = {"origins": '["https://other.example.com"]', "client_id": "other"}
BOTH = APP.replace("login: web", "login: [web, other]")


@pytest.mark.parametrize(
    ("key", "own", "place"),
    [
        ("prefix", "/bff", "prefix"),
        ("session", f"{{store: cookie, {KEYED}}}", "store"),
        ("session", f"{{store: redis, {KEYED}}}", "store"),
    ],
)
def test_logins_of_one_host_share_its_cookie_and_its_paths(
    key: str, own: str, place: str, tmp_path: Path
) -> None:
    """A cookie is sent to every port of its host (RFC 6265 §8.5)."""
    text = with_logins(login(), login("other", **OTHER, **{key: own}), routes=BOTH, extra=REDIS)
    before, after = text.split("  other:")

    assert_found(
        tmp_path, "conflicting_keys", f"{before}  other:" + after.replace(place, f"¦{place}", 1)
    )
    apart = with_logins(login(), login("other", **APART, **{key: own}), routes=BOTH, extra=REDIS)
    assert len(load(tmp_path, apart).logins) == 2


def test_logins_of_one_host_seal_with_the_same_keys(tmp_path: Path) -> None:
    first, second = f"{{store: cookie, {KEYED}}}", "{store: cookie, keys: ['${OLD_SESSION_KEY}']}"
    logins = (login(session=first), login("other", **OTHER, session=second))
    text = with_logins(*logins, routes=BOTH)
    before, after = text.split("  other:")

    assert_found(
        tmp_path, "conflicting_keys", f"{before}  other:" + after.replace("session", "¦session")
    )
    same = with_logins(logins[0], login("other", **OTHER, session=first), routes=BOTH)
    assert len(load(tmp_path, same).logins) == 2


def test_an_included_file_declares_no_login(tmp_path: Path) -> None:
    (tmp_path / "team.yaml").write_text(
        "login:\n" + login("mine", client_secret="", client_auth="none")
    )

    (found,) = faults(tmp_path, one_login(extra="include: [team.yaml]\n"))

    assert (found.code, found.place.file) == ("unknown_key", str(tmp_path / "team.yaml"))
