"""The clients of the development issuer: their secrets are public."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from gateway.issuer.personas import PERSONAS, Persona

CLIENT_CREDENTIALS = "client_credentials"
AUTHORIZATION_CODE = "authorization_code"
REFRESH_TOKEN = "refresh_token"  # noqa: S105 - a grant type, not a secret
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
GRANT_TYPES = (CLIENT_CREDENTIALS, AUTHORIZATION_CODE, REFRESH_TOKEN, DEVICE_CODE)

# Public, as all secrets here.
WEB_SECRET = "web-secret"  # noqa: S105

# Hosts of this machine. RFC 8252 §8.3 advises against `localhost`; here the gateway itself is
# opened by that name, because browsers keep its cookies apart from those of the issuer.
_LOOPBACK = re.compile(r"(https?://(?:127\.0\.0\.1|\[::1\]|localhost))(?::[0-9]{1,5})?(/[^#]*)?")


@dataclass(frozen=True, slots=True)
class Client:
    """An application that asks for tokens; *title* is what the consent page calls it.

    It authenticates with *secret*, or with a JWT that *public_key* verifies; with neither it is a
    public client. *persona* is whom its client credentials are for. In the URIs of loopback hosts
    no port is written: any port matches (RFC 8252 §7.3).
    """

    client_id: str
    title: str
    grant_types: frozenset[str]
    secret: str | None = field(default=None, repr=False)
    public_key: EllipticCurvePublicKey | None = field(default=None, repr=False)
    persona: Persona | None = None
    redirect_uris: tuple[str, ...] = ()
    post_logout_redirect_uris: tuple[str, ...] = ()
    backchannel_logout_path: str | None = None

    @property
    def is_public(self) -> bool:
        """Return whether the client has nothing to authenticate with."""
        return self.secret is None and self.public_key is None

    def allows_redirect(self, uri: str) -> bool:
        """Return whether *uri* is one of its redirect URIs."""
        return _is_registered(uri, self.redirect_uris)

    def allows_redirect_after_logout(self, uri: str) -> bool:
        """Return whether the browser may be sent to *uri* once it is logged out."""
        return _is_registered(uri, self.post_logout_redirect_uris)

    def backchannel_logout_uri(self, redirect_uri: str) -> str | None:
        """Return where to announce the end of a login that came back to *redirect_uri*.

        It is on the same origin, and only ever on this machine.
        """
        found = _LOOPBACK.fullmatch(redirect_uri)
        if self.backchannel_logout_path is None or found is None:
            return None
        rest = found[2] or ""
        return redirect_uri[: len(redirect_uri) - len(rest)] + self.backchannel_logout_path


def _is_registered(uri: str, registered: tuple[str, ...]) -> bool:
    # RFC 9700 §4.1.3: simple string comparison, but for the port of a loopback host.
    found = _LOOPBACK.fullmatch(uri)
    without_port = uri if found is None else found[1] + (found[2] or "")
    return uri in registered or without_port in registered


def _on_loopback(*paths: str, schemes: tuple[str, ...] = ("http",)) -> tuple[str, ...]:
    return tuple(
        f"{scheme}://{host}{path}"
        for scheme in schemes
        for host in ("localhost", "127.0.0.1", "[::1]")
        for path in paths
    )


def development_clients(jobs_key: EllipticCurvePublicKey) -> Mapping[str, Client]:
    """Return all clients by their ID; *jobs_key* verifies the assertions of `jobs`."""
    both = ("http", "https")
    of_personas = [
        Client(
            persona.client_id,
            f"The client of {persona.name}",
            frozenset((CLIENT_CREDENTIALS,)),
            secret=persona.client_secret,
            persona=persona,
        )
        for persona in PERSONAS.values()
    ]
    return _by_id(
        [
            *of_personas,
            Client(
                "jobs",
                "A service with a key of its own",
                frozenset((CLIENT_CREDENTIALS,)),
                public_key=jobs_key,
                persona=_JOBS,
            ),
            Client(
                "web",
                "The web application",
                frozenset((AUTHORIZATION_CODE, REFRESH_TOKEN)),
                secret=WEB_SECRET,
                redirect_uris=_on_loopback("/oauth/callback", schemes=both),
                post_logout_redirect_uris=_on_loopback("/", "/app/", schemes=both),
                backchannel_logout_path="/oauth/backchannel-logout",
            ),
            Client(
                "cli",
                "The command line",
                frozenset((AUTHORIZATION_CODE, REFRESH_TOKEN, DEVICE_CODE)),
                redirect_uris=_on_loopback("/callback", "/"),
                post_logout_redirect_uris=_on_loopback("/"),
            ),
            Client("tv", "The television", frozenset((DEVICE_CODE, REFRESH_TOKEN))),
        ]
    )


# RFC 9068 §2.2: where no person is involved, the subject is the client.
_JOBS = Persona(
    name="jobs",
    subject="jobs",
    client_id="jobs",
    client_secret="",
    scopes=("orders:read",),
    claims={"tenant": "acme"},
)


def _by_id(clients: Iterable[Client]) -> Mapping[str, Client]:
    return {client.client_id: client for client in clients}
