import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decision.tokens.json_text import parse_json_object
from gateway.oauth.responses import (
    DEFAULT_INTERVAL_SECONDS,
    DeviceAuthorization,
    PushedRequest,
    TokenResponse,
    read_device,
    read_pushed,
    read_tokens,
)

TOKENS: dict[str, object] = {
    "access_token": "a.b-c_d~e+f/g==",
    "token_type": "Bearer",
    "expires_in": 600,
    "refresh_token": "r e f",
    "id_token": "aa.bb.cc",
    "scope": "openid orders:read",
}
DEVICE: dict[str, object] = {
    "device_code": "d-e-v",
    "user_code": "WDJB-MJHT",
    "verification_uri": "https://login.example.com/device",
    "verification_uri_complete": "https://login.example.com/device?user_code=WDJB-MJHT",
    "expires_in": 600,
    "interval": 2,
}


def test_all_members_of_a_token_response_are_read() -> None:
    found = read_tokens({**TOKENS, "example": 1})

    assert isinstance(found, TokenResponse)
    assert found.access_token == TOKENS["access_token"]
    assert found.expires_in_seconds == 600.0
    assert found.refresh_token == "r e f"
    assert found.id_token == "aa.bb.cc"
    assert found.scope == "openid orders:read"
    assert found.members["example"] == 1
    assert not [value for value in ("a.b", "r e f", "aa.bb") if value in repr(found)]


def test_that_nothing_was_granted_may_be_an_empty_string() -> None:
    found = read_tokens({**TOKENS, "scope": ""})

    assert isinstance(found, TokenResponse)
    assert found.scope == ""


@pytest.mark.parametrize("kind", ["bearer", "BEARER"])
def test_the_type_is_read_in_any_case_and_the_rest_may_be_absent(kind: str) -> None:
    """6749.5."""
    found = read_tokens({"access_token": "x", "token_type": kind, "scope": None, "id_token": None})

    assert isinstance(found, TokenResponse)
    assert found.expires_in_seconds is None
    assert (found.refresh_token, found.id_token, found.scope) == (None, None, None)


WRONG: dict[str, dict[str, object]] = {
    "6749.6: no access token": {"access_token": None},
    "6749.6: an empty access token": {"access_token": ""},
    "6749.6: an access token with a line break": {"access_token": "a\r\nX-Admin: 1"},
    "6749.6: an access token with a space": {"access_token": "a b"},
    "6749.6: an access token of another type": {"access_token": ["a"]},
    "6749.5: no type": {"token_type": None},
    "6749.5: another type": {"token_type": "DPoP"},
    "6749.5: N_A": {"token_type": "N_A"},
    "6749.5: a type of another type": {"token_type": ["Bearer"]},
    "6749.6: no life": {"expires_in": 0},
    "6749.6: a life in the past": {"expires_in": -1},
    "6749.6: a life in words": {"expires_in": "600"},
    "6749.6: a life of true": {"expires_in": True},
    "6749.6: an endless life": {"expires_in": 1e300},
    "6749.6: a huge integer": {"expires_in": 10**400},
    "6749.6: a refresh token with a line break": {"refresh_token": "a\nb"},
    "6749.6: an empty refresh token": {"refresh_token": ""},
    "6749.6: a refresh token of another type": {"refresh_token": 7},
    "6749.6: an ID token that is none": {"id_token": "abc"},
    "6749.6: a scope with two spaces": {"scope": "a  b"},
    "6749.6: a scope that is a list": {"scope": ["a"]},
    "6749.6: a scope with a quote": {"scope": 'a"'},
}


@pytest.mark.parametrize("name", WRONG)
def test_a_token_response_with_a_wrong_member_is_none(name: str) -> None:
    found = read_tokens({**TOKENS, **WRONG[name]})

    assert isinstance(found, str)
    assert next(iter(WRONG[name])) in found


def test_a_pushed_request_is_read() -> None:
    members = {"request_uri": "urn:ietf:params:oauth:request_uri:6esc", "expires_in": 60}

    assert read_pushed(members) == PushedRequest(str(members["request_uri"]), 60.0)


@pytest.mark.parametrize("wrong", [{"request_uri": None}, {"request_uri": ""}, {"expires_in": "6"}])
def test_a_pushed_request_with_a_wrong_member_is_none(wrong: dict[str, object]) -> None:
    """9126.2."""
    found = read_pushed({"request_uri": "urn:x", "expires_in": 60, **wrong})

    assert isinstance(found, str)


def test_a_device_authorization_is_read() -> None:
    found = read_device(DEVICE)

    assert found == DeviceAuthorization(
        "d-e-v",
        "WDJB-MJHT",
        "https://login.example.com/device",
        "https://login.example.com/device?user_code=WDJB-MJHT",
        600.0,
        2.0,
    )
    assert "d-e-v" not in repr(found)


def test_without_an_interval_it_is_five_seconds() -> None:
    """8628.2."""
    found = read_device({**DEVICE, "interval": None, "verification_uri_complete": None})

    assert isinstance(found, DeviceAuthorization)
    assert found.interval_seconds == DEFAULT_INTERVAL_SECONDS == 5.0
    assert found.complete_uri is None


def test_the_largest_values_of_a_device_authorization_are_read() -> None:
    base = "https://login.example.com/"
    uri = base + "x" * (2048 - len(base))
    largest = {"verification_uri": uri, "interval": 300, "user_code": "A" * 64}

    assert isinstance(read_device({**DEVICE, **largest}), DeviceAuthorization)
    for name, value in {"verification_uri": uri + "x", "interval": 300.5}.items():
        assert isinstance(read_device({**DEVICE, **largest, name: value}), str)


@pytest.mark.parametrize("seconds", [0.001, 10 * 366 * 86_400])
def test_the_shortest_and_the_longest_life_are_read(seconds: float) -> None:
    found = read_tokens({**TOKENS, "expires_in": seconds})

    assert isinstance(found, TokenResponse)
    assert found.expires_in_seconds == seconds
    assert isinstance(read_tokens({**TOKENS, "expires_in": 10 * 366 * 86_400 + 1}), str)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("device_code", None),
        ("device_code", "a\nb"),
        ("user_code", None),
        ("user_code", "\x1b[2J"),
        ("user_code", "A" * 65),
        ("verification_uri", None),
        ("verification_uri", "javascript:alert(1)"),
        ("verification_uri", "http://login.example.com/device"),
        ("verification_uri", "https://login.example.com/\x1b[2J"),
        ("verification_uri", "https://login.example.com/" + "x" * 3_000),
        ("verification_uri_complete", "file:///etc/passwd"),
        ("verification_uri_complete", 7),
        ("expires_in", None),
        ("expires_in", -5),
        ("interval", "5"),
        ("interval", -1),
        ("interval", 1e9),
    ],
)
def test_a_device_authorization_with_a_wrong_member_is_none(name: str, value: object) -> None:
    """8628.1: what a person is shown does not control the terminal, or lead anywhere."""
    found = read_device({**DEVICE, name: value})

    assert isinstance(found, str)
    assert name in found


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)


@given(st.dictionaries(st.sampled_from([*TOKENS, *DEVICE, "request_uri"]), JSON))
def test_any_object_is_a_response_or_a_reason_in_our_own_words(changes: dict[str, Any]) -> None:
    members = parse_json_object(json.dumps({**TOKENS, **DEVICE, **changes}).encode())
    assert isinstance(members, dict)

    for read in (read_tokens, read_pushed, read_device):
        found = read(members)
        assert not isinstance(found, str) or found.isascii()
