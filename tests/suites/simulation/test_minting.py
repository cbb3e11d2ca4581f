"""A draft is the token that its issuer would sign, before anything is done to it."""

import json

from gateway.decision.policy import Issuer, Profile
from gateway.decision.tokens.base64url import decode_base64url
from gateway.suites.simulation.minting import bearer, make_draft
from gateway.suites.simulation.persona import Persona
from gateway.suites.simulation.run_keys import RunKeys

ISSUER = Issuer("main", "i", None, frozenset({"ES256", "RS256"}), Profile.ANY, 0)


def test_a_draft_is_signed_by_the_key_of_its_issuer() -> None:
    keys = RunKeys([ISSUER])

    draft = make_draft(Persona("alice", "main", {"a": 1}), ISSUER, keys, 1000)

    header, payload, _ = (decode_base64url(part) for part in draft.sign().split(b"."))
    assert draft.key is keys.of("main")
    assert json.loads(header or b"") == {"alg": "ES256", "kid": "main-ES256", "typ": "JWT"}
    assert json.loads(payload or b"") == draft.claims
    assert draft.claims["a"] == 1


def test_the_algorithm_is_the_one_that_the_persona_asks_for() -> None:
    draft = make_draft(Persona("a", "main", algorithm="RS256"), ISSUER, RunKeys([ISSUER]), 1000)

    assert (draft.header["alg"], draft.key.algorithm) == ("RS256", "RS256")


def test_a_draft_does_not_show_itself() -> None:
    assert "alice" not in repr(make_draft(Persona("alice", "main"), ISSUER, RunKeys([ISSUER]), 0))


def test_a_token_goes_as_a_bearer_token() -> None:
    """RFC 6750 §2.1."""
    assert bearer(b"t") == b"Bearer t"
