"""All tokens of one issuer, signed with its current key."""

import itertools

from joserfc import jwt
from joserfc.jwk import JWKRegistry, KeySet

from gateway.issuer.personas import PERSONAS
from gateway.issuer.signing_keys import SigningAlgorithm
from gateway.issuer.tokens.grant import Authentication, Grant
from gateway.issuer.tokens.id_token import IdTokenHint
from gateway.issuer.tokens.signer import TokenSigner
from tests.issuer.running import HandClock

ISSUER = "http://127.0.0.1:9000"
GRANT = Grant("web", PERSONAS["alice"], ("a",), ("openid",), 60, Authentication(1, "x", "sid-1"))


def new_signer() -> tuple[TokenSigner, HandClock]:
    clock, numbers = HandClock(), itertools.count(1)
    signer = TokenSigner(ISSUER, SigningAlgorithm.ES256, clock, lambda: f"id-{next(numbers)}", 60)
    return signer, clock


def decode(signer: TokenSigner, token: str) -> jwt.Token:
    keys = KeySet([JWKRegistry.import_key(dict(jwk)) for jwk in signer.published_jwks()["keys"]])
    return jwt.decode(token, keys, algorithms=["ES256"])


def test_every_token_has_the_time_of_the_clock_and_an_id_of_its_own() -> None:
    signer, clock = new_signer()
    access_token = signer.access_token(GRANT)
    tokens = [
        access_token,
        signer.access_token(GRANT),
        signer.logout_token(IdTokenHint("alice", "web", None)),
    ]

    claims = [decode(signer, token).claims for token in tokens]
    assert [one["jti"] for one in claims] == ["id-1", "id-2", "id-3"]
    assert {one["iat"] for one in claims} == {int(clock.now)}
    assert decode(signer, signer.id_token(GRANT, access_token)).claims["aud"] == "web"


def test_a_new_key_signs_and_the_old_one_is_published_for_a_while() -> None:
    signer, clock = new_signer()
    before = signer.id_token(GRANT, "a")
    kid = signer.rotate()

    assert decode(signer, signer.access_token(GRANT)).header["kid"] == kid
    assert decode(signer, before).header["kid"] != kid
    assert signer.read_hint(before) == IdTokenHint("alice", "web", "sid-1")
    clock.now += 60
    assert [jwk["kid"] for jwk in signer.published_jwks()["keys"]] == [kid]
