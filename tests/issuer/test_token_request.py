"""What the token endpoint makes of a request, without a socket."""

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.issuer.access_token import Grant
from gateway.issuer.personas import PERSONAS
from gateway.issuer.token_request import (
    DEFAULT_LIFETIME_SECONDS,
    MAX_LIFETIME_SECONDS,
    TokenError,
    read_token_request,
)

ALICE = PERSONAS["alice"]
POSTED = {"client_id": "alice-client", "client_secret": "alice-secret"}
GRANT_TYPE = {"grant_type": "client_credentials"}


def basic(credentials: str) -> str:
    return "Basic " + b64encode(credentials.encode()).decode()


def read(parameters: dict[str, str], authorization: tuple[str, ...] = ()) -> Grant | TokenError:
    return read_token_request(authorization, list(parameters.items()), "demo-api")


def code(answer: Grant | TokenError) -> str:
    assert isinstance(answer, TokenError)
    return answer.code


def granted(answer: Grant | TokenError) -> Grant:
    assert isinstance(answer, Grant)
    return answer


def test_a_plain_request_is_granted_all_scopes_of_the_client() -> None:
    grant = granted(read(GRANT_TYPE | POSTED))

    assert grant == Grant(ALICE, ("demo-api",), ALICE.scopes, DEFAULT_LIFETIME_SECONDS)


@pytest.mark.parametrize(
    "authorization",
    [
        basic("alice-client:alice-secret"),
        basic("alice-client:alice-secret").replace("Basic", "bASIC"),
        basic("alice%2Dclient:alice%2Dsecret"),
    ],
    ids=["plain", "scheme in any case", "form-encoded halves (RFC 6749 §2.3.1)"],
)
def test_a_client_may_authenticate_by_basic(authorization: str) -> None:
    assert granted(read(GRANT_TYPE, (authorization,))).persona is ALICE


@pytest.mark.parametrize(
    ("authorization", "parameters"),
    [
        ((), {}),
        ((), {"client_id": "alice-client"}),
        ((), {"client_id": "alice-client", "client_secret": "wrong"}),
        ((), {"client_id": "alice-client", "client_secret": "bob-secret"}),
        ((), {"client_id": "alice-client", "client_secret": "ünknown"}),
        ((), {"client_id": "nobody", "client_secret": "alice-secret"}),
        ((), {"client_id": "nobody", "client_secret": ""}),
        ((basic("alice-client:wrong"),), {}),
        ((basic("alice-client"),), {}),
        ((basic("nobody:"),), {}),
        (("Basic",), {}),
        (("Basic !!!",), {}),
        (("Basic /w==",), {}),
        (("Bearer x",), {}),
    ],
)
def test_a_client_that_is_not_known_gets_nothing(
    authorization: tuple[str, ...], parameters: dict[str, str]
) -> None:
    answer = read(GRANT_TYPE | parameters, authorization)

    assert code(answer) == "invalid_client"
    assert isinstance(answer, TokenError)
    assert answer.status == 401
    assert answer.challenge is bool(authorization)


@pytest.mark.parametrize(
    ("authorization", "parameters"),
    [
        ((basic("alice-client:alice-secret"),), POSTED),
        ((basic("alice-client:alice-secret"),) * 2, {}),
        ((basic("alice-client:alice-secret"),), {"client_id": "bob-client"}),
    ],
    ids=["header and body", "two headers", "another client in the body"],
)
def test_one_way_to_authenticate_and_no_more(
    authorization: tuple[str, ...], parameters: dict[str, str]
) -> None:
    """RFC 6749 §2.3."""
    assert code(read(GRANT_TYPE | parameters, authorization)) == "invalid_request"


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, "invalid_request"),
        ({"grant_type": ""}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "authorization_code", "code": "x"}, "unsupported_grant_type"),
    ],
)
def test_the_grant_type_must_be_client_credentials(
    parameters: dict[str, str], expected: str
) -> None:
    assert code(read(POSTED | parameters)) == expected


def test_a_repeated_parameter_is_refused() -> None:
    """RFC 6749 §3.2."""
    form = [*GRANT_TYPE.items(), *POSTED.items(), ("scope", "orders:read"), ("scope", "x")]

    assert code(read_token_request((), form, "demo-api")) == "invalid_request"


@pytest.mark.parametrize(
    ("asked", "scopes"),
    [
        ("orders:read", ("orders:read",)),
        ("invoices:read orders:read", ("invoices:read", "orders:read")),
        ("orders:read orders:read", ("orders:read",)),
        ("", ALICE.scopes),
    ],
)
def test_scope_narrows_what_is_granted(asked: str, scopes: tuple[str, ...]) -> None:
    assert granted(read({**GRANT_TYPE, **POSTED, "scope": asked})).scopes == scopes


@pytest.mark.parametrize(
    "asked",
    ["orders:write", "orders:read orders:write", " ", "orders:read  x", 'a"b', "a\\b", "ä", "a\n"],
)
def test_a_scope_that_is_malformed_or_not_the_clients_is_refused(asked: str) -> None:
    assert code(read({**GRANT_TYPE, **POSTED, "scope": asked})) == "invalid_scope"


@pytest.mark.parametrize(
    ("targets", "audiences"),
    [
        ([("resource", "https://a.test/x")], ("https://a.test/x",)),
        ([("resource", "urn:a:b")], ("urn:a:b",)),
        ([("resource", "https://a.test"), ("resource", "https://b.test")],
         ("https://a.test", "https://b.test")),
        ([("audience", "orders-api")], ("orders-api",)),
        ([("audience", "b"), ("resource", "https://a.test")], ("https://a.test", "b")),
        ([("resource", "")], ("demo-api",)),
    ],
)  # fmt: skip
def test_the_audience_is_what_was_asked_for(
    targets: list[tuple[str, str]], audiences: tuple[str, ...]
) -> None:
    """RFC 8707 §2."""
    form = [*GRANT_TYPE.items(), *POSTED.items(), *targets]

    assert granted(read_token_request((), form, "demo-api")).audiences == audiences


@pytest.mark.parametrize("resource", ["orders", "/orders", "https:", "https://a#b", "http://["])
def test_a_resource_that_is_not_an_absolute_uri_is_refused(resource: str) -> None:
    """RFC 8707 §2."""
    assert code(read({**GRANT_TYPE, **POSTED, "resource": resource})) == "invalid_target"


@pytest.mark.parametrize("asked", ["1", "60", str(MAX_LIFETIME_SECONDS)])
def test_the_lifetime_can_be_asked_for(asked: str) -> None:
    assert granted(read({**GRANT_TYPE, **POSTED, "expires_in": asked})).lifetime_seconds == int(
        asked
    )


@pytest.mark.parametrize("asked", ["0", "-1", "1.5", "1h", "٣", str(MAX_LIFETIME_SECONDS + 1)])
def test_a_lifetime_out_of_bounds_is_refused(asked: str) -> None:
    assert code(read({**GRANT_TYPE, **POSTED, "expires_in": asked})) == "invalid_request"


_NAMES = st.sampled_from(
    ["grant_type", "client_id", "client_secret", "scope", "resource", "audience", "expires_in"]
)
_VALUES = st.one_of(
    st.text(), st.sampled_from([*GRANT_TYPE.values(), *POSTED.values(), "orders:read"])
)


@given(
    st.lists(st.one_of(st.text(), st.text().map(basic)), max_size=2),
    st.lists(st.tuples(_NAMES, _VALUES), max_size=8),
)
def test_any_request_is_granted_or_refused_and_no_refusal_repeats_it(
    authorization: list[str], form: list[tuple[str, str]]
) -> None:
    answer = read_token_request(authorization, form, "demo-api")

    if isinstance(answer, Grant):
        assert set(answer.scopes) <= set(answer.persona.scopes)
        assert 1 <= answer.lifetime_seconds <= MAX_LIFETIME_SECONDS
    else:
        assert answer.status in (400, 401)
        assert "secret" not in answer.description.replace("its secret is not known", "")
