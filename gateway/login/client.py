"""Log in at one issuer, as one client of it: ask for codes, redeem and refresh, log out."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from secrets import token_bytes, token_urlsafe
from typing import Final

from gateway.admission import Keys
from gateway.decision.policy import Policy
from gateway.decision.reason import Reason
from gateway.decision.revocation import RevocationLists
from gateway.decision.token import SignedToken
from gateway.fetching.reach import make_reach
from gateway.login.requests import StepUpWanted
from gateway.login.session import Session, Tokens
from gateway.login.signed import (
    Expected,
    LogoutOrder,
    SignedTokens,
    Unverified,
    find_step_up_fault,
    names_client,
)
from gateway.login.under_way import LoginUnderWay
from gateway.oauth.authorization import CodeRequest
from gateway.oauth.endpoints import LiveEndpoints
from gateway.oauth.fault import FaultKind, OAuthFault
from gateway.oauth.form import Form, add_query
from gateway.oauth.metadata import Endpoints
from gateway.oauth.pkce import METHOD, RANDOM_BYTES, make_verifier
from gateway.oauth.responses import TokenResponse
from gateway.oauth.server import AuthorizationServer
from gateway.settings.values.configuration import IssuerSettings
from gateway.settings.values.login import LoginSettings, Origin

# A refresh begins so long before the token's end, or a quarter of the token's life before.
REFRESH_AHEAD_SECONDS: Final = 30.0

# However short a token's life is, it is not refreshed more often, except at its end.
_MIN_REFRESH_SECONDS: Final = 1.0

# 256 random bits: nobody guesses a state or a nonce (RFC 6749 §10.10).
_RANDOM_TEXT_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no login; *detail* is for the log, without secrets."""

    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class Renewed:
    """A *session* with new tokens."""

    session: Session


@dataclass(frozen=True, slots=True)
class NotRenewed:
    """The issuer issued nothing usable: later it may.

    *session* is set if what the issuer sent has to be kept: the refresh token for the next time.
    """

    detail: str
    session: Session | None = None


@dataclass(frozen=True, slots=True)
class Lost:
    """The session is over: the issuer says so, or speaks of somebody else."""

    detail: str


class LoginClient:
    """One way to log in, *login*, at its *issuer*.

    *policy*, *keys* and *revocations* are those that requests are decided with. *clock* returns
    seconds since the epoch, *random* that many random bytes.
    """

    def __init__(  # noqa: PLR0913 - built in one place, by name
        self,
        login: LoginSettings,
        issuer: IssuerSettings,
        policy: Policy,
        keys: Keys,
        endpoints: LiveEndpoints,
        *,
        revocations: RevocationLists,
        clock: Callable[[], float],
        random: Callable[[int], bytes] = token_bytes,
    ) -> None:
        self.login = login
        self._issuer = issuer
        self._signed = SignedTokens(
            issuer.issuer, login.client.client_id, policy, keys, revocations
        )
        self._endpoints = endpoints
        self._clock = clock
        self._random = random

    @property
    def iss(self) -> str:
        """Return the identifier of the issuer."""
        return self._issuer.issuer.issuer

    @property
    def timeout_seconds(self) -> float:
        """Return how long one request to the issuer may take."""
        return self._issuer.times.fetch_timeout_seconds

    @property
    def leeway_seconds(self) -> float:
        """Return by how much the issuer's clock may differ."""
        return self._issuer.issuer.leeway_seconds

    def origin_of(self, authority: str) -> Origin | None:
        """Return the origin whose Host field is *authority*, or None.

        URLs are made of it alone, never of what a client sent.
        """
        return next((one for one in self.login.origins if one.authority == authority), None)

    def owns(self, session: Session) -> bool:
        """Return whether *session* is one of this client at this issuer.

        A reload may have changed either; other gateways may still have the former one.
        """
        if session.login != self.login.name or session.issuer != self.iss:
            return False
        id_token = session.tokens.id_token
        return not id_token or names_client(id_token, self.login.client.client_id)

    # --- logging in

    def begin(self, origin: Origin, return_to: str, step_up: StepUpWanted | None) -> LoginUnderWay:
        """Return a new login, which begins at *origin* and returns to its page *return_to*."""
        return LoginUnderWay(
            login=self.login.name,
            issuer=self.iss,
            origin=origin.text,
            state=self._random(_RANDOM_TEXT_BYTES).hex(),
            nonce=self._random(_RANDOM_TEXT_BYTES).hex(),
            verifier=make_verifier(self._random(RANDOM_BYTES)),
            return_to=return_to,
            begun_at=self._clock(),
            step_up=step_up,
        )

    async def ask_for_code(self, under_way: LoginUnderWay) -> str | Failure:
        """Return the URL at which the issuer asks the person to consent."""
        server = await self._server()
        if isinstance(server, Failure):
            return server
        if not server.endpoints.offers_pkce:
            return Failure(
                Reason.LOGIN_UNAVAILABLE, f"the issuer does not offer PKCE with {METHOD}"
            )
        request = CodeRequest(
            client_id=self.login.client.client_id,
            redirect_uri=self._redirect_uri(under_way),
            scopes=self.login.scopes,
            state=under_way.state,
            verifier=under_way.verifier,
            nonce=under_way.nonce,
            resources=() if self.login.resource is None else (self.login.resource,),
            more=(*self.login.extra_params.items(), *_step_up_form(under_way.step_up)),
        )
        url = await server.authorization_url(request.form())
        return _failure(url, Reason.LOGIN_UNAVAILABLE) if isinstance(url, OAuthFault) else url

    async def endpoints(self) -> Endpoints | Failure:
        """Return the endpoints of the issuer."""
        found = await self._endpoints.find(self._issuer.issuer.name)
        if isinstance(found, str):
            return Failure(Reason.LOGIN_UNAVAILABLE, f"the issuer's endpoints: {found}")
        return found

    async def log_in(self, code: str, under_way: LoginUnderWay) -> Session | Failure:
        """Return a session with the tokens for *code*, all of them verified."""
        server = await self._server()
        if isinstance(server, Failure):
            return server
        response = await server.exchange_code(
            code, self._redirect_uri(under_way), under_way.verifier, self._resource_form()
        )
        if isinstance(response, OAuthFault):
            return _failure(response, Reason.LOGIN_FAILED)
        return await self._begin_session(response, under_way)

    async def _begin_session(
        self, response: TokenResponse, under_way: LoginUnderWay
    ) -> Session | Failure:
        now = self._clock()
        access = await self._signed.read_access_token(response.access_token, now)
        if isinstance(access, Unverified):
            return _unverified(access)
        revoked = self._signed.find_revocation(access, now)
        if revoked is not None:
            return _unverified(revoked)
        if response.id_token is None:
            return Failure(Reason.LOGIN_FAILED, "the issuer sent no ID token")
        step_up = under_way.step_up
        max_age = None if step_up is None else step_up.max_age_seconds
        expected = Expected(
            response.access_token.encode(), under_way.nonce, max_age, under_way.begun_at
        )
        identity = await self._signed.read_id_token(response.id_token, expected, now)
        if isinstance(identity, Unverified):
            return _unverified(identity)
        subject = identity.claims.subject
        if subject is None or access.claims.subject != subject:
            return Failure(
                Reason.LOGIN_FAILED, "the access token and the ID token are not of one subject"
            )
        fault = None if step_up is None else find_step_up_fault(access, step_up, now)
        if fault is not None:
            return Failure(Reason.LOGIN_FAILED, fault)
        tokens = _tokens(response, access, now)
        if tokens is None:
            return Failure(Reason.LOGIN_FAILED, "the access token has expired")
        return self._session(tokens, identity, subject, now)

    def _session(self, tokens: Tokens, identity: SignedToken, subject: str, now: float) -> Session:
        claims, sid = identity.claims.all, identity.claims.all.get("sid")
        limits = self.login.session
        issued_at = identity.claims.issued_at
        return Session(
            id=b"",
            login=self.login.name,
            issuer=self.iss,
            subject=subject,
            sid=sid if isinstance(sid, str) and sid else None,
            tokens=tokens,
            claims={name: claims[name] for name in self.login.claims if name in claims},
            begun_at=now if issued_at is None else min(now, issued_at),
            used_at=now,
            idle_seconds=limits.idle_seconds,
            ends_at=now + limits.total_seconds,
        )

    # --- refreshing

    async def refresh(self, session: Session) -> Renewed | NotRenewed | Lost:
        """Ask for new tokens of *session*, which has a refresh token."""
        server = await self._server()
        if isinstance(server, Failure):
            return NotRenewed(server.detail)
        response = await server.refresh(session.tokens.refresh or "", self._resource_form())
        if isinstance(response, TokenResponse):
            return await self._renew(session, response)
        if response.code == "invalid_grant":
            return Lost(response.detail)
        return NotRenewed(response.detail)

    async def _renew(
        self, session: Session, response: TokenResponse
    ) -> Renewed | NotRenewed | Lost:
        """Return *session* with the tokens in *response*, if they verify and are of its subject."""
        now, former = self._clock(), session.tokens
        # The former one may be used up by now, whatever becomes of the access token.
        refresh = response.refresh_token or former.refresh
        kept = replace(
            session, tokens=replace(former, refresh=refresh), version=session.version + 1
        )
        access = await self._signed.read_access_token(response.access_token, now)
        if isinstance(access, Unverified):
            return NotRenewed(access.detail, kept)
        if access.claims.subject != session.subject:
            return Lost("the new access token is of another subject")
        identity: SignedToken | Unverified | None = None
        if response.id_token is not None:
            expected = Expected(response.access_token.encode())
            identity = await self._signed.read_id_token(response.id_token, expected, now)
        if isinstance(identity, Unverified):
            return NotRenewed(identity.detail, kept)
        if identity is not None and identity.claims.subject != session.subject:
            return Lost("the new ID token is of another subject")
        tokens = _tokens(response, access, now, kept.tokens)
        if tokens is None:
            return NotRenewed("the new access token has expired", kept)
        claims = session.claims
        if identity is not None:
            said = identity.claims.all
            claims = {**claims, **{name: said[name] for name in self.login.claims if name in said}}
        return Renewed(replace(kept, tokens=tokens, claims=claims, used_at=now))

    # --- logging out

    def after_logout(self, origin: Origin) -> str:
        """Return the URL of the page to go to after a logout on *origin*."""
        page = self.login.after_logout
        return f"{origin.text}{page}" if page.startswith("/") else page

    def logout_url(self, session: Session, origin: Origin) -> str:
        """Return where to send the browser after its session ended here.

        That is the issuer's own logout, if it has one, which returns to the page after it
        (OpenID Connect RP-Initiated Logout 1.0 §2).
        """
        page = self.after_logout(origin)
        endpoints = self._endpoints.live.get(self._issuer.issuer.name)
        if endpoints is None or endpoints.end_session is None:
            return page
        form = [("client_id", self.login.client.client_id), ("post_logout_redirect_uri", page)]
        if session.tokens.id_token:
            form.insert(0, ("id_token_hint", session.tokens.id_token))
        return add_query(endpoints.end_session, form)

    async def revoke(self, tokens: Tokens) -> str | None:
        """Tell the issuer that nobody uses *tokens* any more (RFC 7009); return what failed."""
        server = await self._server()
        if isinstance(server, Failure):
            return server.detail
        if server.endpoints.revocation is None:
            return None
        fault = await server.revoke(tokens.refresh or tokens.access.decode("ascii"))
        return None if fault is None else fault.detail

    async def read_logout_token(self, text: str) -> LogoutOrder | Unverified:
        """Return what the logout token *text* orders."""
        return await self._signed.read_logout_token(text, self._clock())

    # --- requests to the issuer

    async def _server(self) -> AuthorizationServer | Failure:
        endpoints = await self.endpoints()
        if isinstance(endpoints, Failure):
            return endpoints
        return AuthorizationServer(
            endpoints,
            self.login.client,
            self._endpoints.session,
            now=self._clock,
            make_id=lambda: token_urlsafe(16),
            timeout_seconds=self.timeout_seconds,
            reach=make_reach(self._issuer.source),
        )

    def _redirect_uri(self, under_way: LoginUnderWay) -> str:
        return f"{under_way.origin}{self.login.prefix}/callback"

    def _resource_form(self) -> Form:
        return () if self.login.resource is None else (("resource", self.login.resource),)


def _step_up_form(step_up: StepUpWanted | None) -> Form:
    """Return the parameters of RFC 9470 §4."""
    if step_up is None:
        return ()
    form = []
    if step_up.acr_values:
        form.append(("acr_values", " ".join(step_up.acr_values)))
    if step_up.max_age_seconds is not None:
        form.append(("max_age", str(step_up.max_age_seconds)))
    return form


def _failure(fault: OAuthFault, refused: Reason) -> Failure:
    """Return the failure of a login because of *fault*; with *refused* if the issuer refused it."""
    is_refusal = fault.kind is FaultKind.ERROR
    return Failure(refused if is_refusal else Reason.LOGIN_UNAVAILABLE, fault.detail)


def _unverified(token: Unverified) -> Failure:
    reason = Reason.LOGIN_UNAVAILABLE if token.is_passing else Reason.LOGIN_FAILED
    return Failure(reason, token.detail)


def _tokens(
    response: TokenResponse, access: SignedToken, now: float, former: Tokens | None = None
) -> Tokens | None:
    """Return the tokens of *response*, whose access token was read as *access*.

    None if it has expired: the leeway of decisions is for clocks, not for sessions.
    """
    expires_at = access.claims.expires_at
    if response.expires_in_seconds is not None:
        expires_at = min(expires_at, now + response.expires_in_seconds)
    if expires_at <= now:
        return None
    ahead_seconds = min(REFRESH_AHEAD_SECONDS, (expires_at - now) / 4)
    id_token, refresh = response.id_token or "", response.refresh_token
    return Tokens(
        access=response.access_token.encode(),
        access_expires_at=expires_at,
        # Never after its end: a session does not end while it can be refreshed.
        refresh_at=min(max(expires_at - ahead_seconds, now + _MIN_REFRESH_SECONDS), expires_at),
        refresh=refresh if refresh or former is None else former.refresh,
        id_token=id_token if id_token or former is None else former.id_token,
    )
