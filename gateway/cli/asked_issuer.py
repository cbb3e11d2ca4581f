"""Ask an issuer about a token once, for a command."""

import time
from collections.abc import Mapping

from aiohttp import ClientSession

from gateway.decision.keys import KeySet
from gateway.decision.verdict import WantedKey
from gateway.fetching.document import FetchFailed
from gateway.fetching.files import Files
from gateway.fetching.reach import make_reach
from gateway.introspection.asking import Asker, NoAnswer
from gateway.keyring.source import read_keys
from gateway.oauth.introspection import TokenState
from gateway.oauth.metadata import Endpoints, find_endpoints
from gateway.settings.values.configuration import IntrospectionSettings, IssuerSettings


class _FetchedOnce:
    """The keys of one issuer, fetched when an answer needs them."""

    def __init__(self, session: ClientSession, settings: IssuerSettings) -> None:
        self._session = session
        self._settings = settings
        self._held: dict[str, KeySet] = {}
        self.keys: Mapping[str, KeySet] = self._held

    async def refetch(self, issuer_name: str, kid: str | None) -> None:
        """Fetch the keys; a failure is seen by their absence."""
        try:
            parsed = await read_keys(self._session, Files(), self._settings)
        except FetchFailed:
            return
        self._held[issuer_name] = KeySet(parsed.keys)

    def explain(self, wanted: WantedKey) -> str:
        """Return which key is wanted."""
        return wanted.kid or "any key"


async def ask_issuer(
    session: ClientSession,
    settings: IssuerSettings,
    asked: IntrospectionSettings,
    token: bytes,
) -> TokenState | NoAnswer:
    """Return what the issuer of *settings* says about *token*, within its own timeouts."""
    iss = settings.issuer.issuer
    endpoints = Endpoints(iss, introspection=asked.url)
    if asked.url is None:
        try:
            seconds = settings.times.fetch_timeout_seconds
            reach = make_reach(settings.source)
            endpoints = await find_endpoints(session, iss, seconds, reach)
        except FetchFailed as failure:
            return NoAnswer(str(failure), is_silent=True)
    keys = _FetchedOnce(session, settings)
    return await Asker(settings, asked, keys, time.time).ask(session, endpoints, token)
