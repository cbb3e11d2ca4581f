"""The page on which somebody says who they are."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from gateway.issuer.pages.consent import ConsentForm, render_consent
from gateway.issuer.personas import PERSONAS
from tests.issuer.running import read_form

FORM = ConsentForm(
    title="Log in",
    client_title="The web application",
    scopes=["openid", "orders:read"],
    preselected=PERSONAS["bob"],
    acr="urn:development:one-factor",
    action="/authorize/answer",
    token="the-token",
    returns_to="http://localhost:8080/oauth/callback",
)


def test_the_page_says_who_asks_for_what_and_where_it_leads() -> None:
    page = render_consent(FORM)

    for shown in ("The web application", "openid", "orders:read", FORM.returns_to or ""):
        assert shown in page
    assert all(persona.name.title() in page for persona in PERSONAS.values())


def test_what_is_sent_untouched_is_what_is_preselected() -> None:
    assert read_form(render_consent(FORM)) == (
        "/authorize/answer",
        {"token": "the-token", "persona": "bob", "acr": "urn:development:one-factor"},
    )


def test_a_device_shows_its_code() -> None:
    page = render_consent(replace(FORM, user_code="BCDF-GHJK", returns_to=None, scopes=None))

    assert "BCDF-GHJK" in page
    assert "every scope that you have" in page


@given(st.text())
def test_whatever_a_client_sends_is_text(sent: str) -> None:
    hostile = f"<script>{sent}</script>\"'>"
    page = render_consent(
        replace(FORM, client_title=hostile, scopes=[hostile], returns_to=hostile, user_code=hostile)
    )

    assert "<script" not in page
    assert read_form(page) == read_form(render_consent(FORM))


def test_the_token_does_not_show_in_a_repr() -> None:
    assert "the-token" not in repr(FORM)
