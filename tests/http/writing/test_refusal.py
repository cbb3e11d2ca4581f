"""Answers in the gateway's own name: RFC 6750 challenges, RFC 9457 bodies, no secrets."""

import json
import re

import pytest

from gateway.decision.reason import Reason
from gateway.decision.verdict import Deny
from gateway.http.writing.grpc_status import grpc_status_of
from gateway.http.writing.refusal import (
    REQUEST_ID_LENGTH,
    grpc_refusal_fields,
    grpc_refusal_trailers,
    login_refusal_parts,
    refusal_parts,
    render_refusal,
)
from gateway.http.writing.status_line import render_response
from tests.proxy.messages import Message, parse_head

ID = b"0123456789abcd-000000001"
NOW = 784111777.9  # the example of RFC 9110 §5.6.7

# RFC 9110 §11.6.1 with the narrower values of RFC 6750 §3.
_PARAMETER = r'[a-z_]+="[\x20\x21\x23-\x5b\x5d-\x7e]*"'
CHALLENGE = re.compile(rf"Bearer {_PARAMETER}(, {_PARAMETER})*")


def render(deny: Deny, *, is_head: bool = False, close: bool = False) -> Message:
    text = render_refusal(deny, ID, NOW, is_head=is_head, close=close)
    head, _, body = text.partition(b"\r\n\r\n")
    parsed = parse_head(head + b"\r\n\r\n")
    return Message(parsed.start, parsed.fields, body)


def make_deny(reason: Reason) -> Deny:
    methods = ("GET", "HEAD") if reason is Reason.METHOD_NOT_ALLOWED else ()
    return Deny(reason, "secret detail for the log", scopes=("a:read", "b:write"), methods=methods)


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_a_well_formed_problem(reason: Reason) -> None:
    answer = render(make_deny(reason))

    assert answer.status == reason.status
    assert answer.one(b"content-type") == b"application/problem+json"
    assert int(answer.one(b"content-length")) == len(answer.body)
    assert answer.one(b"cache-control") == b"no-store"
    assert answer.one(b"date") == b"Sun, 06 Nov 1994 08:49:37 GMT"
    assert answer.one(b"x-request-id") == ID
    problem = json.loads(answer.body)
    assert problem.keys() == {"type", "title", "status", "detail", "reason", "instance"}
    assert problem["type"] == f"urn:jwt-gateway:reason:{reason.code}"
    assert (problem["status"], problem["reason"]) == (reason.status, reason.code)
    assert problem["instance"] == ID.decode()


@pytest.mark.parametrize("reason", Reason)
def test_what_the_log_is_told_the_client_is_not(reason: Reason) -> None:
    """CVE-2022-29266, 6750.10."""
    deny = make_deny(reason)

    assert b"secret" not in render_refusal(deny, ID, NOW, is_head=False, close=False)


@pytest.mark.parametrize("reason", Reason)
def test_a_401_has_one_challenge_and_each_parameter_once(reason: Reason) -> None:
    """9110.13, 6750.7."""
    challenges = render(make_deny(reason)).all(b"www-authenticate")

    if reason.status == 401:
        assert len(challenges) == 1
    for challenge in challenges:
        assert CHALLENGE.fullmatch(challenge.decode())
        names = re.findall(r'([a-z_]+)="', challenge.decode())
        assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("reason", "error"),
    [
        (Reason.TOKEN_MISSING, None),  # 6750.4
        (Reason.TOKEN_REPEATED, 'error="invalid_request"'),  # 6750.2
        (Reason.TOKEN_EXPIRED, 'error="invalid_token"'),  # 6750.5
        (Reason.SIGNATURE_INVALID, 'error="invalid_token"'),
        (Reason.SCOPE_MISSING, 'error="insufficient_scope"'),  # 6750.6
    ],
)
def test_the_error_is_the_one_of_rfc_6750(reason: Reason, error: str | None) -> None:
    challenge = render(make_deny(reason)).one(b"www-authenticate").decode()

    if error is None:
        assert "error" not in challenge
    else:
        assert error in challenge


def test_missing_scopes_are_all_named_at_once() -> None:
    answer = render(make_deny(Reason.SCOPE_MISSING))

    assert b'scope="a:read b:write"' in answer.one(b"www-authenticate")
    assert json.loads(answer.body)["detail"] == "This needs the scopes: a:read b:write"


def test_a_405_names_what_is_allowed() -> None:
    """9110.13."""
    answer = render(make_deny(Reason.METHOD_NOT_ALLOWED))

    assert answer.one(b"allow") == b"GET, HEAD"


@pytest.mark.parametrize(
    "reason",
    [
        Reason.KEYS_UNAVAILABLE,
        Reason.REVOCATIONS_UNAVAILABLE,
        Reason.INTROSPECTION_UNAVAILABLE,
        Reason.UPSTREAM_UNAVAILABLE,
        Reason.LIMITS_UNAVAILABLE,
        Reason.SESSIONS_UNAVAILABLE,
        Reason.LOGIN_UNAVAILABLE,
        Reason.OVERLOADED,
        Reason.DRAINING,
    ],
)
def test_what_will_pass_says_when_to_ask_again(reason: Reason) -> None:
    assert int(render(make_deny(reason)).one(b"retry-after")) > 0


def test_an_answer_to_head_has_the_same_head_and_no_body() -> None:
    deny = make_deny(Reason.TOKEN_MISSING)

    assert render(deny, is_head=True).fields == render(deny).fields
    assert render(deny, is_head=True).body == b""


def test_the_end_of_the_connection_is_told() -> None:
    deny = make_deny(Reason.TOKEN_MISSING)

    assert render(deny, close=True).one(b"connection") == b"close"
    assert not render(deny).has(b"connection")


def test_a_percent_sign_in_a_scope_is_only_a_percent_sign() -> None:
    answer = render(Deny(Reason.SCOPE_MISSING, "x", scopes=("50%b", "%d%s")))

    assert b'scope="50%b %d%s"' in answer.one(b"www-authenticate")


@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize("close", [True, False])
def test_the_parts_are_those_of_the_whole_text(reason: Reason, close: bool) -> None:
    deny = make_deny(reason)

    fields, body = refusal_parts(deny, ID, NOW)

    whole = render_response(reason.status, fields, body, close, b"")
    assert whole == render_refusal(deny, ID, NOW, is_head=False, close=close)
    to_head = render_response(reason.status, fields, b"", close, b"")
    assert to_head == render_refusal(deny, ID, NOW, is_head=True, close=close)


def test_where_to_log_in_is_a_member_of_the_problem() -> None:
    deny = make_deny(Reason.LOGIN_REQUIRED)

    fields, body = login_refusal_parts(deny, "https://app.example/login", ID, NOW)

    plain_fields, plain = refusal_parts(deny, ID, NOW)
    assert json.loads(body) == json.loads(plain) | {"login": "https://app.example/login"}
    assert b"\r\nContent-Length: %d\r\n" % len(body) in fields
    assert len(fields.split(b"\r\n")) == len(plain_fields.split(b"\r\n"))


def test_request_ids_have_the_length_that_answers_are_made_for() -> None:
    assert len(ID) == REQUEST_ID_LENGTH


@pytest.mark.parametrize("reason", Reason)
def test_a_call_of_grpc_has_the_same_fields_and_its_status_in_one_head(reason: Reason) -> None:
    deny = make_deny(reason)
    of_problem, body = refusal_parts(deny, ID, NOW)

    fields = grpc_refusal_fields(deny, ID, NOW)

    lines = fields.split(b"\r\n")[1:]
    same = set(lines) & set(of_problem.split(b"\r\n")[1:])
    own = [line for line in lines if line not in same]
    message = json.loads(body)["detail"]
    assert own == [
        b"Content-Type: application/grpc",
        b"grpc-status: %d" % grpc_status_of(reason),
        f"grpc-message: {reason.code}: {message}".encode(),
    ]
    assert len(same) == len(of_problem.split(b"\r\n")[1:]) - 2  # but its type and its length
    assert grpc_refusal_trailers(deny) == b"\r\n" + b"\r\n".join(own[1:])
    assert b"secret" not in fields


def test_the_message_of_a_call_names_the_field_of_a_second_token() -> None:
    deny = Deny(Reason.TOKEN_MISSING, "x", field="X-User-Token")
    fields = grpc_refusal_fields(deny, ID, NOW)
    assert b"\r\ngrpc-message: token_missing: X-User-Token: An access token is req" in fields
    assert b'realm="X-User-Token"' in fields
