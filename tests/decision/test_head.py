"""The head of a request, as the decision sees it."""

from gateway.decision.head import SessionCredential
from tests.decision.policies import claims, head
from tests.tokens import make_key, mint


def test_a_head_shows_all_but_its_credentials() -> None:
    token = mint(make_key("ES256")[0], "ES256", claims())

    shown = repr(head(b"/a", b"Bearer " + token, method="PUT", host="h"))

    assert shown == "RequestHead('PUT', 'h', b'/a')"


def test_a_head_knows_no_token_unless_it_is_told() -> None:
    assert head(b"/a", b"Bearer x").known is None


def test_a_session_shows_how_it_was_begun_and_no_token() -> None:
    assert repr(SessionCredential("web", (b"Bearer secret",))) == "SessionCredential('web')"
