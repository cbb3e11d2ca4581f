import json
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession, web

from gateway.fetching.document import FetchFailed
from gateway.fetching.reach import Reach
from gateway.fetching.session import make_session
from gateway.keyring.discovery import discover, jwks_uri, metadata_urls, parse_metadata
from tests.keyring.peers import IssuerPeer, body

OPENID = "/.well-known/openid-configuration"
OAUTH = "/.well-known/oauth-authorization-server"


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with make_session() as made:
        yield made


@pytest.mark.parametrize(
    ("issuer", "openid", "oauth"),
    [
        ("https://a.example", f"https://a.example{OPENID}", f"https://a.example{OAUTH}"),
        ("https://a.example/", f"https://a.example{OPENID}", f"https://a.example{OAUTH}"),
        (
            "https://a.example:8443/realms/x",
            f"https://a.example:8443/realms/x{OPENID}",
            f"https://a.example:8443{OAUTH}/realms/x",
        ),
        (
            "https://a.example/realms/x/",
            f"https://a.example/realms/x{OPENID}",
            f"https://a.example{OAUTH}/realms/x",
        ),
    ],
)
def test_openid_appends_and_oauth_inserts_its_well_known_name(
    issuer: str, openid: str, oauth: str
) -> None:
    """8414.2."""
    assert metadata_urls(issuer) == (openid, oauth)


def metadata(**members: object) -> bytes:
    return json.dumps(members).encode()


async def test_openid_metadata_is_asked_for_first(peer: IssuerPeer, session: ClientSession) -> None:
    """8414.2."""
    peer.answer = body(metadata(issuer=peer.url, jwks_uri=peer.url + "/keys"))

    assert await discover(session, peer.url, 5.0) == peer.url + "/keys"
    assert peer.paths == [OPENID]


async def test_oauth_metadata_is_asked_for_where_there_is_no_openid(
    peer: IssuerPeer, session: ClientSession
) -> None:
    """8414.2."""
    issuer = peer.url + "/tenant"

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path != OAUTH + "/tenant":
            return web.Response(status=404)
        return web.Response(body=metadata(issuer=issuer, jwks_uri=peer.url + "/keys"))

    peer.answer = answer

    assert await discover(session, issuer, 5.0) == peer.url + "/keys"
    assert peer.paths == ["/tenant" + OPENID, OAUTH + "/tenant"]


async def test_both_failures_are_told(peer: IssuerPeer, session: ClientSession) -> None:
    peer.answer = body(b"", status=404)

    with pytest.raises(FetchFailed) as failure:
        await discover(session, peer.url, 5.0)

    assert str(failure.value).count("status 404") == 2


ISSUER = "https://a.example/é"
GOOD_URI = "https://keys.example/jwks"

UNUSABLE = {
    "8414.3 not JSON": (b"<html>", "not valid JSON"),
    "8414.3 not an object": (b"[]", "not a JSON object"),
    "8414.1 no issuer": (metadata(jwks_uri=GOOD_URI), "another issuer"),
    "8414.1 a slash more": (metadata(issuer=ISSUER + "/", jwks_uri=GOOD_URI), "another issuer"),
    "8414.1 another case": (
        metadata(issuer="https://A.example/é", jwks_uri=GOOD_URI),
        "another issuer",
    ),
    "8414.1 another normal form": (
        metadata(issuer="https://a.example/e\u0301", jwks_uri=GOOD_URI),
        "another issuer",
    ),
    "8414.1 percent-encoded": (
        metadata(issuer="https://a.example/%C3%A9", jwks_uri=GOOD_URI),
        "another issuer",
    ),
    "8414.3 no jwks_uri": (metadata(issuer=ISSUER), "no jwks_uri"),
    "jwks_uri of another type": (metadata(issuer=ISSUER, jwks_uri=[GOOD_URI]), "not a string"),
    "8414.4 plain http": (
        metadata(issuer=ISSUER, jwks_uri="http://keys.example/jwks"),
        "jwks_uri",
    ),
    "GHSA-993g-76c3-p5m4 a file": (
        metadata(issuer=ISSUER, jwks_uri="file:///etc/passwd"),
        "jwks_uri",
    ),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_metadata_that_is_not_the_issuers_own_is_not_used(name: str) -> None:
    document, reason = UNUSABLE[name]

    with pytest.raises(FetchFailed, match=reason):
        jwks_uri(document, ISSUER, "here")


def test_the_issuer_matches_code_point_by_code_point() -> None:
    """8414.1: an escape in JSON is another spelling of the same code point."""
    escaped = b'{"issuer": "https://a.example/\\u00e9", "jwks_uri": "https://keys.example/jwks"}'

    assert jwks_uri(escaped, ISSUER, "here") == GOOD_URI


async def test_metadata_elsewhere_are_asked_for_there_alone(
    peer: IssuerPeer, session: ClientSession
) -> None:
    """8414.1: their `issuer` is ours all the same, a pattern included."""
    issuer = "https://login.example/{tenantid}/v2.0"
    reach = Reach(metadata_url=peer.url + "/common/metadata?p=1")
    peer.answer = body(metadata(issuer=issuer, jwks_uri=peer.url + "/keys"))

    assert await discover(session, issuer, 5.0, reach) == peer.url + "/keys"
    assert peer.paths == ["/common/metadata"]
    with pytest.raises(FetchFailed, match=r"names another issuer: https://login\.example/"):
        await discover(session, "https://login.example/7/v2.0", 5.0, reach)


@pytest.mark.parametrize(
    ("location", "is_usable"),
    [
        ("http://10.0.0.1/jwks", True),
        ("http://keycloak:8080/jwks", True),
        ("http://localhost/jwks", True),
        ("http://8.8.8.8/jwks", False),
        ("file:///etc/passwd", False),
    ],
)
def test_an_insecure_issuer_may_have_keys_at_a_private_address(
    location: str, is_usable: bool
) -> None:
    document = metadata(issuer=ISSUER, jwks_uri=location)

    with pytest.raises(FetchFailed, match="jwks_uri"):
        jwks_uri(document, ISSUER, "here")
    if is_usable:
        assert jwks_uri(document, ISSUER, "here", is_insecure=True) == location
    else:
        with pytest.raises(FetchFailed, match="jwks_uri"):
            jwks_uri(document, ISSUER, "here", is_insecure=True)


HERE = "http://127.0.0.1:9000"


@pytest.mark.parametrize(
    ("issuer", "location", "usable"),
    [
        (ISSUER, "https://keys.example/jwks", True),
        (HERE, "https://keys.example/jwks", True),
        (HERE, "http://127.0.0.1:9001/jwks", True),
        (HERE, "http://[::1]:9000/jwks", True),
        (HERE, "http://localhost/jwks", True),
        (ISSUER, "http://127.0.0.1:9000/jwks", False),
        (ISSUER, "http://[::1]:9000/jwks", False),
        (ISSUER, "http://localhost/jwks", False),
        (HERE, "http://10.0.0.1/jwks", False),
        (HERE, "http://169.254.169.254/latest/meta-data/", False),
        (HERE, "http://localhost.evil.example/jwks", False),
        (HERE, "http://127.0.0.1.evil.example/jwks", False),
        (ISSUER, "https://user:pass@keys.example/jwks", False),
        (ISSUER, "data:application/json,{}", False),
        (ISSUER, "ftp://keys.example/jwks", False),
        (ISSUER, "gopher://127.0.0.1:6379/_FLUSHALL", False),
        (ISSUER, "HTTP://127.0.0.1:9000/jwks", False),
        (ISSUER, "//keys.example/jwks", False),
        (ISSUER, "/jwks", False),
        (ISSUER, "", False),
        (ISSUER, "https://", False),
        (ISSUER, "https://[::1", False),
        (ISSUER, "https://keys.example:99999/", False),
    ],
)
def test_keys_come_over_https_or_from_this_machine_to_this_machine(
    issuer: str, location: str, usable: bool
) -> None:
    """8414.4."""
    where = f"{issuer}/metadata"
    document = metadata(issuer=issuer, jwks_uri=location)

    if usable:
        assert jwks_uri(document, issuer, where) == location
    else:
        with pytest.raises(FetchFailed, match="/metadata: jwks_uri: "):
            jwks_uri(document, issuer, where)


def test_where_metadata_are_decides_about_plain_http_not_the_name_of_the_issuer() -> None:
    """8414.4: metadata at a `discovery_url`; others could make us call what only we can reach."""
    location = "http://127.0.0.1:9001/jwks"

    assert jwks_uri(metadata(issuer=ISSUER, jwks_uri=location), ISSUER, f"{HERE}/x") == location
    with pytest.raises(FetchFailed, match="plain http, although the metadata came over https"):
        jwks_uri(metadata(issuer=HERE, jwks_uri=location), HERE, "https://login.example.com/x")


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ("https://other.example/", "https://other.example/, not https://login.example/x; if you"),
        ("HTTPS://login.example/x", "https://login.example/x in another spelling"),
        (None, "none, not https://login.example/x"),
    ],
)
def test_a_message_has_both_names(named: str | None, told: str) -> None:
    with pytest.raises(FetchFailed) as failed:
        parse_metadata(json.dumps({"issuer": named}).encode(), "https://login.example/x", "here")

    assert str(failed.value).startswith(f"here: names another issuer: {told}")
