"""Decide about a request; if a key or an answer is missing, get it and decide once more."""

from collections.abc import Callable
from typing import Protocol

from gateway.decision.browser import BrowserFields
from gateway.decision.decide import (
    check_revocation,
    decide,
    decide_by_session,
    settle,
    without_credentials,
    without_session,
)
from gateway.decision.head import RequestHead, SessionCredential
from gateway.decision.policy import Policy
from gateway.decision.reason import Reason
from gateway.decision.revocation import RevocationLists
from gateway.decision.routes.routing import Match
from gateway.decision.token import SignedToken
from gateway.decision.tokens.authenticate import KeySets
from gateway.decision.tokens.introspected import (
    FindAnswer,
    IntrospectedTokens,
    TokenAnswer,
    find_only,
)
from gateway.decision.tokens.memo import TokenMemo
from gateway.decision.verdict import (
    Deny,
    NeedCredentials,
    Needed,
    NeedKeys,
    NeedSession,
    Settled,
    Verdict,
    WantedKey,
)


class Keys(Protocol):
    """The keys of all issuers: ``keyring.Keyring``, or the mirror of one in a worker."""

    keys: KeySets  # what the decision reads, always current

    async def refetch(self, issuer_name: str, kid: str | None) -> None:
        """Fetch the keys again for a request that lacks *kid* (or any key, if None), if allowed."""

    def explain(self, wanted: WantedKey) -> str:
        """Describe in one line which key a token *wanted*, and which exist."""


class Introspection(Protocol):
    """Asks issuers about tokens: ``introspection.LiveIntrospection``, or in a worker its peer."""

    async def ask(self, issuer_name: str, token: bytes) -> TokenAnswer | None:
        """Return what an issuer says about *token*; None if it says nothing that counts."""


class Admission:
    """The decision with its inputs: keys, revocation lists, the token cache and the clock.

    *policy* may be replaced at any time; each decision is made under one policy. *revocations*
    are live, as the keys of the keyring are. *introspection* is None if no issuer introspects.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what decisions are made of
        self,
        policy: Policy,
        keyring: Keys,
        revocations: RevocationLists,
        memo: TokenMemo,
        clock: Callable[[], float],
        introspection: Introspection | None = None,
    ) -> None:
        self.policy = policy
        self._keyring = keyring
        self._keys = keyring.keys
        self._revocations = revocations
        self._authenticate = memo.authenticate
        self._clock = clock
        self._introspection = introspection
        self._answers = IntrospectedTokens()

    def decide(self, head: RequestHead) -> Verdict:
        """Decide with the keys that are loaded, where no issuer introspects."""
        clock = self._clock
        return decide(head, self.policy, self._keys, clock(), self._authenticate, self._revocations)

    def decide_for(self, head: RequestHead, match: Match) -> Verdict:
        """Decide about a request that belongs to the route of *match*, which is in no table."""
        return self._decide(head, self._answers.find, match)

    def decide_by_session(
        self,
        head: RequestHead,
        browser: BrowserFields,
        session: SessionCredential,
        match: Match | None = None,
    ) -> Settled | Needed | NeedCredentials:
        """Decide about a request without a token, for which there is this *session*."""
        return decide_by_session(
            head,
            browser,
            session,
            self.policy,
            self._keys,
            self._clock(),
            self._authenticate,
            self._revocations,
            match,
            self._answers.find,
        )

    def decide_with_answers(self, head: RequestHead) -> Verdict:
        """Decide with the keys and the answers of issuers that are at hand.

        A method of its own: where no issuer introspects, no request pays for looking.
        """
        return self._decide(head, self._answers.find)

    def _decide(
        self, head: RequestHead, find_answer: FindAnswer, match: Match | None = None
    ) -> Verdict:
        return decide(
            head,
            self.policy,
            self._keys,
            self._clock(),
            self._authenticate,
            self._revocations,
            match,
            find_answer,
        )

    async def decide_after(
        self, head: RequestHead, need: Needed, match: Match | None = None
    ) -> Settled:
        """Get what *need* names, then decide, whether it came or not.

        A second token may need something of its own.
        """
        find = await self._get(need, self._answers.find)
        verdict = self._decide(head, find, match)
        if isinstance(verdict, Needed) and verdict.deny.field != need.deny.field:
            verdict = self._decide(head, await self._get(verdict, find), match)
        if isinstance(verdict, NeedCredentials):  # a reload came first
            return without_credentials(verdict.route, head.target)
        if isinstance(verdict, NeedSession):  # a reload came first
            return without_session(verdict.route, head.target)
        return settle(verdict.deny, head.target) if isinstance(verdict, Needed) else verdict

    async def _get(self, need: Needed, known: FindAnswer) -> FindAnswer:
        """Get what *need* names; return what is known of answers then, besides what is *known*."""
        if isinstance(need, NeedKeys):
            await self._keyring.refetch(need.issuer_name, need.kid)
            return known
        asked, token, issuer = self._introspection, need.token, need.issuer
        answer = None if asked is None else await asked.ask(issuer.name, token)
        # It counts for this request even if it may not be remembered.
        find = find_only(token, issuer, answer, known)
        read = None if answer is None else find(token, issuer, self.policy, self._clock())
        if isinstance(read, SignedToken) and read.fresh_until > self._clock():
            self._answers.keep(token, read)
        return find

    def may_revoke(self, token: SignedToken) -> bool:
        """Return whether any revocation list applies to the token's issuer."""
        return token.issuer.name in self.policy.revocations

    def find_revocation(self, token: SignedToken) -> Deny | None:
        """Return why *token*, which was accepted before, is revoked now, or None.

        A list that is not loaded revokes nothing here: what it allowed before goes on.
        """
        if not self.may_revoke(token):
            return None
        deny = check_revocation(token, self.policy, self._revocations, self._clock())
        return deny if deny is not None and deny.reason is Reason.TOKEN_REVOKED else None
