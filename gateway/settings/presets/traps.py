"""What goes wrong with the issuers of known vendors when they are written without a preset."""

import re
from collections.abc import Callable, Collection, Iterator
from typing import NamedTuple
from urllib.parse import urlsplit


class Trap(NamedTuple):
    """Why tokens of an issuer are refused, or whose are accepted, and what to *write*.

    *key* is the setting to change, and *item* the index of an item of it, if it is a list.
    """

    key: str
    why: str
    write: str
    item: int | None = None


class WrittenIssuer(NamedTuple):
    """An issuer as it is written: its *url*, split, and its *audiences* in order."""

    text: str
    host: str
    path: str
    audiences: tuple[str, ...]


def find_traps(issuer: str, audiences: Collection[str]) -> Iterator[Trap]:
    """Yield what does not fit the tokens of the vendor whose issuer this is."""
    try:
        parts = urlsplit(issuer)
        host = parts.hostname or ""
    except ValueError:
        return
    written = WrittenIssuer(issuer, host, parts.path, tuple(audiences))
    for pattern, find in _VENDORS:
        if pattern.fullmatch(host):
            yield from find(written)
    if "/realms/" in written.path:
        yield from _keycloak(written)


def is_for_everyone(issuer: str) -> bool:
    """Return whether anybody can get a token of *issuer*, for any audience."""
    return issuer.rstrip("/") in _FOR_EVERYONE


_FOR_EVERYONE = frozenset(
    {"https://accounts.google.com", "https://token.actions.githubusercontent.com"}
)
_GUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def _auth0(one: WrittenIssuer) -> Iterator[Trap]:
    if one.path != "/":
        right = f"https://{one.host}/"
        yield Trap("issuer", "the `iss` of Auth0 ends with a slash", f"`issuer: {right}`")
    for index, audience in enumerate(one.audiences):
        if audience.endswith("/userinfo"):
            why = "tokens for `/userinfo` are for Auth0, and not for an API"
            yield Trap("audiences", why, "the identifier of the API", index)


def _okta(one: WrittenIssuer) -> Iterator[Trap]:
    if not one.path.startswith("/oauth2/"):
        why = "only Okta itself can verify tokens of the organization's own server"
        right = f"https://{one.host}/oauth2/default"
        yield Trap("issuer", why, f"the issuer URI of a custom one, e.g. `issuer: {right}`")
    elif one.path.endswith("/"):
        why = "the `iss` of Okta has no slash at its end"
        yield Trap("issuer", why, f"`issuer: {one.text.rstrip('/')}`")


def _entra(one: WrittenIssuer) -> Iterator[Trap]:
    tenant, _, rest = one.path.strip("/").partition("/")
    is_first_version = one.host == "sts.windows.net"
    if tenant in {"common", "organizations", "consumers"}:
        why = f"no token has `{tenant}` in its `iss`"
        write = (
            "`preset: entra` with the ID of the tenant, or `preset: entra_multitenant` with those"
            " that are accepted"
        )
        yield Trap("issuer", why, write)
    elif tenant != "{tenantid}" and not re.fullmatch(_GUID, tenant):
        why = "the `iss` of Entra ID has the ID of the tenant, a GUID in lower case"
        yield Trap("issuer", why, "`preset: entra` with `tenant` and `app`")
    elif is_first_version and (rest or not one.path.endswith("/")):
        right = f"https://{one.host}/{tenant}/"
        yield Trap("issuer", "the `iss` of these tokens ends with a slash", f"`issuer: {right}`")
    elif not is_first_version and one.path != f"/{tenant}/v2.0":
        right = f"https://{one.host}/{tenant}/v2.0"
        yield Trap("issuer", "the `iss` of Entra ID ends with `/v2.0`", f"`issuer: {right}`")
    for index, audience in enumerate(one.audiences):
        if "graph.microsoft.com" in audience or audience.startswith("00000003-0000-0000-c000"):
            why = "only Microsoft Graph can verify the tokens for it"
            write = "the application ID of the API, and have clients request one of its scopes"
            yield Trap("audiences", why, write, index)


def _cognito(one: WrittenIssuer) -> Iterator[Trap]:
    # With the URL of a resource server (RFC 8707), tokens do have an audience.
    clients = [
        (index, audience)
        for index, audience in enumerate(one.audiences)
        if re.fullmatch(r"[a-z0-9]{10,128}", audience)
    ]
    if not clients:
        return
    listed = ", ".join(name for _, name in clients)
    write = (
        f"`preset: cognito`, `user_pool: {one.path.strip('/')}` and `clients: [{listed}]`, instead"
        " of `issuer` and `audiences`"
    )
    why = "access tokens of Cognito have no `aud`, and their client in `client_id`"
    yield Trap("audiences", why, write, clients[0][0])


def _firebase(one: WrittenIssuer) -> Iterator[Trap]:
    project = one.path.strip("/")
    if one.audiences and project not in one.audiences:
        why = "the `aud` of Firebase is the ID of the project"
        yield Trap("audiences", why, f"`audiences: [{project}]`")


def _supabase(one: WrittenIssuer) -> Iterator[Trap]:
    if one.path != "/auth/v1":
        right = f"https://{one.host}/auth/v1"
        yield Trap("issuer", "the `iss` of Supabase ends with `/auth/v1`", f"`issuer: {right}`")


def _google(one: WrittenIssuer) -> Iterator[Trap]:
    if one.path:
        why = "the `iss` of Google has no slash at its end"
        yield Trap("issuer", why, f"`issuer: https://{one.host}`")


def _keycloak(one: WrittenIssuer) -> Iterator[Trap]:
    if one.path.endswith("/"):
        why = "the `iss` of Keycloak has no slash at its end"
        yield Trap("issuer", why, f"`issuer: {one.text.rstrip('/')}`")
    for index, audience in enumerate(one.audiences):
        if audience == "account":
            why = "nearly every token of a realm of Keycloak has this audience, whatever it is for"
            write = "an audience of the API, which a mapper of its client scope adds to tokens"
            yield Trap("audiences", why, write, index)


_VENDORS: tuple[tuple[re.Pattern[str], Callable[[WrittenIssuer], Iterator[Trap]]], ...] = (
    (re.compile(r"[a-z0-9-]+(\.[a-z]{2})?\.auth0\.com"), _auth0),
    (re.compile(r"[a-z0-9-]+\.(okta|oktapreview|okta-emea)\.com"), _okta),
    (re.compile(r"login\.microsoftonline\.com|sts\.windows\.net"), _entra),
    (re.compile(r"cognito-idp\.[a-z0-9-]+\.amazonaws\.com"), _cognito),
    (re.compile(r"securetoken\.google\.com"), _firebase),
    (re.compile(r"[a-z]{20}\.supabase\.co"), _supabase),
    (re.compile(r"accounts\.google\.com"), _google),
)
