"""Attacks by session: a gateway that falls for one of them is found out, and ours is not."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.decision.head import NO_SESSION, SessionCredential
from gateway.decision.reason import Reason
from gateway.decision.verdict import Deny
from gateway.settings.load import Loaded
from gateway.suites.files.attack_names import NAMES
from gateway.suites.hostile.findings import HostileReport, Kind
from gateway.suites.hostile.run_attacks import Campaign
from gateway.suites.simulation.sandbox import DecideBySession, Outcome, Sandbox, Sent
from tests.suites.login_world import LOGIN_ESTATE
from tests.suites.worlds import AT, load_all

ORIGIN = b"Origin: https://app.example"


@pytest.fixture(scope="module", name="loaded")
def load_estate(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return load_all(tmp_path_factory.mktemp("estate"), LOGIN_ESTATE)


def attacked(loaded: Loaded, weaken: "Weakness | None" = None) -> HostileReport:
    sandbox = Sandbox(loaded.settings, AT)
    decide = None if weaken is None else weaken(sandbox)
    campaign = Campaign(sandbox, loaded.places, decide_by_session=decide)
    return campaign.run(lambda name: " session-" in name or weaken is None)


def test_no_attack_gets_through(loaded: Loaded) -> None:
    """10017.3, 10017.6: by fields, by hosts, by cookies."""
    report = attacked(loaded)

    assert [finding for route in report.routes for finding in route.findings] == []
    counts = {route.route: route.counts for route in report.routes}
    names = {name for name in counts["app"] if name.startswith("session-")}
    assert names == {
        *("session-forged", "session-forged-socket", "session-other-host", "session-missing"),
        *("session-of-another-login", "session-beside-token", "session-expired", "session-leaked"),
    }
    assert counts["app"]["session-forged"] >= 20
    assert not any(name.startswith("session-") for name in counts["api"])


Weakness = Callable[[Sandbox], DecideBySession]


def _by_head(change: Callable[[bytes], bytes]) -> Weakness:
    """Return a gateway that reads another head than the one that was sent."""

    def weaken(sandbox: Sandbox) -> DecideBySession:
        return lambda head, session: sandbox.decide(change(head), session)

    return weaken


def _without(*names: bytes) -> Callable[[bytes], bytes]:
    pattern = re.compile(rb"\r\n(?:%b):[^\r]*" % b"|".join(names), re.IGNORECASE)
    return lambda head: pattern.sub(b"", head)


def _believe_every_page(head: bytes) -> bytes:
    head = _without(b"Origin", b"Sec-Fetch-Site", b"X-CSRF")(head)
    return head[:-2] + ORIGIN + b"\r\nX-CSRF: 1\r\n\r\n"


def _ask_for_no_field(head: bytes) -> bytes:
    return _without(b"X-CSRF")(head)[:-2] + b"X-CSRF: 1\r\n\r\n"


def _take_any_session(sandbox: Sandbox) -> DecideBySession:
    def decide(head: bytes, session: SessionCredential) -> Outcome:
        return sandbox.decide(head, session._replace(login="web"))

    return decide


def _take_any_cookie(sandbox: Sandbox) -> DecideBySession:
    good: list[SessionCredential] = []

    def decide(head: bytes, session: SessionCredential) -> Outcome:
        good.extend([session] if session.login == "web" else [])
        is_known = session is not NO_SESSION or b"__Host-session=" not in head
        return sandbox.decide(head, session if is_known else good[0])

    return decide


def _forget_the_time(sandbox: Sandbox) -> DecideBySession:
    good: list[SessionCredential] = []

    def decide(head: bytes, session: SessionCredential) -> Outcome:
        outcome = sandbox.decide(head, session)
        if isinstance(outcome, Deny) and outcome.reason is Reason.TOKEN_EXPIRED:
            return sandbox.decide(head, good[0])
        good.append(session)
        return outcome

    return decide


def _forward_everything(sandbox: Sandbox) -> DecideBySession:
    def decide(head: bytes, session: SessionCredential) -> Outcome:
        outcome = sandbox.decide(head, session)
        cookies = b"".join(re.findall(rb"Cookie: [^\r]*\r\n", head))
        if isinstance(outcome, Sent):
            return replace(outcome, head=outcome.head[:-2] + cookies + b"\r\n")
        return outcome

    return decide


WEAKNESSES: dict[str, tuple[Weakness, set[str]]] = {
    "no protection at all": (
        _by_head(_believe_every_page),
        {"session-forged", "session-forged-socket"},
    ),
    "no field": (_by_head(_ask_for_no_field), {"session-forged"}),
    "Sec-Fetch-Site alone": (
        _by_head(lambda head: _without(b"Origin")(head)[:-2] + ORIGIN + b"\r\n\r\n"),
        {"session-forged", "session-forged-socket"},
    ),
    "Origin alone": (_by_head(_without(b"Sec-Fetch-Site")), {"session-forged"}),
    "every host": (
        _by_head(lambda head: re.sub(rb"\r\nHost: [^\r]*", b"\r\nHost: app.example", head)),
        {"session-other-host"},
    ),
    "every session": (_take_any_session, {"session-of-another-login"}),
    "every cookie is a session": (_take_any_cookie, {"session-missing"}),
    "the session before the token": (
        _by_head(_without(b"Authorization")),
        {"session-beside-token"},
    ),
    "every time": (_forget_the_time, {"session-expired"}),
    "every cookie": (_forward_everything, {"session-leaked"}),
}


@pytest.mark.parametrize("name", WEAKNESSES)
def test_each_weakness_is_found_by_the_attacks_that_are_for_it(name: str, loaded: Loaded) -> None:
    weaken, expected = WEAKNESSES[name]

    report = attacked(loaded, weaken)

    (app,) = (route for route in report.routes if route.route == "app")
    opened = {finding.name for finding in app.findings if finding.kind is Kind.OPENED}
    assert opened == expected
    assert all(finding.place.line == 24 for finding in app.findings)


def test_there_is_no_attack_by_session_that_cannot_get_through() -> None:
    found = {name for _, expected in WEAKNESSES.values() for name in expected}

    assert found == {name for name in NAMES if name.startswith("session-")}


def test_an_issuer_of_no_login_has_no_sessions(tmp_path: Path) -> None:
    """Tokens of the partner are attacked, too, but not as those of sessions of `web`."""
    text = LOGIN_ESTATE.replace("login: [web, staff]", "login: web")
    report = attacked(load_all(tmp_path, text))

    assert not any(route.findings for route in report.routes)
