"""Who is logged in at the development issuer, in which browser."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from gateway.issuer.expiring import ExpiringTable
from gateway.issuer.personas import Persona
from gateway.issuer.tokens.grant import Authentication

SESSION_SECONDS = 8 * 3600
_MAX_SESSIONS = 1_000


@dataclass(frozen=True, slots=True)
class IssuerSession:
    """A person who is logged in; the *key* is the value of the cookie.

    *consents* are the scopes allowed to each client, by its ID; *logout_uris* are where clients
    want to hear of the end.
    """

    key: str = field(repr=False)
    persona: Persona
    authentication: Authentication
    consents: Mapping[str, frozenset[str]] = field(default_factory=dict)
    logout_uris: Mapping[str, str] = field(default_factory=dict)

    def has_consented(self, client_id: str, scopes: frozenset[str]) -> bool:
        """Return whether these *scopes* were allowed to the client before."""
        return client_id in self.consents and scopes <= self.consents[client_id]


class Sessions:
    """All sessions of the issuer. *clock* returns seconds, *new_secret* what nobody guesses."""

    def __init__(self, clock: Callable[[], float], new_secret: Callable[[], str]) -> None:
        self._clock = clock
        self._new_secret = new_secret
        self._by_key = ExpiringTable[str, IssuerSession](_MAX_SESSIONS, clock)

    def find(self, key: str | None) -> IssuerSession | None:
        """Return the session of the browser whose cookie is *key*."""
        return None if key is None else self._by_key.get(key)

    def log_in(self, former: IssuerSession | None, persona: Persona, acr: str) -> IssuerSession:
        """Return the session of *persona* after a login, always with a new key.

        It is the *former* one if that is of the same person: ``sid`` and consents stay.
        """
        now_seconds = int(self._clock())
        if former is not None:
            self._by_key.pop(former.key)
        if former is None or former.persona is not persona:
            sid = self._new_secret()
            authentication = Authentication(now_seconds, acr, sid)
            session = IssuerSession(self._new_secret(), persona, authentication)
        else:
            authentication = Authentication(now_seconds, acr, former.authentication.sid)
            session = replace(former, key=self._new_secret(), authentication=authentication)
        self._by_key.put(session.key, session, SESSION_SECONDS)
        return session

    def remember(
        self, session: IssuerSession, client_id: str, scopes: frozenset[str], logout_uri: str | None
    ) -> None:
        """Note that *scopes* were allowed to the client, and where it wants to hear of the end."""
        allowed = session.consents.get(client_id, frozenset()) | scopes
        uris = dict(session.logout_uris) | ({} if logout_uri is None else {client_id: logout_uri})
        consents = dict(session.consents) | {client_id: allowed}
        self._by_key.replace(session.key, replace(session, consents=consents, logout_uris=uris))

    def end(self, session: IssuerSession) -> None:
        """Forget *session*."""
        self._by_key.pop(session.key)

    def end_of(self, subject: str | None) -> list[IssuerSession]:
        """Forget the sessions of *subject*, or all of them; return them."""
        ended = [
            session
            for session in self._by_key.values()
            if subject is None or session.persona.subject == subject
        ]
        for session in ended:
            self.end(session)
        return ended
