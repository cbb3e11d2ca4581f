import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from aiohttp import ClientSession, web
from hypothesis import given
from hypothesis import strategies as st

from gateway.fetching.document import FetchFailed
from gateway.oauth.metadata import Endpoints, find_endpoints, parse_endpoints
from tests.keyring.peers import IssuerPeer, body

ISSUER = "https://login.example.com"
HERE = "http://127.0.0.1:9000"

URLS = {
    "authorization_endpoint": "authorization",
    "token_endpoint": "token",
    "device_authorization_endpoint": "device_authorization",
    "pushed_authorization_request_endpoint": "pushed_authorization_request",
    "end_session_endpoint": "end_session",
    "userinfo_endpoint": "userinfo",
    "revocation_endpoint": "revocation",
    "jwks_uri": "jwks",
}
FLAGS = {
    "require_pushed_authorization_requests": "requires_push",
    "authorization_response_iss_parameter_supported": "sends_iss",
}
LISTS = {
    "code_challenge_methods_supported": "challenge_methods",
    "token_endpoint_auth_methods_supported": "auth_methods",
}


def parse(members: Mapping[str, object], issuer: str = ISSUER) -> Endpoints:
    document = json.dumps({"issuer": issuer, **members}).encode()
    return parse_endpoints(document, issuer, f"{issuer}/metadata")


def test_what_metadata_say_is_what_is_used() -> None:
    urls = {name: f"{ISSUER}/{name}?tenant=1" for name in URLS}
    lists = {name: ["S256", "x"] for name in LISTS}
    found = parse({**urls, **dict.fromkeys(FLAGS, True), **lists})

    assert found.issuer == ISSUER
    assert {name: getattr(found, field) for name, field in URLS.items()} == urls
    assert [getattr(found, field) for field in FLAGS.values()] == [True, True]
    assert [getattr(found, field) for field in LISTS.values()] == [("S256", "x")] * 2


@pytest.mark.parametrize("value", [{}, dict.fromkeys([*URLS, *FLAGS, *LISTS])])
def test_what_they_do_not_say_is_absent(value: dict[str, None]) -> None:
    assert parse(value) == Endpoints(ISSUER)


@pytest.mark.parametrize(
    ("value", "offers"),
    [
        (None, True),
        ([], False),
        (["plain"], False),
        (["S512", "s256"], False),
        (["x", "S256"], True),
    ],
)
def test_pkce_is_offered_by_s256_alone_unless_they_do_not_say(
    value: list[str] | None, offers: bool
) -> None:
    """9700.11: a server that names other methods only would take the challenge for one of those."""
    assert parse({"code_challenge_methods_supported": value}).offers_pkce is offers


@pytest.mark.parametrize("name", URLS)
@pytest.mark.parametrize(
    ("issuer", "url"),
    [
        (ISSUER, "http://127.0.0.1/x"),
        (ISSUER, "http://login.example.com/x"),
        (ISSUER, "HTTP://127.0.0.1/x"),
        (HERE, "http://login.example.com/x"),
        (ISSUER, "javascript:alert(1)"),
        (ISSUER, "data:text/html,x"),
        (ISSUER, "//login.example.com/x"),
        (ISSUER, "/x"),
        (ISSUER, ""),
        (ISSUER, "https://user:pass@login.example.com/x"),
        (ISSUER, "https://login.example.com/a b"),
        (ISSUER, "https://login.example.com/x#"),
        (ISSUER, "https://login.example.com/x#fragment"),
        (ISSUER, ["https://login.example.com/x"]),
        (ISSUER, 7),
        (ISSUER, True),
    ],
)
def test_an_endpoint_is_https_or_on_this_machine(name: str, issuer: str, url: object) -> None:
    """8414.4, 9700.8: whatever the endpoint is for."""
    with pytest.raises(FetchFailed, match=f"/metadata: {name}: "):
        parse({name: url}, issuer)


@pytest.mark.parametrize("name", ["authorization_endpoint", "end_session_endpoint"])
@pytest.mark.parametrize("query", ["client_id=evil", "a=1&state=", "st%61te=x", "request_uri=x"])
def test_an_endpoint_with_a_parameter_of_ours_in_its_query_is_not_used(
    name: str, query: str
) -> None:
    """6749.1: it would occur twice, and who reads the first one reads another request."""
    with pytest.raises(FetchFailed, match="its query has a parameter of the request"):
        parse({name: f"{ISSUER}/x?{query}"})


@pytest.mark.parametrize("name", FLAGS)
@pytest.mark.parametrize("value", ["true", 1, 0, "", [], {}])
def test_a_flag_of_another_type_switches_nothing_off(name: str, value: object) -> None:
    with pytest.raises(FetchFailed, match=f"/metadata: {name}: not true or false"):
        parse({name: value})


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("value", ["S256", {"S256": 1}, ["S256", 1], [None]])
def test_a_list_of_something_else_is_not_used(name: str, value: object) -> None:
    with pytest.raises(FetchFailed, match=f"/metadata: {name}: not a list of strings"):
        parse({name: value})


@pytest.mark.parametrize("issuer", [ISSUER + "/", "https://LOGIN.example.com", None, [ISSUER]])
def test_metadata_of_another_issuer_are_not_used(issuer: object) -> None:
    """8414.1."""
    document = json.dumps({"issuer": issuer, "token_endpoint": ISSUER + "/token"}).encode()

    with pytest.raises(FetchFailed, match="names another issuer"):
        parse_endpoints(document, ISSUER, "here")


@pytest.mark.parametrize(
    ("named", "shown"),
    [
        (ISSUER + "/", ISSUER + "/"),
        ("https://ada:secret@other.example/?code=secret", "https://other.example/"),
        ("a\nforged line", "(not a URL)"),
    ],
)
def test_the_issuer_that_metadata_name_is_shown_to_correct_ours(named: str, shown: str) -> None:
    document = json.dumps({"issuer": named}).encode()

    with pytest.raises(FetchFailed) as failed:
        parse_endpoints(document, ISSUER, "here")

    ours = f"not {ISSUER}; if you trust it, write it in `issuer`"
    assert str(failed.value) == f"here: names another issuer: {shown}, {ours}"


def test_a_name_that_occurs_twice_is_refused() -> None:
    document = f'{{"issuer": "{ISSUER}", "token_endpoint": "a", "token_endpoint": "b"}}'.encode()

    with pytest.raises(FetchFailed, match="occurs twice"):
        parse_endpoints(document, ISSUER, "here")


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from([ISSUER, HERE]),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)


@given(st.dictionaries(st.sampled_from(["issuer", *URLS, *FLAGS, *LISTS]), JSON))
def test_any_metadata_lead_to_https_or_nowhere(members: dict[str, Any]) -> None:
    """8414.4."""
    try:
        found = parse_endpoints(json.dumps(members).encode(), ISSUER, "here")
    except FetchFailed:
        return
    urls = [getattr(found, field) for field in URLS.values()]
    assert all(url is None or url.startswith("https://") for url in urls)


async def test_openid_comes_first_and_oauth_where_it_is_unusable(
    peer: IssuerPeer, session: ClientSession
) -> None:
    """8414.2."""
    good = {"issuer": peer.url, "token_endpoint": peer.url + "/token"}
    bad: Callable[[], web.Response] = lambda: web.json_response(  # noqa: E731
        {**good, "token_endpoint": "ftp://x"}
    )

    async def answer(request: web.Request) -> web.StreamResponse:
        return web.json_response(good) if "oauth" in request.path else bad()

    peer.answer = answer

    assert await find_endpoints(session, peer.url, 10.0) == Endpoints(
        peer.url, token=peer.url + "/token"
    )
    assert peer.paths == [
        "/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server",
    ]


async def test_both_reasons_are_told(peer: IssuerPeer, session: ClientSession) -> None:
    peer.answer = body(b"", status=503)

    with pytest.raises(FetchFailed) as failure:
        await find_endpoints(session, peer.url, 10.0)

    assert str(failure.value).count("status 503") == 2
