"""The page on which a person says who they are, and what an application may do."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

from gateway.issuer.pages.document import render_document
from gateway.issuer.personas import PERSONAS, Persona
from gateway.issuer.requests.authorization_request import ACR_LEVELS

_SCOPE_MEANINGS = {
    "openid": "know who you are",
    "profile": "know your name and your tenant",
    "offline_access": "stay logged in while you are away",
}
_ACR_TITLES = {
    ACR_LEVELS[0]: "As after a password",
    ACR_LEVELS[1]: "As after a password and a second factor",
}


@dataclass(frozen=True, slots=True)
class ConsentForm:
    """What the page asks. *scopes* is None if the application asks for all that a person has.

    *action* is the path that takes the answer, *token* the secret of the form. *user_code* is
    what a device shows, in its halves.
    """

    title: str
    client_title: str
    scopes: Sequence[str] | None
    preselected: Persona
    acr: str
    action: str
    token: str = field(repr=False)
    returns_to: str | None = None
    user_code: str | None = None


def render_consent(form: ConsentForm) -> str:
    """Return the page."""
    return render_document(
        form.title,
        f"<p><strong>{escape(form.client_title)}</strong> asks for access.</p>\n"
        + _device_part(form)
        + _scopes_part(form.scopes)
        + f'<form method="post" action="{escape(form.action)}">\n'
        f'<input type="hidden" name="token" value="{escape(form.token)}">\n'
        + _personas_part(form.preselected)
        + _acr_part(form.acr)
        + '<div class="buttons">'
        '<button class="go" name="answer" value="allow">Allow</button>'
        '<button name="answer" value="decline">Decline</button></div>\n</form>\n'
        + _return_part(form.returns_to),
    )


def _device_part(form: ConsentForm) -> str:
    if form.user_code is None:
        return ""
    return (
        f'<div class="code">{escape(form.user_code)}</div>\n'
        "<p>Allow it only if your device shows this code now. "
        "If somebody sent you here, decline.</p>\n"
    )


def _scopes_part(scopes: Sequence[str] | None) -> str:
    if scopes is None:
        return "<p>It asks for every scope that you have.</p>\n"
    items = "".join(
        f"<li><code>{escape(scope)}</code>"
        f"<small>{escape(_SCOPE_MEANINGS.get(scope, 'if you have it'))}</small></li>"
        for scope in scopes
    )
    return f'<h2>It asks for</h2>\n<ul class="scopes">{items}</ul>\n'


def _personas_part(preselected: Persona) -> str:
    return (
        "<fieldset><legend>Who are you?</legend>\n"
        + "\n".join(
            _persona_choice(persona, persona is preselected) for persona in PERSONAS.values()
        )
        + "\n</fieldset>\n"
    )


def _persona_choice(persona: Persona, is_checked: bool) -> str:
    scopes = ", ".join(persona.scopes) or "no scopes"
    return _choice(
        "persona",
        persona.name,
        persona.name.title(),
        f"{persona.claims['tenant']}: {scopes}",
        is_checked,
    )


def _acr_part(acr: str) -> str:
    choices = "\n".join(
        _choice("acr", level, title, level, level == acr) for level, title in _ACR_TITLES.items()
    )
    return f"<fieldset><legend>How do you log in?</legend>\n{choices}\n</fieldset>\n"


def _choice(name: str, value: str, title: str, small: str, is_checked: bool) -> str:
    checked = " checked" if is_checked else ""
    return (
        f'<label class="choice"><input type="radio" name="{name}" value="{escape(value)}"{checked}>'
        f"<span>{escape(title)}<small>{escape(small)}</small></span></label>"
    )


def _return_part(uri: str | None) -> str:
    if uri is None:
        return ""
    return f'<p class="soft">Afterwards you return to <code>{escape(uri)}</code></p>'
