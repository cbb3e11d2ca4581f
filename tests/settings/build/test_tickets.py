"""Where tickets are issued is built, and what could never work is refused."""

from pathlib import Path

import pytest

from tests.settings.configs import assert_found, config, load

ROUTE = "{{name: a, match: {{path: {}}}, upstream: orders, require: {{}}, token_from: [{}]}}"


def saying(tickets: str, place: str = "ticket", path: str = "/a") -> str:
    extra = f"tickets: {tickets}\n" if tickets else ""
    return config(extra, routes=f"routes:\n  - {ROUTE.format(path, place)}\n")


def test_by_default_a_ticket_lives_for_half_a_minute(tmp_path: Path) -> None:
    tickets = load(tmp_path, saying("{}")).tickets

    assert tickets is not None
    assert (tickets.path, tickets.lifetime_seconds) == (b"/gateway/ticket", 30.0)
    assert tickets.owners == {"a"}
    assert tickets.route.methods == {"POST"}
    assert tickets.cors is None


def test_what_is_written_counts(tmp_path: Path) -> None:
    text = "{path: /t, lifetime: 1m, cors: {origins: ['https://app.example.com']}}"
    tickets = load(tmp_path, saying(text)).tickets

    assert tickets is not None
    assert (tickets.path, tickets.lifetime_seconds) == (b"/t", 60.0)
    assert tickets.cors is not None
    assert tickets.cors.methods == {"POST"}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (saying("{path: ¦a}"), "bad_value"),
        (saying("{path: ¦/a/../b}"), "bad_value"),
        (saying("{path: ¦'/a?b'}"), "bad_value"),
        (saying("{lifetime: ¦6m}"), "bad_value"),
        (saying("{path: ¦/x}", path="/x"), "route_conflict"),
        ("¦" + saying("{}", place="authorization"), "conflicting_keys"),
        (saying("", place="¦ticket"), "conflicting_keys"),
        (saying("{cors: {origins: [¦'https://*']}}"), "bad_value"),
    ],
)
def test_what_could_never_work_is_refused(tmp_path: Path, text: str, code: str) -> None:
    if text.startswith("¦"):
        text = text[1:].replace("tickets:", "¦tickets:")
    assert_found(tmp_path, code, text)


def test_a_login_keeps_its_paths(tmp_path: Path) -> None:
    """A request for a ticket is looked for first: nobody could log in any more."""
    login = "login: {web: {issuer: main, client_id: web, client_auth: none, origins: [ORIGIN]}}\n"
    text = login.replace("ORIGIN", "'https://a.example'") + saying("{path: ¦/oauth/callback}")

    assert_found(tmp_path, "route_conflict", text.replace("require: {}", "require: {}, login: web"))
    load(tmp_path, text.replace("¦/oauth/callback", "/oauth"))
