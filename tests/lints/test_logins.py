"""Logins that nobody can use for long, or that others could use, are found."""

from pathlib import Path

import pytest

from tests.lints.warned import assert_warned, warnings
from tests.settings.build.login.login_configs import APP, login, one_login, with_logins
from tests.settings.configs import ISSUERS

CORS = "cors: {origins: [ORIGIN], ¦credentials: true}}"
APART = login("other", origins='["https://other.example.com"]', client_id="other")


def route(more: str) -> str:
    return f"{APP[:-1]}, {more}"


def requiring(scopes: str) -> str:
    return with_logins(login(), routes=APP.replace("{},", f"{{scopes: {scopes}}},"))


def test_the_usual_login_is_without_a_doubt(tmp_path: Path) -> None:
    assert warnings(tmp_path, one_login()) == ()


def test_a_login_that_no_route_names_is_of_no_use(tmp_path: Path) -> None:
    text = with_logins(login(), APART.replace("other:", "¦other:", 1))

    assert_warned(tmp_path, "unused_login", text)


def test_a_login_without_offline_access_ends_with_its_token(tmp_path: Path) -> None:
    assert_warned(tmp_path, "refresh_unrequested", one_login(scopes="¦[openid]"))


def test_a_client_without_a_secret_is_public(tmp_path: Path) -> None:
    """10017.1."""
    assert_warned(tmp_path, "public_client", one_login(client_secret="", client_auth="¦none"))


def test_a_resource_is_an_audience_of_the_issuer(tmp_path: Path) -> None:
    issuers = ISSUERS.replace("[orders]", "['urn:orders']")

    assert_warned(tmp_path, "audience_unlisted", one_login(resource='¦"urn:orders"'))
    text = with_logins(login(resource='"urn:orders"'), issuers=issuers)
    assert warnings(tmp_path, text) == ()


def test_an_issuer_that_checks_no_audience_accepts_every_resource(tmp_path: Path) -> None:
    issuers = ISSUERS.replace("[orders]", "unchecked")
    text = with_logins(login(resource='"https://api.example"'), issuers=issuers)

    assert [str(one.code) for one in warnings(tmp_path, text)] == ["audience_unchecked"]


PUBLIC = "{{name: bye, match: {{{match}}}, upstream: orders, public: true}}"
TWO = '["https://app.example.com", "https://shop.example.com:8443"]'


@pytest.mark.parametrize(
    ("page", "match"),
    [
        ("/bye", "path: /byes"),
        ("/bye", "path: /bye, methods: [POST]"),
        ("/bye?from=here", "path: /"),
        ("https://app.example.com", "path: /bye"),
        ("/bye", "path: /bye, hosts: [shop.example.com]"),
        ("/bye", "path: /bye, hosts: [app.example.com]"),  # the other origin has none
        ("https://shop.example.com:8443/bye", "path: /bye, hosts: [app.example.com]"),
        ("/open/a%2Fb", "path_prefix: /open/"),  # which is refused wherever it goes
    ],
)
def test_a_page_after_the_logout_that_no_route_serves_is_doubtful(
    page: str, match: str, tmp_path: Path
) -> None:
    one = login(after_logout=f'¦"{page}"', origins=TWO)

    text = with_logins(one, routes=f"{APP}\n{PUBLIC.format(match=match)}")

    assert_warned(tmp_path, "logout_unserved", text)


@pytest.mark.parametrize(
    ("page", "match"),
    [
        ("/bye", "path: /bye"),
        ("/bye?from=here", "path: '/{page}'"),
        ("https://app.example.com", "path: /"),
        ("/bye", "path: /bye, hosts: ['*.example.com'], methods: [GET]"),
        ("https://shop.example.com:8443/bye", "path: /bye, hosts: [shop.example.com]"),
        ("/app/x", "path: /"),  # by the route with the login
    ],
)
def test_a_page_that_a_route_serves_is_not(page: str, match: str, tmp_path: Path) -> None:
    one = login(after_logout=f'"{page}"', origins=TWO)

    text = with_logins(one, routes=f"{APP}\n{PUBLIC.format(match=match)}")

    assert warnings(tmp_path, text) == ()


@pytest.mark.parametrize("names", ["¦web", "[¦web]", "[other, ¦web]"])
def test_a_login_requests_what_its_routes_require(names: str, tmp_path: Path) -> None:
    logins = (login(), APART.replace("orders:read", "orders:write"))
    asking = APP.replace("{},", "{scopes: [orders:write]},").replace(": web", f": {names}")
    of_other = "{name: b, match: {path: /b}, upstream: orders, require: {}, login: other}"
    text = with_logins(*logins, routes=f"{asking}\n{of_other}")

    assert_warned(tmp_path, "scope_unrequested", text)


@pytest.mark.parametrize("scopes", ["[orders:read]", "{any: [orders:write, orders:read]}"])
def test_enough_of_them_is_enough(scopes: str, tmp_path: Path) -> None:
    assert warnings(tmp_path, requiring(scopes)) == ()


@pytest.mark.parametrize(
    ("sources", "scopes", "is_warned"),
    [
        ("[scope, roles]", "[staff]", False),
        ("[scope, {claim: roles, prefix: 'role:'}]", "['role:staff']", False),
        ("[scope, {claim: roles, prefix: 'role:'}]", "[staff]", True),
        ("[scope, scp]", "[staff]", True),
    ],
)
def test_roles_are_not_requested(
    sources: str, scopes: str, is_warned: bool, tmp_path: Path
) -> None:
    more = f"audiences: [orders], scopes_from: {sources}"
    text = requiring(scopes).replace("audiences: [orders]", more, 1)

    assert len(warnings(tmp_path, text)) == is_warned


def test_scopes_that_others_imply_are_requested_too(tmp_path: Path) -> None:
    text = requiring("[orders:list]") + "scope_implies: {orders:read: [orders:list]}\n"

    assert warnings(tmp_path, text) == ()


@pytest.mark.parametrize(
    "origins", ["'https://blog.example.com'", "'https://*.example.com', 'https://a.test'"]
)
def test_pages_of_other_origins_do_not_read_with_a_session(origins: str, tmp_path: Path) -> None:
    """10017.10."""
    text = with_logins(login(), routes=route(CORS.replace("ORIGIN", origins)))

    assert_warned(tmp_path, "session_readable", text)


@pytest.mark.parametrize(
    "cors",
    [
        "cors: {origins: ['https://app.example.com'], credentials: true}}",
        "cors: {origins: ['https://blog.example.com']}}",
        "cors: {origins: ['*']}}",
    ],
)
def test_their_own_pages_may_and_others_without_cookies(cors: str, tmp_path: Path) -> None:
    assert warnings(tmp_path, with_logins(login(), routes=route(cors))) == ()


def test_cors_with_credentials_without_a_login_is_not_about_sessions(tmp_path: Path) -> None:
    cors = CORS.replace("ORIGIN", "'https://b.test'").replace("¦", "")
    own = f"{{name: b, match: {{path: /b}}, upstream: orders, require: {{}}, {cors}"

    assert warnings(tmp_path, with_logins(login(), routes=f"{APP}\n{own}")) == ()
