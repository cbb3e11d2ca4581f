"""Bearer tokens are used as RFC 6750 has it: sent in one place, and refused in its words."""

import re
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decision.decide import decide
from gateway.decision.head import RequestHead
from gateway.decision.reason import Reason
from gateway.decision.rules.scopes import AllOf, compile_scopes
from gateway.decision.verdict import Deny, NeedKeys
from gateway.http.writing.refusal import render_refusal
from tests.decision.policies import NOW, claims, head, policy, route
from tests.proxy.gateways import RunningGateway, bearer, good_token, make_token
from tests.proxy.hostile import answers_until_end, pour, reason
from tests.proxy.messages import Message, make_request, parse_head
from tests.proxy.service import Service
from tests.tokens import make_key, make_private, mint

SUBJECT = b"x-gateway-subject"
TOKEN = good_token().decode()


@pytest.mark.parametrize("scheme", [b"bearer", b"BEARER", b"bEaReR", b"Bearer "])
async def test_the_scheme_may_be_written_in_any_case(
    scheme: bytes, service: Service, gateway: RunningGateway
) -> None:
    """6750.1."""
    line = b"Authorization: " + scheme + b" " + good_token()

    assert (await gateway.ask(make_request("/api/x", line))).status == 200
    assert service.requests[0].one(SUBJECT) == b"alice"


# --- a token in another place than the Authorization field


class Place(NamedTuple):
    """Where else in a request a token could stand."""

    query: str = ""
    lines: tuple[str, ...] = ()
    method: str = "GET"
    body: bytes | None = None

    def in_request(self, path: str, *lines: bytes) -> bytes:
        """Return a request with the token in this place."""
        target = path + self.query
        return make_request(target, *self.lines, *lines, method=self.method, body=self.body)


def _form(method: str) -> Place:
    kind = "Content-Type: application/x-www-form-urlencoded"
    return Place(lines=(kind,), method=method, body=b"access_token=" + good_token())


_PARTS = "Content-Type: multipart/form-data; boundary=b"
_PART = f'--b\r\nContent-Disposition: form-data; name="access_token"\r\n\r\n{TOKEN}\r\n--b--\r\n'
_JSON = "Content-Type: application/json"

ELSEWHERE = {
    "6750.8: a form": _form("POST"),
    "6750.8: a form that is put": _form("PUT"),
    "6750.8: a form of GET": _form("GET"),
    "6750.8: a form in parts": Place(lines=(_PARTS,), method="POST", body=_PART.encode()),
    "6750.8: JSON": Place(
        lines=(_JSON,), method="POST", body=b'{"access_token":"%b"}' % good_token()
    ),
    "6750.9: the query": Place("?access_token=" + TOKEN),
    "6750.9: the query of a form": Place("?access_token=" + TOKEN, method="POST", body=b"a=b"),
    "6750.9: another parameter": Place("?page=1&token=" + TOKEN),
    "6750.9: the query alone": Place("?" + TOKEN),
    "6750.9: the query with the scheme": Place("?Authorization=Bearer%20" + TOKEN),
    "6750.11: a cookie": Place(lines=("Cookie: access_token=" + TOKEN,)),
    "6750.11: one of many cookies": Place(lines=(f"Cookie: a=b; token={TOKEN}; c=d",)),
    "6750.11: a cookie called like the field": Place(
        lines=("Cookie: Authorization=Bearer%20" + TOKEN,)
    ),
    "a field of other proxies": Place(lines=("X-Forwarded-Access-Token: " + TOKEN,)),
    "the field for proxies": Place(lines=("Proxy-Authorization: Bearer " + TOKEN,)),
    "the field in another spelling": Place(lines=("X-Authorization: Bearer " + TOKEN,)),
}
everywhere_else = pytest.mark.parametrize("place", ELSEWHERE.values(), ids=ELSEWHERE)


@everywhere_else
async def test_a_token_in_another_place_is_ignored(
    place: Place, service: Service, gateway: RunningGateway
) -> None:
    answer = await gateway.ask(place.in_request("/api/x"))

    assert (answer.status, reason(answer)) == (401, "token_missing")
    assert b"error" not in answer.one(b"www-authenticate")
    assert service.received == b""


@everywhere_else
async def test_a_token_in_another_place_gives_nobody_an_identity(
    place: Place, service: Service, gateway: RunningGateway
) -> None:
    assert (await gateway.ask(place.in_request("/maybe/x"))).status == 200
    assert not service.requests[0].has(SUBJECT)


@everywhere_else
async def test_a_token_in_another_place_takes_nothing_away_from_the_field(
    place: Place, service: Service, gateway: RunningGateway
) -> None:
    """6750.2: it is no second token."""
    bob, late = make_token(sub="bob"), make_token(exp=1_000_000_000)

    assert (await gateway.ask(place.in_request("/api/x", bearer(bob)))).status == 200
    assert reason(await gateway.ask(place.in_request("/api/x", bearer(late)))) == "token_expired"
    assert [request.all(SUBJECT) for request in service.requests] == [[b"bob"]]


@pytest.mark.parametrize("why", Reason)
def test_no_refusal_sets_a_cookie(why: Reason) -> None:
    """6750.11."""
    assert not render(Deny(why, "", methods=("GET",))).has(b"set-cookie")


async def test_no_cookie_is_set_if_a_token_is_accepted(gateway: RunningGateway) -> None:
    """6750.11."""
    assert not (await gateway.ask(make_request("/api/x", bearer()))).has(b"set-cookie")


# --- challenges

FORGED = mint(make_private("ES256", 1), "ES256", {"iss": "https://login.example.com/"})

CHALLENGED: dict[str, tuple[str, list[bytes], int, str]] = {
    "6750.2: two tokens": ("/api/x", [bearer(), bearer()], 400, "invalid_request"),
    "6750.3: two in one field": ("/api/x", [bearer() + b", Bearer x"], 400, "invalid_request"),
    "6750.5: expired": ("/api/x", [bearer(make_token(exp=1_000_000_000))], 401, "invalid_token"),
    "6750.5: malformed": ("/api/x", [bearer(b"x")], 401, "invalid_token"),
    "6750.5: forged": ("/api/x", [bearer(FORGED)], 401, "invalid_token"),
    "6750.5: for others": ("/api/x", [bearer(make_token(aud="x"))], 401, "invalid_token"),
    "6750.6: too little scope": ("/admin/x", [bearer()], 403, "insufficient_scope"),
}


@pytest.mark.parametrize(
    ("target", "lines", "status", "error"), CHALLENGED.values(), ids=CHALLENGED
)
async def test_the_challenge_says_what_is_wrong_and_which_scope_is_needed(
    target: str,
    lines: list[bytes],
    status: int,
    error: str,
    service: Service,
    gateway: RunningGateway,
) -> None:
    answer = await gateway.ask(make_request(target, *lines))

    parameters = parameters_of(answer)
    assert (answer.status, parameters["error"]) == (status, error)
    assert parameters["scope"] == ("admin" if target == "/admin/x" else "api:read")
    assert service.received == b""


OTHERS = {
    Reason.TOKEN_MISSING, Reason.LOGIN_REQUIRED,  # nothing was sent that could be invalid
    Reason.AUTHENTICATION_TOO_OLD, Reason.AUTHENTICATION_TOO_WEAK,
}  # fmt: skip


@pytest.mark.parametrize("why", [Reason.TOKEN_MISSING, Reason.LOGIN_REQUIRED])
def test_without_a_credential_the_challenge_has_no_error(why: Reason) -> None:
    """6750.4."""
    assert "error" not in parameters_of(render(Deny(why, "")))


@pytest.mark.parametrize("why", [one for one in Reason if one.status == 401 and one not in OTHERS])
def test_a_token_that_fails_any_check_is_invalid_token(why: Reason) -> None:
    """6750.5: one that was revoked too."""
    assert parameters_of(render(Deny(why, "")))["error"] == "invalid_token"


@pytest.mark.parametrize("line", [None, b"Authorization: Basic YTpi", b"Authorization:"])
async def test_without_a_token_the_challenge_is_bare(
    line: bytes | None, gateway: RunningGateway
) -> None:
    """6750.4."""
    answer = await gateway.ask(make_request("/api/x", *([] if line is None else [line])))

    assert answer.status == 401
    assert parameters_of(answer) == {"realm": "gateway", "scope": "api:read"}


# RFC 9110 §11.6.1 with the narrower values of RFC 6750 §3.
_PARAMETER = re.compile(r'([a-z_]+)="([\x20\x21\x23-\x5b\x5d-\x7e]*)"')


def parameters_of(answer: Message) -> dict[str, str]:
    """Return the parameters of the one challenge, each of which stands once."""
    scheme, _, rest = answer.one(b"www-authenticate").decode("ascii").partition(" ")
    pairs = _PARAMETER.findall(rest)
    assert scheme == "Bearer"
    assert rest == ", ".join(f'{name}="{value}"' for name, value in pairs)
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def render(deny: Deny) -> Message:
    text = render_refusal(deny, b"0123456789abcd-000000001", NOW, is_head=False, close=False)
    return parse_head(text.partition(b"\r\n\r\n")[0] + b"\r\n\r\n")


PRIVATE, KEYS = make_key("ES256")
RULES = policy(route("/orders", scopes=compile_scopes(AllOf(("orders:read", "orders:write")))))
ODD = st.text('"\\\r\n\0\t,=;:éa ', max_size=8) | st.text(
    st.characters(exclude_categories=["Cs"]), max_size=8
)


def challenge_of(request: RequestHead) -> dict[str, str]:
    verdict = decide(request, RULES, {"main": KEYS}, NOW)
    deny = verdict.deny if isinstance(verdict, NeedKeys) else verdict
    assert isinstance(deny, Deny)
    answer = render(deny)
    assert [name for name, _ in answer.fields].count(b"WWW-Authenticate") == 1
    return parameters_of(answer)


@given(st.binary(max_size=60) | ODD.map(str.encode), st.sampled_from([b"", b"Bearer ", b"bearer"]))
def test_no_credential_gets_into_its_challenge(value: bytes, scheme: bytes) -> None:
    """6750.7."""
    parameters = challenge_of(head(b"/orders", scheme + value))

    assert parameters.keys() <= {"realm", "error", "error_description", "scope"}
    assert parameters["scope"] == "orders:read orders:write"


@given(
    st.fixed_dictionaries(
        {}, optional=dict.fromkeys(["iss", "aud", "sub", "scope", "jti", "client_id", "typ"], ODD)
    ),
    st.fixed_dictionaries({}, optional={"kid": ODD, "typ": ODD, "alg": ODD, "crit": ODD}),
)
def test_no_claim_and_no_member_of_a_header_gets_into_the_challenge(
    said: dict[str, Any], headers: dict[str, Any]
) -> None:
    """6750.7."""
    token = mint(PRIVATE, "ES256", claims(**said), headers=headers)

    parameters = challenge_of(head(b"/orders", b"Bearer " + token))

    assert parameters["realm"] == "gateway"
    assert parameters["error_description"] in {one.title for one in Reason}


async def test_challenges_stay_well_formed_on_the_wire(gateway: RunningGateway) -> None:
    """6750.7."""
    odd = [b'a"b', b'a", error="none', b"a\\b", b"\xff\xfe", b"a\tb", b'" realm="x', b"%0d%0aX: 1"]
    odd += [make_token('"\r\nX: 1'), make_token(sub='"\r\nX: 1'), make_token(iss='"\r\n')]
    for value in odd:
        wire = await gateway.connect()
        await pour(wire, make_request("/admin/x", bearer(value), "Connection: close"))
        (answer,) = await answers_until_end(wire)

        assert parameters_of(answer)["scope"] == "admin"
        assert not answer.has(b"x")
