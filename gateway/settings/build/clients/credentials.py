"""Build the credentials of upstreams: which tokens the gateway gets for them, and where."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.decision.routes.routing import Route
from gateway.settings.build.checks import refuse_repeated, refuse_unknown, require_exactly_one
from gateway.settings.build.clients.clients import build_client
from gateway.settings.build.resources import KnownIssuers, accepts
from gateway.settings.build.sections import Named
from gateway.settings.build.tls import build_fetch_ca
from gateway.settings.schema.credentials import (
    CredentialsModel,
    TokenClientModel,
    TokenExchangeModel,
)
from gateway.settings.schema.routes.route import RouteModel
from gateway.settings.text.disk import Disk
from gateway.settings.text.document import Part
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.scalars import shorten
from gateway.settings.values.addresses import check_key_url, is_plain_http
from gateway.settings.values.configuration import (
    IssuerSettings,
    Proxy,
    ServiceCredentials,
    ServiceGrant,
    SourceKind,
    Upstream,
)
from gateway.tls.certificate import Authorities

# RFC 8693 §3.
_TOKEN_TYPES: Final = "urn:ietf:params:oauth:token-type:"  # noqa: S105 - no secret

# RFC 8707 §2: an absolute URI without a fragment.
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[\x21\x22\x24-\x7e]+")

_WITH_METADATA: Final = frozenset({SourceKind.DISCOVERY, SourceKind.DISCOVERY_URL})

_VISIBLE = re.compile(r"[\x20-\x7e]+")


@dataclass(frozen=True, slots=True, eq=False)
class TokenServers:
    """The *issuers* that tokens can be got from; *is_ours* says which the main file declares.

    *forwards_token* says that services get the caller's own token already. *proxy* is that of all
    fetches, if there is one; an issuer may have another.
    """

    issuers: KnownIssuers
    is_ours: Callable[[str], bool]
    forwards_token: bool
    proxy: Proxy | None = None


def build_credentials(  # noqa: PLR0913, PLR0917 - what they are, and where they are
    model: CredentialsModel | None,
    part: Part,
    directory: Path,
    servers: TokenServers,
    disk: Disk,
    faults: list[Fault],
) -> ServiceCredentials | None:
    """Return the credentials in *part*; None if there are none, or faulty ones.

    *directory* is that of the file which contains *part*.
    """
    if model is None:
        return None
    require_exactly_one(part, "client_credentials", "token_exchange", faults)
    if servers.forwards_token:
        # Two credentials in one request: nobody knows which of them a service reads.
        message = (
            "`identity.forward_token` sends services the caller's token, and this another one:"
            " remove one of the two"
        )
        faults.append(part.key_fault(Code.CONFLICTING_KEYS, message))
    if model.token_exchange is not None:
        at, asked = part.child("token_exchange"), model.token_exchange
        _refuse_own_server(asked, at, servers, faults)
        return _build(ServiceGrant.TOKEN_EXCHANGE, asked, at, directory, servers, disk, faults)
    if model.client_credentials is None:
        return None
    at, own = part.child("client_credentials"), model.client_credentials
    return _build(ServiceGrant.CLIENT_CREDENTIALS, own, at, directory, servers, disk, faults)


def _build(  # noqa: PLR0913, PLR0917 - what they are, and where they are
    grant: ServiceGrant,
    model: TokenClientModel,
    part: Part,
    directory: Path,
    servers: TokenServers,
    disk: Disk,
    faults: list[Fault],
) -> ServiceCredentials | None:
    before = len(faults)
    require_exactly_one(part, "issuer", "token_url", faults)
    ca = _check_server(model, part, directory, servers, disk, faults)
    if model.client_auth == "none":
        # RFC 6749 §4.4: only for clients that authenticate; anybody can say a client ID.
        message = "a token is only for a client that authenticates: write basic or private_key_jwt"
        faults.append(part.child("client_auth").fault(Code.BAD_VALUE, message))
        return None
    client = build_client(model, part, directory, disk, faults)
    refuse_repeated(model.scopes or (), part.child("scopes"), faults)
    if model.audience is not None and not _VISIBLE.fullmatch(model.audience):
        message = f"`{shorten(model.audience)}` has characters that are not visible ASCII"
        faults.append(part.child("audience").fault(Code.BAD_VALUE, message))
    if model.resource is not None and not _ABSOLUTE.fullmatch(model.resource):
        message = f"`{shorten(model.resource)}` is not an absolute URI without a fragment"
        faults.append(part.child("resource").fault(Code.BAD_VALUE, message))
    if client is None or len(faults) > before:
        return None
    kind = model.requested_token_type if isinstance(model, TokenExchangeModel) else None
    return ServiceCredentials(
        grant=grant,
        client=client,
        issuer=model.issuer,
        token_url=model.token_url,
        scopes=tuple(model.scopes or ()),
        audience=model.audience,
        resource=model.resource,
        token_type="" if kind is None else _TOKEN_TYPES + kind,
        timeout_seconds=model.timeout,
        ca=ca,
        proxy=servers.proxy if model.token_url else None,
    )


def _check_server(  # noqa: PLR0913, PLR0917 - what it is, where it is, and where faults go
    model: TokenClientModel,
    part: Part,
    directory: Path,
    servers: TokenServers,
    disk: Disk,
    faults: list[Fault],
) -> Authorities | None:
    """Check where the token is got; return the authorities of `token_url`, if it names any."""
    if model.issuer is not None:
        _check_issuer(model.issuer, part.child("issuer"), servers.issuers, faults)
        if model.tls is not None:
            message = "`tls` is that of `token_url`: for an issuer, write it there"
            faults.append(part.child("tls").key_fault(Code.CONFLICTING_KEYS, message))
        return None
    if model.token_url is not None:
        problem = check_key_url(model.token_url)
        if problem is not None:
            code = Code.INSECURE_URL if is_plain_http(model.token_url) else Code.BAD_VALUE
            faults.append(part.child("token_url").fault(code, problem))
    return build_fetch_ca(model.tls, model.token_url, directory, part.child("tls"), disk, faults)


def _check_issuer(name: str, part: Part, issuers: KnownIssuers, faults: list[Fault]) -> None:
    refuse_unknown("issuer", name, issuers.names, part, faults)
    issuer = issuers.sound.get(name)
    if issuer is not None and issuer.source.kind not in _WITH_METADATA:
        message = (
            f"`{name}` has `{issuer.source.kind.value}`, and so no token endpoint: write"
            " `discovery: true` there, or `token_url` here"
        )
        faults.append(part.fault(Code.BAD_VALUE, message))


def _refuse_own_server(
    model: TokenClientModel, part: Part, servers: TokenServers, faults: list[Fault]
) -> None:
    """Refuse an included file that would send tokens of callers to a server of its own choice.

    It may only exchange them at an issuer of the main file.
    """
    include = part.document.include
    if include is None or (model.issuer is not None and servers.is_ours(model.issuer)):
        return
    message = (
        "this file may not choose where tokens of callers are sent: name an issuer of the main"
        " file in `issuer`, or declare this upstream there"
    )
    faults.append(part.key_fault(Code.NOT_GRANTED, message))


def refuse_without_token(
    routes: Sequence[Route],
    named: Sequence[Named[RouteModel]],
    upstreams: dict[str, Upstream],
    issuers: dict[str, IssuerSettings],
    faults: list[Fault],
) -> None:
    """Refuse routes to an upstream that exchanges tokens, if they allow requests without one."""
    at_routes = {one.name: one.part for one in named}
    reporting = [name for name, one in issuers.items() if one.issuer.reports]
    for route in routes:
        upstream = upstreams.get(route.upstream)
        if upstream is None or upstream.credentials is None or not upstream.credentials.exchanges:
            continue
        part = at_routes[route.name]
        if route.public or route.optional:
            key = "public" if route.public else "require"
            what = "public" if route.public else "optional"
            message = (
                f"`{what}` lets requests through without a token, which `{route.upstream}`"
                " exchanges: require one, or use another upstream"
            )
            faults.append(part.child(key).key_fault(Code.CONFLICTING_KEYS, message))
        elif route.reports or any(accepts(route, name) for name in reporting):
            message = (
                "`mode: report` lets requests through without a valid token, which"
                f" `{route.upstream}` exchanges: enforce first, or use another upstream"
            )
            faults.append(part.child("upstream").fault(Code.CONFLICTING_KEYS, message))
