"""Sign all tokens of one issuer, with the key that is current."""

from collections.abc import Callable

from gateway.issuer.signing_keys import KeyRing, SigningAlgorithm, make_signing_key
from gateway.issuer.tokens.access_token import sign_access_token
from gateway.issuer.tokens.grant import Grant
from gateway.issuer.tokens.id_token import (
    IdTokenHint,
    read_id_token_hint,
    sign_id_token,
    sign_logout_token,
)


class TokenSigner:
    """The keys of *issuer*. *clock* returns seconds since the epoch, *new_token_id* each ``jti``.

    A retired key stays published for *grace_seconds*.
    """

    def __init__(
        self,
        issuer: str,
        algorithm: SigningAlgorithm,
        clock: Callable[[], float],
        new_token_id: Callable[[], str],
        grace_seconds: float,
    ) -> None:
        self._issuer = issuer
        self._algorithm = algorithm
        self._clock = clock
        self._new_token_id = new_token_id
        self._grace_seconds = grace_seconds
        self._ring = KeyRing(make_signing_key(algorithm))

    def rotate(self) -> str:
        """Sign with a new key from now on; return its ``kid``."""
        new = make_signing_key(self._algorithm)
        self._ring = self._ring.rotate(new, self._clock(), self._grace_seconds)
        return new.kid

    def published_jwks(self) -> dict[str, list[dict[str, str]]]:
        """Return the JWK set that verifies what was signed here."""
        return self._ring.published_jwks(self._clock())

    def access_token(self, grant: Grant) -> str:
        """Return an access token for *grant*."""
        return sign_access_token(
            grant, self._ring.current, self._issuer, int(self._clock()), self._new_token_id()
        )

    def id_token(self, grant: Grant, access_token: str) -> str:
        """Return the ID token that goes with *access_token*."""
        now_seconds = int(self._clock())
        return sign_id_token(grant, access_token, self._ring.current, self._issuer, now_seconds)

    def logout_token(self, ended: IdTokenHint) -> str:
        """Return a logout token about the session that *ended*."""
        now_seconds = int(self._clock())
        return sign_logout_token(
            ended, self._ring.current, self._issuer, now_seconds, self._new_token_id()
        )

    def read_hint(self, id_token: str) -> IdTokenHint | None:
        """Return what an ID token says, if it was signed here."""
        return read_id_token_hint(id_token, self._ring, self._issuer)
