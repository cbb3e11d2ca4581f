"""An issuer that introspects has a client, and every route at most one of them."""

from pathlib import Path

import pytest

from gateway.settings.load import Loaded, load_settings
from gateway.settings.values.clients import ClientAuthentication
from gateway.settings.values.configuration import IntrospectionSettings, SourceKind
from tests.settings.build.issuers.introspected import introspected, issuer
from tests.settings.configs import ENVIRON, VERSION, assert_found, config, faults, load

ROUTE = "  - {name: NAME, match: {path: /NAME}, upstream: orders, WHAT}\n"
SECTIONS = """\
upstreams:
  orders: {servers: ["http://10.0.0.7:8000"]}
"""


def asked(directory: Path, text: str) -> IntrospectionSettings:
    found = load(directory, text).issuers["idp"].introspection
    assert found is not None
    return found


def two(*routes: str) -> str:
    """Return a configuration with two issuers that introspect, and these routes."""
    rows = "".join(
        ROUTE.replace("NAME", f"r{index}").replace("WHAT", route)
        for index, route in enumerate(routes)
    )
    main = '  main: {issuer: "https://login.example.com/", discovery: true, audiences: [orders]}\n'
    issuers = "issuers:\n" + issuer("idp") + issuer("other") + main
    return config(issuers=issuers, routes="routes:\n" + rows)


def test_by_default_the_metadata_say_where_and_answers_count_for_a_minute(tmp_path: Path) -> None:
    settings = load(tmp_path, introspected())
    one = settings.issuers["idp"]
    found = asked(tmp_path, introspected())

    assert (found.url, found.signed, found.cache_seconds, found.timeout_seconds) == (
        None, False, 60.0, 5.0,
    )  # fmt: skip
    assert found.client.method is ClientAuthentication.BASIC
    assert found.client.secret == ENVIRON["CLIENT_SECRET"]
    assert (one.source.kind, one.source.location) == (
        SourceKind.INTROSPECTION, "https://idp.example/",
    )  # fmt: skip
    assert one.issuer.introspects
    assert not one.has_keys
    assert not settings.requires_issuer("idp")
    assert settings.policy.introspecting == {"idp": one.issuer}
    assert settings.policy.routes.routes[0].introspector == "idp"


def test_signed_answers_need_the_keys_of_the_issuer(tmp_path: Path) -> None:
    text = introspected("    algorithms: [ES256]\n", ", response: jwt, url: 'https://x.example/i'")
    settings = load(tmp_path, text)
    one = settings.issuers["idp"]

    assert one.has_keys
    assert settings.requires_issuer("idp")
    assert one.source.location == "https://idp.example/"
    assert one.introspection is not None
    assert (one.introspection.url, one.introspection.signed) == ("https://x.example/i", True)


MISTAKES = [
    ("missing_key", introspected(client="client_id: gateway").replace("intro", "¦intro"), ""),
    ("bad_value", introspected(client="client_id: gateway, client_auth: ¦none"), "authenticate"),
    ("bad_value", introspected(more=", cache: ¦61m"), "at most 1h"),
    ("insecure_url", introspected(more=', url: ¦"http://idp.example/i"'), ""),
    ("bad_value", introspected(more=', url: ¦"idp.example/i"'), ""),
    ("conflicting_keys", introspected("    profile: ¦rfc9068\n"), "remove it"),
    ("conflicting_keys", introspected("    ¦algorithms: [ES256]\n"), "`jwt`"),
    ("bad_value", introspected(client='client_id: g, client_secret: ¦"s3cret"'), "environment"),
]


@pytest.mark.parametrize(("code", "text", "words"), MISTAKES)
def test_each_mistake_is_found_at_its_place(
    code: str, text: str, words: str, tmp_path: Path
) -> None:
    assert_found(tmp_path, code, text)
    (fault,) = faults(tmp_path, text.replace("¦", ""))
    assert words in fault.message


def test_introspection_is_a_key_source_like_the_others(tmp_path: Path) -> None:
    text = introspected("    discovery: true\n").replace("introspection", "¦introspection")

    assert_found(tmp_path, "conflicting_keys", text)


def test_a_route_asks_one_issuer_at_most(tmp_path: Path) -> None:
    """7662.6."""
    text = two("¦require: {}", "require: {¦issuers: [main, other, idp]}")

    assert_found(tmp_path, "conflicting_keys", text)
    fault, _ = faults(tmp_path, text.replace("¦", ""))
    assert "name only one of them in `issuers`, e.g. `issuers: [idp]`" in fault.message


def test_neither_does_a_second_token(tmp_path: Path) -> None:
    """7662.6."""
    also = "{header: X-Workload-Token, ¦issuers: [idp, other]}"
    text = two(f"require: {{issuers: [main], also: {also}}}")
    one = text.replace("¦", "").replace("[idp, other]", "[other]")

    assert_found(tmp_path, "conflicting_keys", text)
    (route,) = load(tmp_path, one).policy.routes.routes
    assert route.sources is not None
    assert route.sources.second is not None
    assert (route.introspector, route.sources.second.introspector) == (None, "other")
    assert [judged.introspector for judged in route.judged] == [None, "other"]


def test_a_route_with_one_of_them_asks_that_one(tmp_path: Path) -> None:
    text = two(
        "require: {issuers: [other]}",
        "require: {issuers: [main, idp]}",
        "require: {issuers: [main]}",
        "public: true",
    )
    routes = load(tmp_path, text).policy.routes.routes

    assert [one.introspector for one in routes] == ["other", "idp", None, None]


@pytest.mark.parametrize(
    ("grants", "codes"),
    [
        ("", ["not_granted"]),
        (", may: [issuers]", ["not_granted"]),
        (", may: [issuers, environment]", []),
    ],
)
def test_an_included_file_needs_the_grants(grants: str, codes: list[str], tmp_path: Path) -> None:
    """For issuers, and for the environment, which its secret is read from."""
    (tmp_path / "team.yaml").write_text("issuers:\n" + issuer("idp"))
    text = VERSION + f"include: [{{files: team.yaml{grants}}}]\n" + SECTIONS
    text += "routes:\n" + ROUTE.replace("NAME", "r").replace("WHAT", "require: {issuers: [idp]}")

    found = {fault.code.value for fault in faults(tmp_path, text)}

    assert sorted(found) == codes


def test_a_secret_in_a_file_of_its_own_needs_no_environment(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("a secret")
    client = "client_id: gateway, client_secret_file: secret"
    (tmp_path / "team.yaml").write_text("issuers:\n" + issuer("idp", client=client))
    text = VERSION + "include: [{files: team.yaml, may: [issuers]}]\n" + SECTIONS
    text += "routes:\n" + ROUTE.replace("NAME", "r").replace("WHAT", "require: {issuers: [idp]}")
    (tmp_path / "gateway.yaml").write_text(text)

    loaded = load_settings(tmp_path / "gateway.yaml", {})

    assert isinstance(loaded, Loaded), loaded
    assert loaded.settings.policy.routes.routes[0].introspector == "idp"
