"""Ask one issuer about one token, as its client."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from secrets import token_urlsafe

from aiohttp import ClientSession

from gateway.admission import Keys
from gateway.fetching.reach import make_reach
from gateway.oauth.fault import FaultKind, OAuthFault
from gateway.oauth.introspection import (
    JSON_TYPE,
    JWT_TYPE,
    BadAnswer,
    Signer,
    TokenState,
    read_answer,
    read_signed_answer,
)
from gateway.oauth.metadata import Endpoints
from gateway.oauth.server import AuthorizationServer
from gateway.settings.values.configuration import IntrospectionSettings, IssuerSettings


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Why an issuer gave no answer that counts, for the log.

    *is_silent* if it did not respond, or with an error of its own. It may say after how many
    seconds to ask again.
    """

    detail: str
    is_silent: bool = False
    pause_seconds: float = 0.0


class Asker:
    """Asks the issuer of *settings* about tokens, one question at a time for each call.

    *keys* verify signed answers. *wall* returns seconds since the epoch.
    """

    def __init__(
        self,
        settings: IssuerSettings,
        asked: IntrospectionSettings,
        keys: Keys,
        wall: Callable[[], float],
    ) -> None:
        self._asked = asked
        self._name = settings.issuer.name
        self._keys = keys
        # Made once: a context for TLS takes longer than the rest of a question.
        self._reach = make_reach(settings.source)
        self._wall = wall
        issuer = settings.issuer
        self._signer = Signer(
            issuer.issuer, asked.client.client_id, issuer.algorithms, issuer.leeway_seconds
        )

    async def ask(
        self, session: ClientSession, endpoints: Endpoints, token: bytes
    ) -> TokenState | NoAnswer:
        """Return what the issuer says about *token* at its *endpoints*, over *session*."""
        asked = self._asked
        server = AuthorizationServer(
            endpoints,
            asked.client,
            session,
            now=self._wall,
            make_id=partial(token_urlsafe, 16),
            timeout_seconds=asked.timeout_seconds,
            reach=self._reach,
        )
        media_type = JWT_TYPE if asked.signed else JSON_TYPE
        body = await server.introspect(token.decode("ascii"), media_type)
        if isinstance(body, OAuthFault):
            is_silent = body.kind is FaultKind.UNAVAILABLE
            return NoAnswer(body.detail, is_silent, body.retry_after_seconds or 0.0)
        found = await self._read(body) if asked.signed else read_answer(body)
        return NoAnswer(found.detail) if isinstance(found, BadAnswer) else found

    async def _read(self, body: bytes) -> TokenState | BadAnswer:
        keys, name, signer = self._keys, self._name, self._signer
        found = read_signed_answer(body, signer, keys.keys.get(name), self._wall())
        if isinstance(found, BadAnswer) and found.needs_key:
            await keys.refetch(name, found.kid)
            found = read_signed_answer(body, signer, keys.keys.get(name), self._wall())
        return found
