"""Identity headers that an issuer or a route has of its own."""

from pathlib import Path

import pytest

from gateway.decision.identity import Identity, identity_aliases
from gateway.decision.rules.claim_sources import ClaimSource, FirstOf
from gateway.settings.values.configuration import Settings
from tests.assertion.callers import signing_pem
from tests.settings.configs import assert_found, config, faults, load

ISSUERS = """\
issuers:
  main: {issuer: "https://login.example.com/", discovery: true, audiences: [orders]OWN}
  partner: {issuer: "https://partner.example.com/", discovery: true, audiences: [orders]}
"""
GENERAL = "identity: {headers: {X-User: sub, X-Issuer: iss, X-Client: client_id}}\n"


def route(name: str, rest: str, require: str = "{}") -> str:
    return (
        f"  - {{name: {name}, match: {{path_prefix: /{name}/}}, upstream: orders, "
        f"require: {require}{rest}}}\n"
    )


def estate(*routes: str, issuer: str = "", general: str = GENERAL) -> str:
    own = f", identity: {issuer}" if issuer else ""
    written = "".join(routes) or route("a", "")
    return config(general, issuers=ISSUERS.replace("OWN", own), routes=f"routes:\n{written}")


def sent(identity: Identity | None) -> dict[str, ClaimSource]:
    assert identity is not None
    return {name.decode(): source for name, source in identity.headers}


def of_route(settings: Settings, index: int, issuer: str = "main") -> dict[str, ClaimSource]:
    identities = settings.policy.routes.routes[index].identities
    assert identities is not None
    return sent(identities[issuer])


def test_headers_of_an_issuer_stand_over_the_general_ones(tmp_path: Path) -> None:
    text = estate(issuer="{headers: {x_user: oid | sub, X-Client: false, X-Tenant: tid}}")

    settings = load(tmp_path, text)

    assert sent(settings.issuers["main"].issuer.identity) == {
        "x_user": FirstOf((("oid",), ("sub",))),
        "X-Issuer": ("iss",),
        "X-Tenant": ("tid",),
    }
    assert settings.issuers["partner"].issuer.identity is None
    assert settings.policy.issuers["https://login.example.com/"].identity is not None
    assert sent(settings.policy.identity) == {
        "X-User": ("sub",), "X-Issuer": ("iss",), "X-Client": ("client_id",)
    }  # fmt: skip


def test_headers_of_a_route_stand_over_those_of_every_issuer_that_it_accepts(
    tmp_path: Path,
) -> None:
    own = ", identity: {headers: {X-Client: false, X-Mail: email}}"
    text = estate(
        route("a", own), route("b", own, "{issuers: [partner]}"), route("c", ""),
        issuer="{headers: {X-User: oid}}",
    )  # fmt: skip

    settings = load(tmp_path, text)

    rest = {"X-Issuer": ("iss",), "X-Mail": ("email",)}
    assert of_route(settings, 0) == {"X-User": ("oid",), **rest}
    assert of_route(settings, 0, "partner") == {"X-User": ("sub",), **rest}
    second, third = settings.policy.routes.routes[1:]
    assert second.identities is not None
    assert list(second.identities) == ["partner"]
    assert third.identities is None


def test_routes_that_send_the_same_share_one_identity(tmp_path: Path) -> None:
    """Then a token is rendered once for all of them."""
    own = ", identity: {headers: {X-Mail: email}}"
    text = estate(route("a", own), route("b", own), route("c", own, "{issuers: [main]}"))

    first, second, third = load(tmp_path, text).policy.routes.routes

    assert first.identities is second.identities
    assert first.identities is not None
    assert third.identities is not None
    assert first.identities["main"] is third.identities["main"]


def test_the_names_of_all_are_the_gateway_s_own(tmp_path: Path) -> None:
    """9700.1: clients cannot send one to any route, also not to one that does not send it."""
    text = estate(
        route("a", ", identity: {headers: {X-Mail: email}}"), route("b", ""),
        issuer="{headers: {X_Tenant: tid}}",
    )  # fmt: skip

    aliases = identity_aliases(load(tmp_path, text).policy.identity)

    own = {b"x-user", b"x-issuer", b"x-client", b"x-mail", b"x-tenant"}
    assert aliases == own | {b"txn-token"}


def test_a_route_cannot_change_a_header_that_another_one_has_as_identity(tmp_path: Path) -> None:
    setting = ", rewrite: {request_headers: {set: {¦x_mail: me}}}"
    text = estate(route("a", ", identity: {headers: {X-Mail: email}}"), route("b", setting))

    assert_found(tmp_path, "bad_value", text)


def test_the_header_of_the_assertion_carries_no_claim(tmp_path: Path) -> None:
    (tmp_path / "one.pem").write_bytes(signing_pem("ES256"))
    general = 'identity: {assertion: {issuer: "https://gateway.example.com/", keys: [one.pem]}}\n'

    text = estate(issuer="{headers: {¦x-gateway-ASSERTION: sub}}", general=general)

    assert_found(tmp_path, "bad_value", text)


@pytest.mark.parametrize(
    ("codes", "headers"),
    [
        ("bad_value", "{¦Host: sub}"),
        ("bad_value", "{X-A: sub, ¦x_a: tid}"),
        ("bad_value", "{X-A: ¦azp|cid}"),
        ("bad_value", "{¦sub: X-User}"),
        ("bad_value", "{X-A: ¦true}"),
        ("unknown_reference", "{¦X-Usr: false}"),
        ("empty_list", "¦{}"),
        ("bad_value", "{X-A: ¦''}"),
    ],
)
@pytest.mark.parametrize("owner", ["issuer", "route"])
def test_each_mistake_about_own_headers_is_found_at_its_place(
    codes: str, headers: str, owner: str, tmp_path: Path
) -> None:
    own = f"{{headers: {headers}}}"
    text = estate(issuer=own) if owner == "issuer" else estate(route("a", f", identity: {own}"))

    assert_found(tmp_path, codes, text)


def test_a_header_that_nobody_sends_cannot_be_left_out(tmp_path: Path) -> None:
    own = ", identity: {headers: {X-Clients: false}}"

    (fault,) = faults(tmp_path, estate(route("a", own)))

    assert "did you mean `X-Client`" in fault.message


def test_a_public_route_has_no_identity(tmp_path: Path) -> None:
    public = route("b", ", ¦identity: {headers: {X-A: sub}}").replace("require: {}", "public: true")

    assert_found(tmp_path, "conflicting_keys", estate(route("a", ""), public))
