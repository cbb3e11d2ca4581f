"""The small pages: an error, an outcome, a user code to enter, a question before a logout."""

from html import escape

from gateway.issuer.pages.document import render_document
from gateway.issuer.requests.parameters import OAuthError


def render_error(error: OAuthError) -> str:
    """Return the page for an error that is not sent to a client (RFC 6749 §4.1.2.1)."""
    return render_document(
        "This request cannot be answered",
        f"<p>{escape(error.description)}.</p>\n"
        f'<p class="soft"><code>{escape(error.code)}</code></p>\n'
        "<p>Go back to the application and begin again.</p>",
    )


def render_outcome(title: str, text: str) -> str:
    """Return a page that only says what happened."""
    return render_document(title, f"<p>{escape(text)}</p>")


def render_user_code_form(action: str, problem: str | None = None) -> str:
    """Return the page on which a person enters the code that a device shows (RFC 8628 §3.3)."""
    said = f"<p><strong>{escape(problem)}</strong></p>\n" if problem else ""
    return render_document(
        "Connect a device",
        f"{said}<p>Enter the code that your device shows.</p>\n"
        f'<form method="get" action="{escape(action)}">\n'
        '<p><input type="text" name="user_code" aria-label="Code" autocomplete="off" '
        'autocapitalize="characters" spellcheck="false" maxlength="16" required autofocus></p>\n'
        '<div class="buttons"><button class="go">Continue</button></div>\n</form>',
    )


def render_logout_question(action: str, token: str, name: str) -> str:
    """Return the page that asks whether *name* wants to log out."""
    return render_document(
        "Log out?",
        f"<p>You are logged in as <strong>{escape(name)}</strong>.</p>\n"
        f'<form method="post" action="{escape(action)}">\n'
        f'<input type="hidden" name="token" value="{escape(token)}">\n'
        '<div class="buttons">'
        '<button class="go" name="answer" value="allow">Log out</button>'
        '<button name="answer" value="decline">Stay logged in</button></div>\n</form>',
    )
