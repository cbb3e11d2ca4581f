"""Sign transaction tokens: what began a call chain, for every service in it.

The claims are those of draft-ietf-oauth-transaction-tokens §4.
"""

from math import floor
from typing import Final

from gateway.assertion.signer import as_number, copied_claim, signer
from gateway.decision.token import SignedToken
from gateway.settings.values.configuration import AssertionSettings

TYPE: Final = "txntoken+jwt"


class TransactionTokens:
    r"""Issues transaction tokens, as lines ``Txn-Token: token\r\n``, one for each request.

    The gateway is what requests them, and what issues them: `req_wl` and `iss` are the same. They
    hold for the whole trust domain, so the service may pass them on.
    """

    def __init__(self, settings: AssertionSettings) -> None:
        self._settings = settings
        self._sign = signer(settings.keys[0], TYPE)
        self._start = b"%b: " % settings.header

    def issue(self, token: SignedToken, request_id: str, address: str, now: float) -> bytes:
        """Return the line for the request *request_id* of the caller with *token*, from *address*.

        A caller without `sub` is named by `client_id`, as RFC 9068 §2.2 has it; one with neither
        has an empty subject.
        """
        settings, claims = self._settings, token.claims
        issued_at = floor(now)
        # Never later than the token itself is accepted.
        ends_at = claims.expires_at + token.issuer.leeway_seconds
        client_id = claims.all.get("client_id")
        context: dict[str, object] = {}
        for name, source in settings.claims:
            value = copied_claim(token, source)
            if value is not None:
                context[name] = value
        members = {
            "iss": settings.issuer,
            "aud": settings.trust_domain,
            "iat": issued_at,
            "exp": as_number(min(issued_at + settings.lifetime_seconds, ends_at)),
            "txn": request_id,
            "sub": claims.subject or (client_id if isinstance(client_id, str) else ""),
            "scope": " ".join(claims.scopes),
            "req_wl": settings.issuer,
            "rctx": {"req_ip": address},
            "tctx": context,
        }
        return b"%b%b\r\n" % (self._start, self._sign(members))
