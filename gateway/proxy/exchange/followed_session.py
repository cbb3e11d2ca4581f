"""The session of a response that lasts: asked about whenever its view is due."""

from typing import Final

from gateway.decision.head import RequestHead
from gateway.decision.reason import Reason
from gateway.decision.verdict import Allow, Deny, NeedCredentials, Needed, Settled
from gateway.http.reading.cookies import OwnCookies, renewed_cookies
from gateway.http.reading.request import Request
from gateway.proxy.logins.session_cache import CachedSession
from gateway.proxy.port import Port

SESSION_ENDED: Final = Deny(Reason.LOGIN_REQUIRED, "the session of the stream has ended")

# Why a token cannot be judged now; it is no verdict about it.
_UNKNOWN: Final = frozenset((Reason.KEYS_UNAVAILABLE, Reason.REVOCATIONS_UNAVAILABLE))


class FollowedSession:
    """The session that *request* came by, as long as its response lasts.

    *id* is that of the session. It is asked about next at *check_at*, in seconds since the epoch:
    first soon, because it may have ended before the response began. *is_last* says that its last
    token has expired, so that no news is bad news.
    """

    __slots__ = ("_own", "_request", "_token", "check_at", "id", "is_asking", "is_last")

    def __init__(self, request: Request, session: CachedSession) -> None:
        self.id = session.view.id
        self.is_asking = False
        self.is_last = False
        self._request = request
        self._own: OwnCookies = request.fields.cookies
        self._token = session.view.token
        self.check_at = 0.0

    async def judge(self, port: Port) -> Allow | Deny | None:
        """Return the verdict about its new token, or about its end; None if there is no news."""
        self.is_asking = True
        try:
            return await self._judge(port)
        finally:
            self.is_asking = False

    async def _judge(self, port: Port) -> Allow | Deny | None:
        if port.logins is None:
            return SESSION_ENDED
        found = await port.logins.sessions.find(self._own, anew=self.is_last)
        if found is Reason.LOGIN_REQUIRED:
            return SESSION_ENDED
        if not isinstance(found, CachedSession):
            return None
        self.check_at = found.view.check_at
        # The browser cannot be given them with this response, which has begun long ago.
        self._own = renewed_cookies(self._own, found.view.cookies)
        if found.view.token == self._token:
            return None
        verdict = await self._decide(port, found)
        if isinstance(verdict, Deny):
            return None if verdict.reason in _UNKNOWN else verdict
        self._token = found.view.token
        token = verdict.token
        return verdict if token is None else verdict._replace(token=found.remember(token))

    async def _decide(self, port: Port, found: CachedSession) -> Allow | Deny:
        request, credential = self._request, found.credential
        host = port.hosts[request.fields.host] or ""
        also = request.fields.also
        head = RequestHead(request.method, host, request.target, (), None, also)
        verdict: Settled | Needed | NeedCredentials
        verdict = port.admission.decide_by_session(head, request.browser(), credential)
        if isinstance(verdict, Needed):
            head = head._replace(authorization=credential.authorization)
            verdict = await port.admission.decide_after(head, verdict)
        return verdict if isinstance(verdict, Allow | Deny) else SESSION_ENDED
