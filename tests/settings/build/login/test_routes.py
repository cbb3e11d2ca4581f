"""Which routes may name which logins, and which paths are the gateway's own."""

from pathlib import Path

import pytest

from gateway.decision.browser import LoginRule
from gateway.settings.values.configuration import Settings
from tests.settings.build.login.login_configs import APP, login, with_logins
from tests.settings.configs import assert_found, faults, load

TWO = """\
issuers:
  main: {issuer: "https://login.example.com/", discovery: true, audiences: [orders]}
  other: {issuer: "https://other.example/", discovery: true, audiences: [orders]}
"""
OTHER = login("other", issuer="other", client_id="o")


def route(text: str, path: str = "path_prefix: /app/") -> str:
    return f"{{name: app, upstream: orders, match: {{{path}}}, {text}}}"


def logins_of(settings: Settings) -> list[tuple[str, ...]]:
    return [tuple(one.name for one in route.login) for route in settings.policy.routes.routes]


def test_a_route_has_the_logins_that_it_names(tmp_path: Path) -> None:
    logins = (login(), OTHER)
    both = with_logins(*logins, routes=route("require: {}, login: [other, web]"), issuers=TWO)
    none = with_logins(*logins, routes=route("require: {}"), issuers=TWO)

    assert logins_of(load(tmp_path, both)) == [("other", "web")]
    assert logins_of(load(tmp_path, none)) == [()]


def test_the_decision_knows_origins_as_browsers_send_them(tmp_path: Path) -> None:
    origins = '["https://app.example.com", "http://localhost:8080"]'
    settings = load(tmp_path, with_logins(login(origins=origins)))

    (one,) = settings.policy.routes.routes[0].login
    assert one == LoginRule(
        "web",
        frozenset((b"https://app.example.com", b"http://localhost:8080")),
        frozenset((b"app.example.com", b"localhost:8080")),
    )


MISTAKES = [
    ("unknown_reference", route("require: {}, login: ¦wbe")),
    ("unknown_reference", route("require: {}, login: [web, ¦wbe]")),
    ("duplicate_value", route("require: {}, login: [web, ¦web]")),
    ("empty_list", route("require: {}, login: ¦[]")),
    ("wrong_type", route("require: {}, login: ¦1")),
    ("conflicting_keys", route("public: true, ¦login: web")),
    ("bad_value", route("require: {issuers: [other]}, login: ¦web")),
    ("bad_value", route("require: {}, login: ¦web", "path: /a, hosts: [api.example.com]")),
    ("bad_value", route("require: {}, login: [¦web]", "path: /a, hosts: ['*.app.example.com']")),
]


@pytest.mark.parametrize(("code", "text"), MISTAKES)
def test_each_mistake_is_found_at_its_place_and_nothing_else_is(
    code: str, text: str, tmp_path: Path
) -> None:
    rest = "\n{name: rest, match: {path: /rest}, upstream: orders, require: {}}"

    assert_found(tmp_path, code, with_logins(login(), routes=text + rest, issuers=TWO))


@pytest.mark.parametrize("hosts", ["app.example.com", "'*.example.com'", "a.test, app.example.com"])
def test_a_host_of_the_route_is_one_of_its_origins(hosts: str, tmp_path: Path) -> None:
    text = route("require: {}, login: web", f"path: /a, hosts: [{hosts}]")

    assert logins_of(load(tmp_path, with_logins(login(), routes=text))) == [("web",)]


def test_a_login_that_is_written_wrong_is_not_said_to_be_missing_as_well(tmp_path: Path) -> None:
    assert_found(tmp_path, "bad_value", with_logins(login(prefix="¦oauth")))


@pytest.mark.parametrize(
    "path",
    [
        *("path: /oauth/login", "path: /oauth/callback", "path: /oauth/logout, methods: [GET]"),
        *("path: /oauth/userinfo", "path: /oauth/backchannel-logout", "path_prefix: /oauth/"),
        *("path: /%6fauth/login", "path: /oauth/login, hosts: ['*.example.com']"),
    ],
)
def test_a_route_cannot_own_a_path_of_a_login_on_its_host(path: str, tmp_path: Path) -> None:
    text = f"{APP}\n" + route("require: {}", path).replace("app", "own", 1)

    assert_found(
        tmp_path, "route_conflict", with_logins(login(), routes=text.replace(
            " match: {" + path, " ¦match: {" + path))
    )  # fmt: skip


@pytest.mark.parametrize(
    "path",
    [
        *("path: /oauth/other", "path_prefix: /", "path_prefix: /oauth/login/", "path: /oauth"),
        *("path: /oauth/login, hosts: [api.example.com]", "path: '/{x}/login'", "path: /x/login"),
    ],
)
def test_it_may_own_all_others(path: str, tmp_path: Path) -> None:
    text = f"{APP}\n" + route("require: {}", path).replace("app", "own", 1)

    assert len(load(tmp_path, with_logins(login(), routes=text)).policy.routes.routes) == 2


def test_with_another_prefix_the_paths_are_free(tmp_path: Path) -> None:
    text = f"{APP}\n" + route("require: {}", "path_prefix: /oauth/").replace("app", "own", 1)

    assert load(tmp_path, with_logins(login(prefix="/bff"), routes=text)).logins


TEAM = "routes: [{name: team, match: {path: /team}, upstream: orders, require: {}, login: LOGIN}]\n"


def test_an_included_file_names_logins_of_the_main_file(tmp_path: Path) -> None:
    (tmp_path / "team.yaml").write_text(TEAM.replace("LOGIN", "web"))
    text = with_logins(login(), extra="include: [team.yaml]\n")

    assert logins_of(load(tmp_path, text)) == [("web",), ("web",)]


def test_its_mistakes_are_found_in_it(tmp_path: Path) -> None:
    (tmp_path / "team.yaml").write_text(TEAM.replace("LOGIN", "wbe"))

    (found,) = faults(tmp_path, with_logins(login(), extra="include: [team.yaml]\n"))

    assert (found.code, found.place.file) == ("unknown_reference", str(tmp_path / "team.yaml"))
    assert "did you mean `web`" in found.message
