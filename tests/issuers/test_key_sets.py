"""Sets as real issuers publish them: the good keys serve, each of the others is left out."""

import logging
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from tests.issuers.conftest import StartWorld
from tests.issuers.world import key, token, token_of
from tests.keyring.keys import Jwk, base64url, ec_jwk, jwks, number
from tests.keyring.peers import IssuerPeer, body
from tests.tokens import make_private

RSA = make_private("RSA")
OTHER_RSA = make_private("RSA", 1)
SHORT_RSA = rsa.generate_private_key(public_exponent=65537, key_size=1024)
EDWARDS = make_private("Ed25519")


def rsa_jwk(private: Any = RSA, **members: Any) -> Jwk:
    numbers = private.public_key().public_numbers()
    return {"kty": "RSA", "n": number(numbers.n), "e": number(numbers.e), **members}


def edwards_jwk(**members: Any) -> Jwk:
    x = base64url(EDWARDS.public_key().public_bytes_raw())
    return {"kty": "OKP", "crv": "Ed25519", "x": x, **members}


PRIVATE_NUMBER = number(make_private("ES256", 7).private_numbers().private_value)
SECRET = make_private("HMAC")

# Each with a token that its private half signed: what it says of itself is what counts.
UNUSABLE: dict[str, tuple[Jwk, bytes, str]] = {
    "7517.2 use: enc": (key(7, use="enc"), token(7), "use is not sig"),
    "7517.2 use: SIG": (key(7, use="SIG"), token(7), "use is not sig"),
    "7517.2 use: null": (key(7, use=None), token(7), "use is not sig"),
    "7517.2 key_ops to encrypt": (
        key(7, key_ops=["encrypt"]),
        token(7),
        "key_ops does not allow verify",
    ),
    "7517.2 no key_ops": (key(7, key_ops=[]), token(7), "key_ops does not allow verify"),
    "7517.2 key_ops and use disagree": (
        key(7, use="sig", key_ops=["sign"]),
        token(7),
        "key_ops does not allow verify",
    ),
    "7517.3 alg of another kind": (key(7, alg="RS256"), token(7), "alg does not fit the key"),
    "7517.3 alg of an encryption": (key(7, alg="ECDH-ES"), token(7), "alg does not fit the key"),
    "7517.3 alg: none": (key(7, alg="none"), token(7), "alg does not fit the key"),
    "7517.4 a private key": (key(7, d=PRIVATE_NUMBER), token(7), "a private key was published"),
    "7517.4 a secret": (
        {"kty": "oct", "kid": "k7", "k": base64url(SECRET)},
        token_of(SECRET, "HS256", "k7"),
        "a symmetric key does not belong in a published set",
    ),
    "7518.1 RSA of 1024 bits": (
        rsa_jwk(SHORT_RSA, kid="k7"),
        token_of(SHORT_RSA, "RS256", "k7"),
        "RSA key of 1024 bits is shorter than 2048",
    ),
    "7518.4 a point that is not on its curve": (
        key(7, y=key(8)["y"]),
        token(7),
        "point is not on P-256",
    ),
    "7517.1 a kind that nobody knows": ({"kty": "PQC", "kid": "k7"}, token(7), "kty is not RSA"),
    "7517.1 a key without a kind": ({"kid": "k7"}, token(7), "kty is not RSA"),
}


@pytest.mark.parametrize("name", UNUSABLE)
async def test_the_good_keys_of_a_set_serve_and_no_token_of_an_unusable_one_passes(
    name: str, start: StartWorld, issuer: IssuerPeer
) -> None:
    """7517.1, 7517.2, 7517.3, 7517.4, 7518.1, 7518.4."""
    unusable, its_token, words = UNUSABLE[name]
    issuer.answer = body(jwks(unusable, key(0), unusable | {"kid": "again"}))
    world = await start()

    assert await world.ask(token(0)) == "200"
    assert await world.ask(its_token) in {"401 key_unknown", "401 algorithm_not_allowed"}

    status = await world.issuer_status()
    assert (status["kids"], status["unusable_keys_total"]) == (["k0"], 2)
    assert status["unusable_keys"][0].startswith(f"key 0: {words}")


async def test_private_and_symmetric_keys_of_a_set_are_warned_of_once_and_never_shown(
    start: StartWorld, issuer: IssuerPeer, caplog: pytest.LogCaptureFixture
) -> None:
    """7517.4."""
    pem = RSA.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    issuer.answer = body(
        jwks(
            key(0),
            key(7, d=PRIVATE_NUMBER),
            {"kty": "oct", "kid": "s", "k": base64url(SECRET)},
            {"kty": "RSA", "kid": "pem", "n": pem.decode()},
        )
    )
    with caplog.at_level(logging.DEBUG):
        world = await start()
        for _ in range(5):
            await world.pass_time(240.0)
        status = (await world.admin("/status")).body.decode()

    warnings = [one for one in caplog.messages if "unusable" in one]
    assert warnings == [
        "issuer main: 3 unusable keys: key 1: a private key was published; "
        "key 2: a symmetric key does not belong in a published set; "
        "key 3: n is not a base64url string"
    ]
    assert len(issuer.paths) == 6
    said = caplog.text + status
    assert not any(secret in said for secret in (PRIVATE_NUMBER, base64url(SECRET), "BEGIN"))


# --- two keys with one name


async def test_of_two_keys_with_one_name_the_one_whose_kind_fits_is_used(
    start: StartWorld, issuer: IssuerPeer
) -> None:
    """7517.4; RFC 7517 section 4.5: equal names are for keys of different kinds."""
    issuer.answer = body(jwks(key(0, kid="k"), rsa_jwk(kid="k"), edwards_jwk(kid="k")))
    world = await start()

    assert await world.ask_all(
        token(0, kid="k"), token_of(RSA, "RS256", "k"), token_of(EDWARDS, "EdDSA", "k")
    ) == {"200"}
    assert await world.ask_all(token(1, kid="k"), token_of(OTHER_RSA, "RS256", "k")) == {
        "401 signature_invalid"
    }
    assert len(issuer.paths) == 1


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
async def test_two_keys_of_one_name_and_kind_are_tried_in_turn_whatever_their_order(
    order: tuple[int, int], start: StartWorld, issuer: IssuerPeer
) -> None:
    """7517.4, Wycheproof key/4: both are the issuer's, and a third key's token stays refused."""
    issuer.answer = body(jwks(*(key(which, kid="k") for which in order), key(2)))
    world = await start()

    assert await world.ask_all(token(0, kid="k"), token(1, kid="k")) == {"200"}
    assert await world.ask(token(2, kid="k")) == "401 signature_invalid"

    assert await world.ask(token(2)) == "200"
    assert len(issuer.paths) == 1  # the name is known: to ask for it again would bring nothing


async def test_of_two_keys_of_one_name_and_kind_an_algorithm_of_its_own_tells_them_apart(
    start: StartWorld, issuer: IssuerPeer
) -> None:
    """7517.3, CVE-2026-48523."""
    keys = jwks(rsa_jwk(kid="k", alg="RS256"), rsa_jwk(OTHER_RSA, kid="k", alg="PS256"))
    issuer.answer = body(keys)
    world = await start()

    assert await world.ask(token_of(RSA, "RS256", "k")) == "200"
    assert await world.ask(token_of(OTHER_RSA, "RS256", "k")) == "401 signature_invalid"
    assert await world.ask(token_of(OTHER_RSA, "PS256", "k")) == "401 algorithm_not_allowed"


async def test_two_keys_of_one_name_of_which_one_is_unusable_are_one(
    start: StartWorld, issuer: IssuerPeer
) -> None:
    """Encryption and signing keys often share their name."""
    issuer.answer = body(jwks(key(0, kid="k", use="enc"), key(1, kid="k", use="sig")))
    world = await start()

    assert await world.ask(token(1, kid="k")) == "200"
    assert await world.ask(token(0, kid="k")) == "401 signature_invalid"


# --- no name at all


@pytest.mark.parametrize("kid", ["any", "k0", "", None])
async def test_one_key_without_a_name_serves_tokens_of_any_name_and_of_none(
    kid: str | None, start: StartWorld, issuer: IssuerPeer
) -> None:
    nameless = {name: value for name, value in key(0).items() if name != "kid"}
    issuer.answer = body(jwks(nameless, rsa_jwk()))
    world = await start()

    assert await world.ask(token_of(make_private("ES256", 0), "ES256", kid)) == "200"
    assert await world.ask(token_of(RSA, "RS256", kid)) == "200"
    assert await world.ask(token_of(make_private("ES256", 1), "ES256", kid)) == (
        "401 signature_invalid"
    )


async def test_a_token_without_a_name_is_of_the_one_key_whose_kind_fits(
    start: StartWorld, issuer: IssuerPeer
) -> None:
    issuer.answer = body(jwks(key(0), rsa_jwk(kid="r")))
    world = await start()

    assert await world.ask_all(token(0, kid=None), token_of(RSA, "RS256", None)) == {"200"}
    assert await world.ask(token(1, kid=None)) == "401 signature_invalid"


async def test_a_token_without_a_name_is_held_against_each_key_that_fits_and_nothing_is_fetched(
    start: StartWorld, issuer: IssuerPeer
) -> None:
    issuer.answer = body(jwks(key(0), key(1)))
    world = await start()

    assert await world.ask_all(*(token(n % 2, kid=None) for n in range(10))) == {"200"}
    assert await world.ask(token(2, kid=None)) == "401 signature_invalid"
    assert len(issuer.paths) == 1


async def test_a_key_without_a_name_beside_named_ones_serves_no_token_with_another_name(
    start: StartWorld, issuer: IssuerPeer
) -> None:
    nameless = ec_jwk(make_private("ES256", 1))
    issuer.answer = body(jwks(key(0), nameless))
    world = await start()

    assert await world.ask(token(0)) == "200"
    assert await world.ask(token(1, kid="k1")) == "401 key_unknown"


# --- odd names


@pytest.mark.parametrize(
    "kid",
    [
        "",
        "../../etc/passwd",
        "' OR '1'='1",
        "*)(uid=*",
        "$(id)",
        "k0\r\nX-Admin: 1",
        "é",
        "k" * 1024,
    ],
)
async def test_a_name_is_compared_and_nothing_else(
    kid: str, start: StartWorld, issuer: IssuerPeer
) -> None:
    """8725.8: as a name it may serve; nobody looks it up, and nobody asks for it but by a fetch."""
    issuer.answer = body(jwks(key(0, kid=kid), key(1)))
    world = await start()
    private = make_private("ES256", 0)

    assert await world.ask(token_of(private, "ES256", kid)) == "200"
    assert await world.ask(token_of(private, "ES256", kid + "x")) in {
        "401 key_unknown",
        "401 token_malformed",  # of 1,025 characters
    }
    assert set(issuer.paths) == {"/jwks"}
