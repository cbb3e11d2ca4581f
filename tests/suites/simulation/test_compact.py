"""RFC 7515 §3.3: the example of the standard, written by us."""

import json

from gateway.suites.simulation.compact import signing_input, to_base64url, to_json, with_signature


def test_a_token_is_its_three_parts_in_base64url() -> None:
    signed = signing_input({"alg": "ES256", "kid": "a"}, b'{"iss":"joe"}')

    assert signed == b"eyJhbGciOiJFUzI1NiIsImtpZCI6ImEifQ.eyJpc3MiOiJqb2UifQ"
    assert with_signature(signed, b"\xff\xfe\xfd") == signed + b".__79"
    assert with_signature(signed, b"") == signed + b"."


def test_base64url_has_no_padding_and_its_own_alphabet() -> None:
    """RFC 7515 §2, and appendix C."""
    assert to_base64url(bytes([3, 236, 255, 224, 193])) == b"A-z_4ME"


def test_json_says_what_it_was_given_in_the_same_order() -> None:
    members = {"b": [1, {"a": None}], "a": "é\ud800"}

    assert list(json.loads(to_json(members)).items()) == list(members.items())
    assert b" " not in to_json(members)
