"""The loaded configuration: frozen values that the rest of the gateway trusts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from gateway.decision.policy import Issuer, Policy
from gateway.decision.revocation import RevocationRule
from gateway.decision.rules.claim_sources import ClaimSource
from gateway.settings.values.balancing import PLAIN, Balancing
from gateway.settings.values.clients import OAuthClient
from gateway.settings.values.login import LoginSettings
from gateway.settings.values.rates import RateLimiting
from gateway.settings.values.route_options import RouteOptions
from gateway.settings.values.signing_key import SigningKey
from gateway.settings.values.tickets import TicketSettings
from gateway.tls.certificate import Authorities, ClientTls, ServerTls


@dataclass(frozen=True, slots=True)
class Address:
    """An IP address or name, and a port; port 0 asks the system for a free one."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Listen:
    """An address that the data port listens on; without *tls* it speaks plain HTTP there."""

    address: Address
    tls: ServerTls | None


@dataclass(frozen=True, slots=True)
class Admin:
    """Where the admin port listens, and the bearer *token* that it requires, if any."""

    address: Address
    token: str | None = field(repr=False)


class SourceKind(Enum):
    """Where an issuer's keys come from."""

    DISCOVERY = "discovery"
    DISCOVERY_URL = "discovery_url"
    JWKS_URL = "jwks_url"
    JWKS_FILE = "jwks_file"
    PEM_FILE = "pem_file"
    SECRET = "secret_env"  # noqa: S105 - the name of a key, not a secret
    SECRET_FILE = "secret_file"  # noqa: S105 - the same
    INTROSPECTION = "introspection"  # the issuer's metadata, if its answers are signed


@dataclass(frozen=True, slots=True)
class Proxy:
    """A forward proxy at *url*, ``http://host:port``; *user* and *password* are for itself.

    Hosts of these *names* (``.example.com`` for all below it) and in these *networks* are reached
    without it, and so is this machine unless it *covers_loopback*.
    """

    url: str
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    names: frozenset[str] = frozenset()
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    covers_loopback: bool = False


@dataclass(frozen=True, slots=True)
class KeySource:
    """One key source: *location* is a URL or an absolute file name; *secret* for HMAC only.

    *ca* are the authorities to trust for a URL; None means those that the machine trusts. *proxy*
    is for all requests to the issuer. If it *is_insecure*, they may be plain http, to private
    addresses.
    """

    kind: SourceKind
    location: str
    secret: bytes | None = field(default=None, repr=False)
    ca: Authorities | None = None
    proxy: Proxy | None = None
    is_insecure: bool = False

    @property
    def is_secret(self) -> bool:
        """Return whether tokens are verified with a shared secret."""
        return self.kind in {SourceKind.SECRET, SourceKind.SECRET_FILE}


@dataclass(frozen=True, slots=True)
class FetchTimes:
    """How long a document is fresh, how long it may be used stale, and a fetch's timeout."""

    fresh_seconds: float
    stale_seconds: float
    fetch_timeout_seconds: float


@dataclass(frozen=True, slots=True)
class KeyTimes(FetchTimes):
    """The times of an issuer's keys; unknown `kid`s cause at most one fetch per cooldown."""

    unknown_kid_cooldown_seconds: float


@dataclass(frozen=True, slots=True)
class IntrospectionSettings:
    """How an issuer is asked about its tokens (RFC 7662), as *client*.

    *url* is None if its metadata say where. If answers are *signed* (RFC 9701), they are JWTs. An
    answer counts for *cache_seconds* at most; a question takes *timeout_seconds* at most.
    """

    client: OAuthClient
    url: str | None
    signed: bool
    cache_seconds: float
    timeout_seconds: float


@dataclass(frozen=True, slots=True)
class IssuerSettings:
    """An issuer with everything the keyring needs to fetch its keys.

    The gateway is not ready until the keys of an issuer that *is_required* were loaded once. With
    *introspection*, the issuer is asked about each of its tokens instead.
    """

    issuer: Issuer
    source: KeySource
    times: KeyTimes
    is_required: bool = True
    introspection: IntrospectionSettings | None = None

    @property
    def has_keys(self) -> bool:
        """Return whether its keys verify anything: tokens, or answers about them."""
        return self.introspection is None or self.introspection.signed


@dataclass(frozen=True, slots=True)
class RevocationSettings:
    """A revocation list; *location* is a URL, or the absolute name of a file.

    *ca* are the authorities to trust for a URL; None means those that the machine trusts. The
    gateway is not ready until a list that *is_required* was loaded once. *proxy* is for a URL.
    """

    rule: RevocationRule
    location: str
    is_file: bool
    times: FetchTimes
    ca: Authorities | None = None
    is_required: bool = True
    proxy: Proxy | None = None


@dataclass(frozen=True, slots=True)
class Resource:
    """A protected resource; its *metadata* is served on *host* at *metadata_path*.

    *authorization_servers* are the names of issuers, *routes* those of its routes.
    *place* is ``file:line`` in the configuration.
    """

    name: str
    identifier: str
    metadata_url: str
    host: str
    metadata_path: bytes
    metadata: bytes
    authorization_servers: tuple[str, ...]
    routes: tuple[str, ...]
    place: str


@dataclass(frozen=True, slots=True)
class Server:
    """One server of an upstream; *authority* is its name in a Host field."""

    host: str
    port: int
    tls: bool
    authority: str


class UpstreamProtocol(Enum):
    """How the servers of an upstream are spoken to."""

    HTTP1 = "http1"
    H2C = "h2c"  # HTTP/2 without TLS, with prior knowledge (RFC 9113 §3.3)
    H2 = "h2"  # HTTP/2 over TLS (RFC 9113 §3.2)


class ServiceGrant(Enum):
    """How a token for a service is got: for the gateway itself, or for the caller."""

    CLIENT_CREDENTIALS = "client_credentials"  # RFC 6749 §4.4
    TOKEN_EXCHANGE = "token_exchange"  # noqa: S105 - RFC 8693, not a secret


@dataclass(frozen=True, slots=True)
class ServiceCredentials:
    """What the gateway asks an authorization server for, to authenticate at one upstream.

    The server is that of the issuer named *issuer*, which publishes its token endpoint, or the one
    at *token_url*, with the authorities *ca* (None: those that the machine trusts), by *proxy*.
    *resource* is RFC 8707's. *token_type* is what an exchange asks for (RFC 8693 §3). A request to
    the server, and a request that waits for it, takes at most *timeout_seconds*.
    """

    grant: ServiceGrant
    client: OAuthClient
    issuer: str | None
    token_url: str | None
    scopes: tuple[str, ...] = ()
    audience: str | None = None
    resource: str | None = None
    token_type: str = ""
    timeout_seconds: float = 5.0
    ca: Authorities | None = None
    proxy: Proxy | None = None

    @property
    def exchanges(self) -> bool:
        """Return whether each caller has a token of its own."""
        return self.grant is ServiceGrant.TOKEN_EXCHANGE

    @property
    def server(self) -> str:
        """Return the server, for people."""
        return f"the issuer {self.issuer}" if self.issuer else str(self.token_url)


@dataclass(frozen=True, slots=True)
class Upstream:
    """A service: its servers, timeouts and balancing options."""

    name: str
    servers: tuple[Server, ...]
    connect_timeout_seconds: float
    response_timeout_seconds: float
    idle_timeout_seconds: float  # a pooled connection is closed after this much idleness
    tls: ClientTls | None = None  # for its https servers; None where it has none
    balancing: Balancing = PLAIN
    stall_timeout_seconds: float = 60.0  # between two bytes of a response
    credentials: ServiceCredentials | None = None
    protocol: UpstreamProtocol = UpstreamProtocol.HTTP1
    grpc_web: bool = False  # calls of gRPC-Web are translated to gRPC

    @property
    def is_http2(self) -> bool:
        """Return whether many requests share a connection."""
        return self.protocol is not UpstreamProtocol.HTTP1


@dataclass(frozen=True, slots=True, eq=False)
class AssertionSettings:
    """The signed assertions about callers, sent in the field *header*; the first key signs.

    *claims* has the name of each claim, and where it comes from in the token. The keys are
    published at *jwks_path*. With a *trust_domain* they are transaction tokens, for each service of
    that domain, and *claims* are those of the transaction context.
    """

    header: bytes
    issuer: str
    keys: tuple[SigningKey, ...]
    lifetime_seconds: float
    claims: tuple[tuple[str, ClaimSource], ...]
    jwks_path: bytes
    trust_domain: str | None = None


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long the data port waits for a client, in seconds."""

    head_seconds: float  # first byte of a head to its end
    idle_seconds: float  # between requests on a kept-alive connection
    body_seconds: float  # without progress, in either direction
    tunnel_seconds: float  # without a byte on a tunnel, or of a streaming response
    total_seconds: float  # from a request's head to the end of its response; may be infinite
    token_grace_seconds: float  # how long a tunnel may outlast its token; may be infinite


@dataclass(frozen=True, slots=True)
class Limits:
    """How much the data port accepts from one client, or from all."""

    head_bytes: int
    head_fields: int
    target_bytes: int
    body_bytes: int | None  # None: no limit
    connections: int
    requests: int | None = None  # in flight at one time; None: no limit
    body_rate: int | None = None  # least bytes per second of a request body; None: any
    read_rate: int | None = None  # least bytes per second that a client reads; None: any
    connections_per_address: int | None = None  # None: no limit


class UnderscoreNames(Enum):
    """How to treat request fields with an underscore in the name."""

    DROP = "drop"
    REJECT = "reject"
    KEEP = "keep"


class HalfClose(Enum):
    """What it means if a client closes its sending half while its request is in flight."""

    CANCEL = "cancel"
    ANSWER = "answer"


class AccessLogTarget(Enum):
    """Where the access log goes."""

    STDOUT = "stdout"
    STDERR = "stderr"
    NONE = "none"


class AccessLogFormat(Enum):
    """The format of the access log."""

    JSON = "json"
    COMBINED = "combined"


@dataclass(frozen=True, slots=True)
class Tracing:
    """Which requests are traced, and where spans are exported over OTLP/HTTP."""

    url: str
    sample: float  # the share of requests without a trace that are recorded, 0 to 1
    asked_per_second: int  # how many untrusted callers' traces are recorded
    service_name: str
    headers: tuple[tuple[str, str], ...] = field(repr=False)  # for the collector


@dataclass(frozen=True, slots=True)
class Reloads:
    """When the configuration is reloaded without a signal, and what must pass first."""

    watch_seconds: float | None  # None: only on a signal or request
    runs_suites: bool
    wait_seconds: float = 30.0  # for the keys and revocation lists of changed parts


@dataclass(frozen=True, slots=True, eq=False)
class Settings:
    """Everything one run of the gateway is configured with."""

    listen: tuple[Listen, ...]  # one or more
    admin: Admin | None
    workers: int | None  # processes that serve requests; None: as many as there are cores
    issuers: Mapping[str, IssuerSettings]  # by name
    revocations: Mapping[str, RevocationSettings]  # by name
    upstreams: Mapping[str, Upstream]  # by name
    logins: Mapping[str, LoginSettings]  # by name, in the order of the file
    resources: tuple[Resource, ...]
    policy: Policy
    route_options: tuple[RouteOptions, ...]  # by Route.index
    rate_limiting: RateLimiting
    assertion: AssertionSettings | None
    timeouts: Timeouts
    limits: Limits
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...]
    underscore_names: UnderscoreNames
    half_close: HalfClose
    http2: bool  # clients may speak it
    access_log: AccessLogTarget
    access_log_format: AccessLogFormat
    tracing: Tracing | None
    suites: tuple[Path, ...]  # of tests about this configuration
    reload: Reloads
    drain_seconds: float  # in-flight requests may finish for so long after listening ends
    drain_delay_seconds: float  # before that: not ready, but connections are still accepted
    drain_streams_seconds: float  # streams and tunnels are closed within so long
    tickets: TicketSettings | None
    digest: str  # SHA-256 of all files read, in hex: the config hash in /status

    def requires_issuer(self, name: str) -> bool:
        """Return whether the gateway is ready only with keys of this issuer.

        An issuer that only reports refuses no token without its keys.
        """
        one = self.issuers[name]
        return one.is_required and one.has_keys and not one.issuer.reports

    def requires_list(self, name: str) -> bool:
        """Return whether the gateway is ready only with this revocation list.

        It is if tokens of a required issuer are refused without the list.
        """
        one = self.revocations[name]
        refuses = one.rule.refuses_without and one.is_required
        return refuses and any(map(self.requires_issuer, one.rule.issuers))
