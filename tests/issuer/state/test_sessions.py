"""Who is logged in."""

import itertools

from gateway.issuer.personas import PERSONAS
from gateway.issuer.state.sessions import SESSION_SECONDS, Sessions
from tests.issuer.running import HandClock

ALICE, BOB = PERSONAS["alice"], PERSONAS["bob"]


def new_sessions() -> tuple[Sessions, HandClock]:
    numbers = itertools.count(1)
    clock = HandClock()
    return Sessions(clock, lambda: f"secret-{next(numbers)}"), clock


def test_every_login_makes_a_new_key() -> None:
    """Session fixation: whoever knew the key before does not know it after."""
    sessions, clock = new_sessions()
    first = sessions.log_in(None, ALICE, "weak")
    clock.now += 10

    second = sessions.log_in(first, ALICE, "strong")

    assert sessions.find(first.key) is None
    assert sessions.find(second.key) == second
    assert second.authentication.sid == first.authentication.sid
    assert second.authentication.acr == "strong"
    assert second.authentication.at_seconds == first.authentication.at_seconds + 10


def test_another_person_gets_another_session() -> None:
    sessions, _ = new_sessions()
    alice = sessions.log_in(None, ALICE, "weak")
    sessions.remember(alice, "web", frozenset({"openid"}), None)

    bob = sessions.log_in(sessions.find(alice.key), BOB, "weak")

    assert sessions.find(alice.key) is None
    assert bob.authentication.sid != alice.authentication.sid
    assert not bob.has_consented("web", frozenset())


def test_consents_add_up_for_each_client() -> None:
    sessions, _ = new_sessions()
    key = sessions.log_in(None, ALICE, "weak").key
    for scope, uri in (("a", "http://localhost:1/x"), ("b", None)):
        session = sessions.find(key)
        assert session is not None
        sessions.remember(session, "web", frozenset({scope}), uri)

    session = sessions.find(key)
    assert session is not None
    assert session.has_consented("web", frozenset({"a", "b"}))
    assert not session.has_consented("web", frozenset({"c"}))
    assert not session.has_consented("cli", frozenset())
    assert session.logout_uris == {"web": "http://localhost:1/x"}


def test_a_session_ends_by_itself() -> None:
    sessions, clock = new_sessions()
    key = sessions.log_in(None, ALICE, "weak").key
    clock.now += SESSION_SECONDS

    assert sessions.find(key) is None
    assert sessions.end_of(None) == []
    assert sessions.find(None) is None


def test_sessions_of_one_person_are_ended_and_no_others() -> None:
    sessions, _ = new_sessions()
    alice = sessions.log_in(None, ALICE, "weak")
    bob = sessions.log_in(None, BOB, "weak")

    assert sessions.end_of("alice") == [alice]
    assert sessions.find(alice.key) is None
    assert sessions.find(bob.key) == bob
    sessions.end(bob)
    assert sessions.find(bob.key) is None


def test_a_key_does_not_show_in_a_repr() -> None:
    sessions, _ = new_sessions()
    session = sessions.log_in(None, ALICE, "weak")

    assert session.key not in repr(session)
