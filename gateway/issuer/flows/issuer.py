"""What all flows of one issuer share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from gateway.issuer.clients import Client
from gateway.issuer.flows.logout_notices import LogoutNotices
from gateway.issuer.requests.client_authentication import ClientAuthenticator
from gateway.issuer.state.codes import AuthorizationCodes
from gateway.issuer.state.device_codes import DeviceCodes
from gateway.issuer.state.refresh_tokens import RefreshTokens
from gateway.issuer.state.sessions import Sessions
from gateway.issuer.tokens.signer import TokenSigner


@dataclass(frozen=True, slots=True, eq=False)
class Issuer:
    """One issuer, reached at *url*: who its *clients* are, what it signs and remembers.

    *clock* returns seconds since the epoch, *new_secret* a string that nobody guesses.
    """

    url: str
    default_audience: str
    clients: Mapping[str, Client] = field(repr=False)
    clock: Callable[[], float] = field(repr=False)
    new_secret: Callable[[], str] = field(repr=False)
    authenticator: ClientAuthenticator = field(repr=False)
    signer: TokenSigner = field(repr=False)
    sessions: Sessions = field(repr=False)
    notices: LogoutNotices = field(repr=False)
    codes: AuthorizationCodes = field(repr=False)
    refresh_tokens: RefreshTokens = field(repr=False)
    devices: DeviceCodes = field(repr=False)
