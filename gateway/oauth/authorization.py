"""Ask for a code: the parameters of an authorization request (RFC 6749 §4.1.1)."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from gateway.oauth.form import Form
from gateway.oauth.pkce import METHOD, challenge_of


@dataclass(frozen=True, slots=True)
class CodeRequest:
    """One request for a code.

    *state* binds the response to the browser, *verifier* the code to us (RFC 7636), *nonce* the ID
    token to this login. *resources* are RFC 8707's. *more* are further parameters: `acr_values`,
    `max_age`, `prompt`.
    """

    client_id: str
    redirect_uri: str
    scopes: Sequence[str]
    state: str = field(repr=False)
    verifier: str = field(repr=False)
    nonce: str | None = field(default=None, repr=False)
    resources: Sequence[str] = ()
    more: Form = ()

    def form(self) -> Form:
        """Return the parameters; of the verifier only its challenge."""
        form = [
            ("response_type", "code"),
            ("client_id", self.client_id),
            ("redirect_uri", self.redirect_uri),
            ("state", self.state),
            ("code_challenge", challenge_of(self.verifier)),
            ("code_challenge_method", METHOD),
        ]
        if self.scopes:
            form.append(("scope", " ".join(self.scopes)))
        if self.nonce is not None:
            form.append(("nonce", self.nonce))
        form += [("resource", resource) for resource in self.resources]
        return (*form, *self.more)
