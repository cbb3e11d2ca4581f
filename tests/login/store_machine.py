"""Any store beside a model that forgets nothing, on one clock that a rule puts forward."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule

from gateway.login.session import Session
from gateway.login.store import Ended, SessionStore
from tests.login.sessions import BEGUN_AT, ISSUER, Clock, make_session, make_tokens

_Result = TypeVar("_Result")

SUCCESSOR_SECONDS = 60.0


@dataclass
class Login:
    """One login as the model knows it; *values* are all that its browser ever had."""

    session: Session
    values: list[tuple[str, Session]]
    refreshed_at: float = 0.0
    has_ended: bool = False
    was_named: bool = False  # when it was ended


class StoreMachine(RuleBasedStateMachine):
    """Does to a store what browsers, providers and gateways do, in any order.

    *is_cookie* tells how the store knows the last use: by the browser's own value. *forgets* tells
    whether it forgets by this clock, and not by that of Redis.
    """

    logins = Bundle("logins")
    is_cookie: bool
    forgets: bool

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.loop = asyncio.new_event_loop()
        self.store = self.open_store()
        self.all: list[Login] = []
        self.ended_before: dict[tuple[str, str], float] = {}
        self.used: set[bytes] = set()
        self.number = 0

    def open_store(self) -> SessionStore:
        raise NotImplementedError

    def run(self, coroutine: Coroutine[Any, Any, _Result]) -> _Result:
        return self.loop.run_until_complete(coroutine)

    def teardown(self) -> None:
        self.run(self.store.close())
        self.loop.close()

    @initialize()
    def begin_long_ago(self) -> None:
        """Redis notes since when it remembers, by the first login."""
        self.run(self.store.begin(make_session(BEGUN_AT - 90, subject="first", sid=None)))

    # What the model knows.

    def is_denied(self, session: Session) -> bool:
        keys = [("subject", session.subject), ("sid", session.sid or "")]
        return any(session.begun_at < self.ended_before.get(key, 0.0) for key in keys)

    def expected(self, login: Login, seen: Session) -> Session | None:
        """Return what a read of the value sealed for *seen* finds."""
        if login.has_ended:
            return None
        base = seen if self.is_cookie else login.session
        if base.expires_at <= self.clock.now:
            return None
        if not self.is_cookie or base.version == login.session.version:
            return base
        is_remembered = self.clock.now < login.refreshed_at + SUCCESSOR_SECONDS
        if self.forgets and not is_remembered:
            return base
        return replace(login.session, used_at=max(login.session.used_at, base.used_at))

    def is_alive(self, login: Login) -> bool:
        return self.expected(login, login.values[-1][1]) is not None

    # What happens.

    @rule(
        target=logins,
        subject=st.sampled_from(["ada", "bob"]),
        sid=st.sampled_from(["s", "t", None]),
        age=st.sampled_from([0, 3]),
        idle=st.sampled_from([40.0, 100.0]),
    )
    def log_in(self, subject: str, sid: str | None, age: int, idle: float) -> Any:
        self.number += 1
        now = self.clock.now
        session = make_session(
            now - age, subject=subject, sid=sid, idle_seconds=idle, tokens=make_tokens(self.number)
        )
        kept = self.run(self.store.begin(session))
        if self.is_denied(session):
            assert kept is None
            return multiple()
        assert kept is not None
        assert kept.value is not None
        assert kept.displaced == frozenset()
        assert replace(kept.session, id=b"") == session
        login = Login(kept.session, [(kept.value, kept.session)])
        self.all.append(login)
        return login

    @rule(login=logins, back=st.integers(0, 3))
    def read(self, login: Login, back: int) -> None:
        value, seen = login.values[max(-len(login.values), -1 - back)]
        kept = self.run(self.store.read(value))
        assert (None if kept is None else kept.session) == self.expected(login, seen)
        if kept is not None and kept.value is not None:
            assert kept.session.version > seen.version
            login.values.append((kept.value, kept.session))

    @rule(login=logins)
    def touch(self, login: Login) -> None:
        _, seen = login.values[-1]
        session = self.expected(login, seen)
        value = self.run(self.store.touch(session or seen, self.clock.now))
        if session is None:
            return
        used = replace(session, used_at=self.clock.now)
        if not self.is_cookie:
            assert value is None
            login.session = used
            return
        assert (value is not None) is (self.clock.now - session.used_at >= used.idle_seconds / 4)
        if value is not None:
            login.values.append((value, used))

    @rule(login=logins, ahead=st.integers(-1, 2))
    def refresh(self, login: Login, ahead: int) -> None:
        """Replace the session with a later version, or one that is late itself."""
        self.number += 1
        seen = self.expected(login, login.values[-1][1])
        base = seen or login.session
        version = max(0, base.version + ahead)
        changed = replace(base, tokens=make_tokens(self.number), version=version)
        is_known = not self.is_cookie or (
            login.session.version > 0
            and not (self.forgets and self.clock.now >= login.refreshed_at + SUCCESSOR_SECONDS)
        )
        is_late = is_known and version <= login.session.version
        if self.is_cookie and not is_late and version <= login.session.version:
            return  # nobody is left who knows the later version; nobody asks for an earlier one
        kept = self.run(self.store.replace(changed))
        if seen is None:
            assert kept is None
            return
        assert kept is not None
        if not is_late:
            used_at = self.clock.now if self.is_cookie else login.session.used_at
            login.session = replace(changed, used_at=used_at)
            login.refreshed_at = self.clock.now
        if self.is_cookie:
            assert replace(kept.session, used_at=0.0) == replace(login.session, used_at=0.0)
            assert kept.value is not None
            login.values.append((kept.value, kept.session))
        else:
            assert kept.session == login.session

    @rule(login=logins)
    def end(self, login: Login) -> None:
        was_alive = self.is_alive(login)
        there_was = self.run(self.store.end(login.session.id))
        if self.is_cookie:
            assert there_was is not login.was_named
        elif self.forgets:
            assert there_was is was_alive
        else:
            assert there_was >= was_alive
        login.has_ended = login.was_named = True

    @rule(sid=st.sampled_from(["s", "t"]))
    def log_out_sid(self, sid: str) -> None:
        alive = {
            one.session.id for one in self.all if one.session.sid == sid and self.is_alive(one)
        }
        ended = self.run(self.store.end_all(Ended(ISSUER, sid=sid)))
        assert alive <= ended
        self.ended_before["sid", sid] = self.clock.now + 60
        self.note_ends()

    @rule(subject=st.sampled_from(["ada", "bob"]), seconds=st.sampled_from([-20, 0, 1]))
    def log_out_subject(self, subject: str, seconds: int) -> None:
        before = self.clock.now + seconds
        mine = [one for one in self.all if one.session.subject == subject and self.is_alive(one)]
        ended = self.run(self.store.end_all(Ended(ISSUER, subject=subject, before=before)))
        assert {one.session.id for one in mine if one.session.begun_at < before} <= ended
        assert ended.isdisjoint(one.session.id for one in mine if one.session.begun_at >= before)
        key = ("subject", subject)
        self.ended_before[key] = max(before, self.ended_before.get(key, 0.0))
        self.note_ends()

    def note_ends(self) -> None:
        for login in self.all:
            login.has_ended = login.has_ended or self.is_denied(login.session)

    @rule(seconds=st.sampled_from([1, 7, 15, 39, 61, 100]))
    def pass_time(self, seconds: int) -> None:
        self.clock.now += seconds

    @rule(number=st.integers(0, 3))
    def use_once(self, number: int) -> None:
        token = b"state-%d" % number
        assert self.run(self.store.use_once(token, 1e6)) is (token not in self.used)
        self.used.add(token)

    @rule(login=logins)
    def lock(self, login: Login) -> None:
        ticket = self.run(self.store.lock(login.session.id, 1e6))
        assert ticket is not None
        assert self.run(self.store.lock(login.session.id, 1e6)) is None
        self.run(self.store.unlock(login.session.id, ticket))

    @rule(subject=st.sampled_from(["ada", "bob"]))
    def list_sessions(self, subject: str) -> None:
        listed = self.run(self.store.sessions(subject, 1000))
        mine = [one for one in self.all if one.session.subject == subject and self.is_alive(one)]
        expected = {} if self.is_cookie else {one.session.id: one.session for one in mine}
        assert {one.id: one for one in listed} == expected
        begun = [one.begun_at for one in listed]
        assert begun == sorted(begun, reverse=True)

    @invariant()
    def nobody_comes_back(self) -> None:
        """No value that a browser ever had opens a session that ended."""
        for login in self.all[-4:]:
            if login.has_ended:
                for value, _ in login.values[-2:]:
                    assert self.run(self.store.read(value)) is None
                assert self.run(self.store.get(login.session.id)) is None
