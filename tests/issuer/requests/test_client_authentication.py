"""Which client sends a request, without a socket."""

from base64 import b64encode
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey

from gateway.issuer.clients import Client, development_clients
from gateway.issuer.requests.client_authentication import ASSERTION_TYPE, ClientAuthenticator
from gateway.issuer.requests.parameters import OAuthError, read_parameters
from tests.issuer.running import START_SECONDS, HandClock

ISSUER = "http://127.0.0.1:9000"
KEY = generate_private_key(SECP256R1())
OTHER_KEY = generate_private_key(SECP256R1())
CLIENTS = development_clients(KEY.public_key())
POSTED = {"client_id": "alice-client", "client_secret": "alice-secret"}
NOW = int(START_SECONDS)
CLAIMS = {"iss": "jobs", "sub": "jobs", "aud": ISSUER, "exp": NOW + 60, "jti": "1"}


def basic(credentials: str) -> str:
    return "Basic " + b64encode(credentials.encode()).decode()


def authenticator() -> ClientAuthenticator:
    return ClientAuthenticator(CLIENTS, [ISSUER, ISSUER + "/token"], HandClock())


def read(parameters: dict[str, str], authorization: tuple[str, ...] = ()) -> Client | OAuthError:
    return authenticator().authenticate(authorization, read_parameters(list(parameters.items())))


def code(answer: Client | OAuthError) -> str:
    assert isinstance(answer, OAuthError)
    return answer.code


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
    assert read({}, (authorization,)) is CLIENTS["alice-client"]


def test_a_client_may_authenticate_in_the_form() -> None:
    assert read(POSTED) is CLIENTS["alice-client"]


def test_a_public_client_only_names_itself() -> None:
    assert read({"client_id": "cli"}) is CLIENTS["cli"]
    assert code(read({"client_id": "cli", "client_secret": "x"})) == "invalid_client"


@pytest.mark.parametrize(
    ("authorization", "parameters"),
    [
        ((), {}),
        ((), {"client_id": "alice-client"}),
        ((), {"client_id": "alice-client", "client_secret": "wrong"}),
        ((), {"client_id": "alice-client", "client_secret": "bob-secret"}),
        ((), {"client_id": "alice-client", "client_secret": "ünknown"}),
        ((), {"client_id": "nobody", "client_secret": "alice-secret"}),
        ((), {"client_id": "nobody"}),
        ((), {"client_id": "jobs"}),
        ((), {"client_id": "jobs", "client_secret": "x"}),
        ((basic("alice-client:wrong"),), {}),
        ((basic("alice-client:"),), {}),
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
    answer = read(parameters, authorization)

    assert code(answer) == "invalid_client"
    assert isinstance(answer, OAuthError)
    assert answer.status == 401
    assert answer.challenge is bool(authorization)


@pytest.mark.parametrize(
    ("authorization", "parameters"),
    [
        ((basic("alice-client:alice-secret"),), POSTED),
        ((basic("alice-client:alice-secret"),) * 2, {}),
        ((basic("alice-client:alice-secret"),), {"client_id": "bob-client"}),
        ((basic("jobs:x"),), {"client_assertion": "x", "client_assertion_type": ASSERTION_TYPE}),
        ((), POSTED | {"client_assertion": "x", "client_assertion_type": ASSERTION_TYPE}),
    ],
    ids=["header and form", "two headers", "another client", "header and JWT", "form and JWT"],
)
def test_one_way_to_authenticate_and_no_more(
    authorization: tuple[str, ...], parameters: dict[str, str]
) -> None:
    """RFC 6749 §2.3."""
    assert code(read(parameters, authorization)) == "invalid_request"


# --- private_key_jwt (RFC 7523)


def assertion(key: Any = KEY, **changed: object) -> dict[str, str]:
    claims = {name: value for name, value in (CLAIMS | changed).items() if value is not None}
    signed = jwt.encode({"alg": "ES256"}, claims, ECKey.import_key(key), algorithms=["ES256"])
    return {"client_assertion": signed, "client_assertion_type": ASSERTION_TYPE}


@pytest.mark.parametrize("aud", [ISSUER, ISSUER + "/token", [ISSUER]])
def test_a_client_may_sign_who_it_is(aud: object) -> None:
    assert read(assertion(aud=aud)) is CLIENTS["jobs"]


@pytest.mark.parametrize(
    ("key", "changed"),
    [
        (OTHER_KEY, {}),
        (KEY, {"aud": "https://other.example"}),
        (KEY, {"aud": None}),
        (KEY, {"sub": "alice-client"}),
        (KEY, {"sub": None}),
        (KEY, {"iss": "alice-client"}),
        (KEY, {"iss": "nobody"}),
        (KEY, {"exp": NOW}),
        (KEY, {"exp": NOW + 86_400}),
        (KEY, {"exp": None}),
        (KEY, {"jti": None}),
    ],
)
def test_a_signature_that_says_something_else_is_refused(
    key: Any, changed: dict[str, object]
) -> None:
    """7523.2."""
    assert code(read(assertion(key, **changed))) == "invalid_client"


def test_an_assertion_is_good_for_one_request() -> None:
    """7523.2: `jti`."""
    one = authenticator()
    sent = read_parameters(list(assertion().items()))

    assert one.authenticate((), sent) is CLIENTS["jobs"]
    assert code(one.authenticate((), sent)) == "invalid_client"


def test_an_assertion_of_another_type_is_refused() -> None:
    sent = assertion() | {"client_assertion_type": "urn:saml"}

    assert code(read(sent)) == "invalid_request"


def test_an_unsigned_assertion_is_refused() -> None:
    header = b64encode(b'{"alg":"none"}').decode().rstrip("=")
    sent = assertion()
    sent["client_assertion"] = header + "." + sent["client_assertion"].split(".")[1] + "."

    assert code(read(sent)) == "invalid_client"


_NAMES = st.sampled_from(
    ["client_id", "client_secret", "client_assertion", "client_assertion_type"]
)
_VALUES = st.one_of(st.text(), st.sampled_from([*POSTED.values(), "cli", "jobs", ASSERTION_TYPE]))


@given(
    st.lists(st.one_of(st.text(), st.text().map(basic)), max_size=2),
    st.lists(st.tuples(_NAMES, _VALUES), max_size=4),
)
def test_any_request_is_of_a_client_or_refused_and_no_refusal_repeats_it(
    authorization: list[str], form: list[tuple[str, str]]
) -> None:
    answer = authenticator().authenticate(authorization, read_parameters(form))

    if isinstance(answer, Client):
        assert answer in CLIENTS.values()
    else:
        assert answer.status in (400, 401)
        assert "secret" not in answer.description.replace("its secret is not known", "")
