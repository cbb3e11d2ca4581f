"""What a login means, in words, and which changes of it are told."""

from pathlib import Path

import pytest

from gateway.settings.load import Loaded
from gateway.suites.differences.compare import Question, compare
from gateway.suites.differences.compare_general import compare_access
from gateway.suites.differences.compare_routes import RouteFacets, compare_routes
from gateway.suites.differences.facet import Kind
from gateway.suites.differences.issuer_facets import login_facets
from gateway.suites.simulation.browsers import Browser
from gateway.suites.simulation.persona import Persona
from gateway.suites.simulation.request import parse_request
from tests.assertion.callers import signing_pem
from tests.settings.build.login.login_configs import (
    APP,
    REDIS,
    built,
    login,
    one_login,
    with_logins,
)
from tests.settings.configs import ENVIRON, SECRET, load, outcome_of
from tests.suites.differences.configs import told
from tests.suites.worlds import AT

ALL = {
    "issuer": "main (https://login.example.com/)",
    "origins": "https://app.example.com",
    "client_id": "web",
    "client_auth": "basic",
    "credential": "a secret",
    "scopes": "offline_access, openid, orders:read",
    "resource": "none",
    "extra_params": "none",
    "claims": "email, name, picture, preferred_username, sub",
    "after_logout": "/",
    "prefix": "/oauth",
    "session.store": "memory",
    "session.idle": "1800 s",
    "session.total": "28800 s",
}
SEALED = "{store: redis, keys: ['${SESSION_KEY}', '${OLD_SESSION_KEY}']}"


def facets(directory: Path, extra: str = "", **keys: str) -> dict[str, str]:
    settings = load(directory, one_login(extra, **keys))
    return {key: one.text for key, one in login_facets(settings.logins["web"], settings).items()}


def test_everything_that_a_login_says_is_told(tmp_path: Path) -> None:
    assert facets(tmp_path) == ALL
    assert facets(tmp_path, REDIS, session=SEALED) == {
        **ALL,
        "session.store": "redis",
        "session.keys": "a ring of 2",
        "session.cookie_bytes": "12288 bytes",
    }


def test_no_secret_is_in_what_is_compared(tmp_path: Path) -> None:
    settings = load(tmp_path, one_login(REDIS, session=SEALED))
    shown = repr(login_facets(settings.logins["web"], settings))

    assert ENVIRON["CLIENT_SECRET"] not in shown
    assert str(settings.logins["web"].session.keys[0])[2:20] not in shown


def test_a_public_client_and_one_with_a_key_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.key").write_bytes(signing_pem("ES256"))
    public = facets(tmp_path, client_secret="", client_auth="none")
    keyed = {"client_auth": "private_key_jwt", "client_key_file": "a.key", "client_secret": ""}

    key = built(tmp_path, **keyed).client.key
    assert key is not None
    assert (public["client_auth"], public["credential"]) == ("none", "none")
    assert facets(tmp_path, **keyed)["credential"] == f"the key {key.kid}"


def compared(directory: Path, old: str, new: str) -> list[tuple[str, ...]]:
    sides = []
    for text in (old, new):
        outcome = outcome_of(directory, text)
        assert isinstance(outcome, Loaded), outcome
        sides.append(outcome)
    return told(list(compare_access(*sides)))


CHANGES = [
    ("origins", {"origins": '["https://app.example.com", "https://b.example"]'}),
    ("client_id", {"client_id": "other"}),
    ("client_auth", {"client_auth": "post"}),
    ("credential", {"client_secret": '"${SECRET}"'}),
    ("scopes", {"scopes": "[openid, offline_access]"}),
    ("resource", {"resource": "'urn:x'"}),
    ("extra_params", {"extra_params": "{prompt: login}"}),
    ("claims", {"claims": "[sub]"}),
    ("after_logout", {"after_logout": "/bye"}),
    ("prefix", {"prefix": "/bff"}),
    ("session.idle", {"session": "{idle: 1h}"}),
    ("session.total", {"session": "{total: 24h}"}),
]


@pytest.mark.parametrize(("facet", "keys"), CHANGES)
def test_each_change_of_a_login_is_told(facet: str, keys: dict[str, str], tmp_path: Path) -> None:
    (found,) = compared(tmp_path, one_login(), one_login(**keys))

    assert found[:3] == ("login", "web", facet)
    assert SECRET not in str(found)


def test_another_order_of_keys_is_a_change(tmp_path: Path) -> None:
    """The first one seals."""
    turned = "{store: redis, keys: ['${OLD_SESSION_KEY}', '${SESSION_KEY}']}"
    old, new = (one_login(REDIS, session=session) for session in (SEALED, turned))

    (found,) = compared(tmp_path, old, new)

    assert found == ("login", "web", "session.keys", "a ring of 2", "a ring of 2")


def test_logins_come_and_go(tmp_path: Path) -> None:
    other = login("other", origins='["https://other.example"]')
    text = with_logins(login(), other, routes=ROUTES)

    (found,) = compared(tmp_path, one_login(), text)

    assert found[:3] == ("login", "other", "")
    assert "https://other.example" in found[4]


ROUTES = "{name: app, match: {path: /a}, upstream: orders, require: {}, login: [web, other]}"


def route_changes(directory: Path, old: str, new: str) -> list[tuple[str, ...]]:
    sides = []
    for text in (old, new):
        outcome = outcome_of(directory, text)
        assert isinstance(outcome, Loaded), outcome
        sides.append(RouteFacets(outcome))
    old_side, new_side = sides
    return told(list(compare_routes(old_side, new_side)))


def test_a_route_that_accepts_sessions_from_now_on_is_told(tmp_path: Path) -> None:
    other = login("other", client_id="other")
    none, one, both = (
        with_logins(login(), other, routes=APP.replace(", login: web", more))
        for more in ("", ", login: web", ", login: [other, web]")
    )

    assert route_changes(tmp_path, none, one) == [("route", "app", "login", "none", "web")]
    assert route_changes(tmp_path, one, both) == [("route", "app", "login", "web", "other, web")]
    turned = both.replace("[other, web]", "[web, other]")
    assert route_changes(tmp_path, both, turned) == []


def test_one_that_was_public_is_told_with_its_logins(tmp_path: Path) -> None:
    public = with_logins(login(), routes=APP.replace("require: {}, login: web", "public: true"))

    (found,) = route_changes(tmp_path, public, one_login())

    assert found[:3] == ("route", "app", "access")
    assert "login web" in found[4]


# --- who gains access


def opened(directory: Path, old: str, new: str, kind: Kind = Kind.OPENED) -> set[tuple[str, str]]:
    """Return the requests that *new* opens, and who by."""
    sides = []
    for text in (old, new):
        outcome = outcome_of(directory, text)
        assert isinstance(outcome, Loaded), outcome
        sides.append(outcome)
    difference = compare(sides[0], sides[1], Question(AT))
    return {
        (cell.request.line, who.replace("the old", "the new"))
        for cell in difference.of(kind)
        for who in cell.callers
    }


SESSION = "main, as the new route requires, by session of web"


def test_a_route_that_accepts_sessions_opens_it_to_them_alone(tmp_path: Path) -> None:
    other = login("other", client_id="other")
    keep = "\n{name: b, match: {path: /b}, upstream: orders, require: {}, login: [web, other]}"
    old, new = (
        with_logins(login(), other, routes=APP.replace(", login: web", more) + keep)
        for more in ("", ", login: web")
    )

    found = opened(tmp_path, old, new)

    assert found == {("GET app.example.com/app/some-2", SESSION)}
    assert opened(tmp_path, new, old) == set()
    assert opened(tmp_path, new, old, Kind.CLOSED) == found


def test_an_origin_more_opens_the_route_to_its_pages(tmp_path: Path) -> None:
    more = one_login(origins='["https://app.example.com", "https://b.example"]')

    found = opened(tmp_path, one_login(), more)

    assert {line.split()[1].partition("/")[0] for line, _ in found} == {"b.example"}
    assert {who for _, who in found} == {SESSION}


def test_personas_come_as_they_do_in_suites(tmp_path: Path) -> None:
    old, new = one_login(), one_login(origins='["https://b.example"]')
    request = parse_request("POST", "https://b.example/app/x")
    personas = [
        Persona("page", "main", session="web"),
        Persona("victim", "main", session="web", browser=Browser.OTHER_SITE),
    ]
    sides = []
    for text in (old, new):
        outcome = outcome_of(tmp_path, text)
        assert isinstance(outcome, Loaded), outcome
        sides.append(outcome)

    difference = compare(sides[0], sides[1], Question(AT, personas, [request]))

    (found,) = (one for one in difference.of(Kind.OPENED) if one.request == request)
    assert "page" in found.callers
    assert "victim" not in found.callers
