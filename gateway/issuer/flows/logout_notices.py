"""Tell clients that a session ended (OpenID Connect Back-Channel Logout)."""

import asyncio
import logging
from collections.abc import Iterable

import aiohttp

from gateway.fetching.session import AGENT
from gateway.issuer.state.sessions import IssuerSession
from gateway.issuer.tokens.id_token import IdTokenHint
from gateway.issuer.tokens.signer import TokenSigner

_log = logging.getLogger(__name__)

# A client on this machine answers in milliseconds; whoever logs out waits for it.
_TIMEOUT = aiohttp.ClientTimeout(total=5)


class LogoutNotices:
    """Sends logout tokens that *signer* signs. Their addresses are all on this machine."""

    def __init__(self, signer: TokenSigner) -> None:
        self._signer = signer

    async def send(self, ended: Iterable[IssuerSession]) -> None:
        """Tell every client of the *ended* sessions; a client that does not listen is logged."""
        notices = [
            (uri, IdTokenHint(session.persona.subject, client_id, session.authentication.sid))
            for session in ended
            for client_id, uri in session.logout_uris.items()
        ]
        if not notices:
            return
        headers = {"User-Agent": AGENT}
        async with aiohttp.ClientSession(timeout=_TIMEOUT, headers=headers) as http:
            await asyncio.gather(*(self._send_one(http, uri, about) for uri, about in notices))

    async def _send_one(self, http: aiohttp.ClientSession, uri: str, about: IdTokenHint) -> None:
        form = {"logout_token": self._signer.logout_token(about)}
        try:
            async with http.post(uri, data=form, allow_redirects=False) as response:
                if response.status not in (200, 204):
                    status = f"status {response.status}"
                    _log.warning("back-channel logout at %s failed: %s", uri, status)
        except (aiohttp.ClientError, TimeoutError) as error:
            _log.warning("back-channel logout at %s failed: %s", uri, type(error).__name__)
