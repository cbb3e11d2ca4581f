"""Say what to write instead of a value of the wrong type, or of a key of another product."""

import re
from collections.abc import Collection, Iterable

from pydantic import BaseModel

from gateway.settings.schema.types import Strict
from gateway.settings.text.scalars import show_yaml

# Values under such keys are not repeated: a secret may stand there by mistake.
# Lists of words, none of which has a space or a comma in it.
_OF_WORDS = frozenset({"scopes", "methods", "hosts", "issuers", "algorithms"})

_SECRETIVE = re.compile(r"secret|password|^keys$")

# Keys of nginx, Envoy, Kong, Traefik, Spring and others, as they are compared (lower case, letters
# only), by the key here that takes their place; and what to write.
_FOREIGN: tuple[tuple[str, str, str], ...] = (
    (
        "workers",
        "workerprocesses threads",
        "write `workers: 4`",
    ),
    (
        "listen",
        "port ports bind entrypoints listeners address",
        "write `listen: 0.0.0.0:8080`",
    ),
    (
        "listen",
        "tls ssl https certificate",
        "write `listen: {address: 0.0.0.0:8443, tls: {certificate: tls.crt, key: tls.key}}`",
    ),
    (
        "version",
        "formatversion apiversion",
        "write `version: 1`",
    ),
    (
        "upstreams",
        "issuer jwt jwtproviders providers auth authentication identityproviders",
        "write `issuers: {NAME: {issuer: URL, discovery: true, audiences: [NAME]}}`",
    ),
    (
        "admin",
        "metrics healthz health status healthcheck",
        "metrics and health are on the admin port: write `admin: 127.0.0.1:9901`",
    ),
    (
        "timeouts",
        "timeout proxyreadtimeout",
        "write `timeouts: {total: 30s}`, or for one service"
        " `upstreams: {NAME: {response_timeout: 30s}}`",
    ),
    (
        "rate_limits",
        "ratelimit ratelimits ratelimiting throttle limitreq",
        "write `rate_limits: {NAME: {rate: 100/1m, key: subject}}` in the main file, and"
        " `rate_limits: [NAME]` in a route",
    ),
    (
        "routes",
        "cors rewrite require hosts methods match",
        "it belongs in each route, or for all of them in `defaults`",
    ),
    (
        "routes",
        "public plugins middlewares middleware rules paths locations server servers",
        "write it for each route, as in"
        " `routes: [{name: NAME, match: {path: /healthz}, upstream: NAME, public: true}]`",
    ),
    (
        "version",
        "kind metadata spec",
        "this file is no Kubernetes resource: remove it, and write `version: 1`",
    ),
    (
        "upstreams",
        "services clusters backends staticresources http spring",
        "services are `upstreams: {NAME: {servers: [URL]}}` here, and requests go to them by "
        "`routes`",
    ),
    (
        "access_log",
        "loglevel logging log accesslogpath debug verbose",
        "write `access_log: stdout`; there are no levels",
    ),
    (
        "login",
        "oauth oauthclient oidc",
        "write `login: {NAME: {…}}`; tokens are checked by `issuers`",
    ),
    (
        "limits",
        "clientmaxbodysize maxbodysize",
        "write `limits: {body: 10MiB}`",
    ),
    (
        "address",
        "host port",
        "write host and port as one: `address: 0.0.0.0:8080`",
    ),
    (
        "certificate",
        "sslcertificate cert certfile tlscert certificatefile crt",
        "write `certificate: tls.crt`",
    ),
    (
        "key",
        "sslcertificatekey keyfile tlskey privatekey",
        "write `key: tls.key`",
    ),
    (
        "discovery",
        "url uri",
        "write `issuer: URL` and `discovery: true`",
    ),
    (
        "issuer",
        "issueruri iss issuerurl",
        "write `issuer: https://login.example.com/`",
    ),
    (
        "jwks_url",
        "jwkseturi jwksuri jwks remotejwks keyurl keysurl jwkuri",
        "write `jwks_url: URL`, or `discovery: true`",
    ),
    (
        "discovery_url",
        "metadataurl wellknown discoveryuri configurl openidconfiguration",
        "write `discovery_url: URL`, or `discovery: true`",
    ),
    (
        "secret_env",
        "secret sharedsecret hmacsecret",
        "put it in an environment variable and write `secret_env: NAME`",
    ),
    (
        "pem_file",
        "publickey publickeylocation key rsapublickey",
        "write `pem_file: key.pem`",
    ),
    (
        "audiences",
        "audience aud",
        "write `audiences: [NAME]`, as `aud` of the tokens has it",
    ),
    (
        "leeway",
        "clockskew clockskewseconds clocktolerance",
        "write `leeway: 30s`",
    ),
    (
        "algorithms",
        "algorithm alg jwsalgorithm",
        "write `algorithms: [RS256]`",
    ),
    (
        "scopes_from",
        "scopeclaim rolesclaim authoritiesclaimname",
        "write `scopes_from: [NAME]`",
    ),
    (
        "servers",
        "url urls uri target targets host hosts server address port endpoints nodes loadbalancer"
        " loadassignment",
        'write `servers: ["http://10.0.0.7:8000"]`',
    ),
    (
        "balance",
        "lbpolicy loadbalancing strategy algorithm",
        "write `balance: least_requests`, or `round_robin`",
    ),
    (
        "protocol",
        "http2 h2 h2c grpc http2protocoloptions appprotocol proxyhttpversion alpn scheme",
        "write `protocol: h2c` for HTTP/2 to http servers, or `protocol: h2` to https ones",
    ),
    (
        "budget",
        "count attempts numretries retries max",
        "a request is sent at most twice: write `retries: {methods: [GET, HEAD]}`",
    ),
    (
        "response_timeout",
        "timeout readtimeout proxyreadtimeout",
        "write `response_timeout: 30s`; there are also connect_timeout, stall_timeout and "
        "idle_timeout",
    ),
    (
        "ca",
        "verify insecureskipverify sslverify proxysslverify verification",
        "certificates are always verified; to trust an authority of your own, write `ca: ca.pem`",
    ),
    (
        "match",
        "rule predicates location path paths",
        'write `match: {path: "/orders/{id}"}`, or `match: {path_prefix: /orders/}`',
    ),
    (
        "path",
        "paths",
        "write `path: /orders`, one route for each, or `path_prefix: /orders/`",
    ),
    (
        "match",
        "method methods host hosts",
        "it belongs in `match`: write `match: {path: /orders, methods: [GET]}`",
    ),
    (
        "match",
        "description comment summary enabled disabled tags",
        "write it as a comment: `# …`; what is not to be used is left out",
    ),
    (
        "path_prefix",
        "header headers query queryparams querystring",
        "a route is chosen by host, path and method alone",
    ),
    (
        "path_prefix",
        "prefix pathprefix location",
        "write `path_prefix: /orders/`",
    ),
    (
        "hosts",
        "host servername domain domains hostnames",
        "write `hosts: [api.example.com]`",
    ),
    (
        "methods",
        "method verbs httpmethods",
        "write `methods: [GET]`",
    ),
    (
        "upstream",
        "cluster proxypass uri service backend url target",
        "write `upstream: NAME`, and its URL under `upstreams: {NAME: {servers: [URL]}}`",
    ),
    (
        "name",
        "id routeid",
        "write `name: orders`",
    ),
    (
        "public",
        "auth authenticated anonymous permitall noauth",
        "a route without tokens is `public: true`; any other has `require`",
    ),
    (
        "require",
        "plugins middlewares filters authorization policies jwt security",
        "what a token must have is `require: {scopes: […]}`; see also `rewrite`, `cors`, "
        "`rate_limits`",
    ),
    (
        "any",
        "or oneof",
        "write `any: [NAME, …]`",
    ),
    (
        "all",
        "and allof",
        "write `all: [NAME, …]`",
    ),
    (
        "none",
        "not noneof except",
        "write `none: [NAME, …]`",
    ),
    (
        "claims",
        "roles role groups permissions authorities",
        "write `claims: {roles: {contains: NAME}}`, with the name of the claim in the tokens",
    ),
    (
        "scopes",
        "scope",
        "write `scopes: [NAME]`",
    ),
    (
        "upgrades",
        "websocket websockets upgrade upgradeconfigs",
        "write `upgrades: [websocket]`",
    ),
    (
        "origins",
        "allowedorigins alloworigins alloworigin accesscontrolalloworiginlist",
        "write `origins: [https://app.example.com]`",
    ),
    (
        "rewrite",
        "strippath strip rewritetarget",
        "write `rewrite: {strip_prefix: /api}`",
    ),
    (
        "strip_prefix",
        "path regex target replacement",
        "write `strip_prefix: /api`, or `replace_prefix: {from: /v1, to: /v2}`",
    ),
    (
        "identity",
        "headers header setheaders",
        "write `identity: {headers: {X-User: sub}}` for who calls, or"
        " `rewrite: {request_headers: {set: {X-Name: value}}}`",
    ),
    (
        "request_headers",
        "customrequestheaders requestheaderstoadd addrequestheader proxysetheader headers",
        "write `request_headers: {set: {X-Name: value}}`",
    ),
    (
        "rate",
        "period limit requestspersecond minute second",
        "write `rate: 100/1m`",
    ),
    (
        "prefix",
        "redirecturi callback callbackpath redirecturl",
        "the gateway chooses it: it is PREFIX/callback on each of `origins`, `prefix: "
        "/oauth` by default",
    ),
)

_LETTERS = re.compile(r"[^a-z0-9]+")


def meant_key(wrong: str, known: Collection[str]) -> str | None:
    """Return what to write instead of the key *wrong*; *known* are the keys at this place."""
    word = _LETTERS.sub("", wrong.lower())
    return next(
        (said for key, words, said in _FOREIGN if key in known and word in words.split()), None
    )


def meant_value(
    error: str,
    key: str,
    value: object,
    models: Iterable[type[BaseModel]],
    examples: Iterable[object],
) -> str | None:
    """Return what to write for *key* instead of *value*, which caused pydantic's *error*.

    *models* are those that the key may have as its value, *examples* what it may be.
    """
    short = next(
        (found for one in models if issubclass(one, Strict) and (found := one.long_form(value))),
        None,
    )
    meant: object = None
    if isinstance(value, str) and value.startswith("-"):
        return "a list has a line for each item, with a space after the dash: write `- ITEM`"
    if (
        error == "list_type"
        and isinstance(value, str | int | float)
        and not isinstance(value, bool)
    ):
        items = (
            re.split(r"[,\s]+", value) if key in _OF_WORDS and isinstance(value, str) else [value]
        )
        meant = ["…"] if _SECRETIVE.search(key) else [one for one in items if one != ""]
    elif (error == "bool_type" and value in ("true", "false")) or (
        error == "int_type" and isinstance(value, str) and value.isdecimal()
    ):
        return f"write `{key}: {value}`, without quotes"
    elif error == "bool_type" and isinstance(value, str) and value.lower() in {"yes", "on", "y"}:
        return f"write `{key}: true`"
    elif error == "string_type" and isinstance(value, list) and len(value) == 1:
        meant = value[0] if isinstance(value[0], str) and not _SECRETIVE.search(key) else None
    elif error == "string_type" and isinstance(value, int | float) and not isinstance(value, bool):
        return f'write `{key}: "{value}"`, in quotes'
    elif short is not None:
        meant = short
    if meant is not None:
        return f"write `{key}: {show_yaml(meant)}`"
    example = next(iter(examples), None)
    return None if example is None else f"write it like `{key}: {show_yaml(example)}`"
