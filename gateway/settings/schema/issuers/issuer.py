"""The schema of an issuer."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Discriminator, Field, Tag
from pydantic.json_schema import WithJsonSchema

from gateway.settings.schema.identity import OwnIdentityModel
from gateway.settings.schema.issuers.introspection import IntrospectionModel
from gateway.settings.schema.issuers.tenants import TenantsModel
from gateway.settings.schema.routes.claims import ClaimsModel
from gateway.settings.schema.texts import (
    SAFE_URL,
    AudienceText,
    FileText,
    KeysUrl,
    ProxyUrl,
    Unique,
    UrlText,
    VariableText,
)
from gateway.settings.schema.tls import FetchTlsModel
from gateway.settings.schema.types import (
    LIST,
    TABLE,
    TEXT,
    Duration,
    DurationOrZero,
    Leeway,
    Mode,
    OnlyTrue,
    Strict,
    Text,
    bad,
    described,
    text_or_list,
    text_or_table,
)
from gateway.settings.text.fault import Code
from gateway.settings.text.scalars import shorten, show_yaml

Signal = Literal["nonce", "at_hash", "c_hash", "token_use", "typ", "azp"]


class IssuerRequireModel(Strict):
    """What every token of an issuer must have, on every route."""

    claims: ClaimsModel = Field(
        description="Tests by claim, as in `require` of a route, without path variables."
    )


class ScopeSourceModel(Strict):
    """A claim whose items are scopes, with a prefix of their own."""

    claim: Text = Field(
        description="The claim; dots walk nested claims.", examples=["realm_access.roles"]
    )
    prefix: Text = Field(
        description="What each scope from it begins with, e.g. `role:`.", examples=["role:"]
    )


ScopeSourceTerm = Annotated[
    Annotated[Text, Tag(TEXT)] | Annotated[ScopeSourceModel, Tag(TABLE)],
    Discriminator(text_or_table),
]


Algorithm = Literal[
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512",
    "EdDSA", "Ed25519", "ML-DSA-44", "ML-DSA-65", "ML-DSA-87", "HS256", "HS384", "HS512",
]  # fmt: skip


def _unchecked(value: str) -> str:
    if value != "unchecked":
        raise bad(Code.WRONG_TYPE, "expected a list of audiences, or the word unchecked")
    return value


class KeyTimesModel(Strict):
    """How an issuer's keys are kept fresh."""

    fresh: Duration = described("5m", "Keys are fetched again before they are this old.")
    stale: DurationOrZero = described(
        "1h", "While fetches fail, old keys stay in use this much longer."
    )
    fetch_timeout: Duration = described("5s", "The timeout of one fetch.")
    unknown_kid_cooldown: Duration = described(
        "30s", "Tokens with an unknown kid cause at most one fetch in this time."
    )


KEY_SOURCES = (
    *(
        "discovery",
        "discovery_url",
        "jwks_url",
        "jwks_file",
        "pem_file",
        "secret_env",
        "secret_file",
    ),
    "introspection",
)
REMOTE_SOURCES = ("discovery", "discovery_url", "jwks_url", "introspection")


# For editors, also of issuers with a preset. The address of metadata is no `iss`.
_RULES: tuple[dict[str, Any], ...] = (
    {
        "if": {"anyOf": [{"required": [key]} for key in ("secret_env", "secret_file")]},
        "then": {"properties": {"algorithms": {"items": {"pattern": "^HS"}}}},
        "else": {"properties": {"algorithms": {"items": {"pattern": "^(?!HS)"}}}},
    },
    {
        "if": {"required": ["discovery"]},
        "then": {
            "properties": {
                "issuer": {
                    "pattern": r"^https?://(?!.*/\.well-known/(openid-conf|oauth-auth))[^\s?#]+$"
                }
            }
        },
    },
    {
        "if": {"properties": {"insecure": {"const": False}}},
        "then": {
            "properties": {
                "jwks_url": {"pattern": SAFE_URL},
                "discovery_url": {"pattern": SAFE_URL},
            }
        },
    },
    {
        "if": {"properties": {"insecure": {"const": False}}, "required": ["discovery"]},
        "then": {"properties": {"issuer": {"pattern": SAFE_URL}}},
    },
)


class IssuerModel(Strict):
    """A trusted issuer; it has exactly one key source."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": [source]} for source in KEY_SOURCES],
            "allOf": list(_RULES),
        }
    )

    @classmethod
    def find_meant(cls, owner: str, key: str, value: object) -> str | None:
        """Return what to write instead of *value* for *key*."""
        if not isinstance(value, str):
            return None
        if key == "discovery" and value not in {"true", "false"}:
            url = shorten(value)
            return f"write `discovery: true`; the address of metadata is `discovery_url: {url}`"
        if key == "audiences" and value != "*":
            return f"write `audiences: {show_yaml([value])}`"
        return None

    @classmethod
    def long_form(cls, value: object) -> dict[str, object] | None:
        """Return what *value* probably stands for."""
        if not isinstance(value, str):
            return None
        return {"issuer": value, "discovery": True, "audiences": ["NAME"]}

    issuer: Text = Field(
        description="The `iss` of its tokens, compared code point by code point; {tenantid} stands "
        "for a tenant.",
        examples=["https://login.example.com/"],
    )
    also_issued_as: Unique[Text] | None = Field(
        default=None,
        description="Other `iss` of its tokens, signed with the same keys.",
        examples=[["https://login.example.org/"]],
    )
    tenants: TenantsModel | None = Field(
        default=None,
        description="The accepted tenants, with {tenantid} in `issuer`.",
        examples=[{"allow": ["1f2e3d4c-5b6a-4978-8695-a4b3c2d1e0f9"]}],
    )
    discovery: OnlyTrue | None = Field(
        default=None,
        description="Key source: the issuer's metadata (OpenID, RFC 8414) names the keys.",
    )
    discovery_url: UrlText | None = Field(
        default=None,
        description="Key source: the URL of the issuer's metadata, if they are elsewhere.",
    )
    jwks_url: KeysUrl | None = Field(default=None, description="Key source: the URL of a JWK set.")
    jwks_file: FileText | None = Field(
        default=None, description="Key source: a file with a JWK set."
    )
    pem_file: FileText | None = Field(
        default=None, description="Key source: a file with a PEM public key or certificate."
    )
    secret_env: VariableText | None = Field(
        default=None, description="Key source: the environment variable that holds an HMAC secret."
    )
    secret_file: FileText | None = Field(
        default=None, description="Key source: the file that holds an HMAC secret, as text."
    )
    introspection: IntrospectionModel | None = Field(
        default=None,
        description="Instead of keys: the issuer is asked about each token (RFC 7662).",
        examples=[{"client_id": "gateway", "client_secret": "${CLIENT_SECRET}"}],
    )
    audiences: Annotated[
        Annotated[Unique[AudienceText], Tag(LIST)]
        | Annotated[
            Annotated[str, AfterValidator(_unchecked), WithJsonSchema({"const": "unchecked"})],
            Tag(TEXT),
        ],
        Discriminator(text_or_list),
    ] = Field(
        description="A token must name one of these in `aud`; `unchecked` opts out.",
        examples=[["orders"]],
    )
    algorithms: Unique[Algorithm] | None = Field(
        default=None,
        description="Allowed algorithms; by default RS256, ES256 and EdDSA; HS256 with a secret.",
        examples=[["RS256"]],
    )
    profile: Literal["any", "rfc9068"] = Field(
        default="any", description="rfc9068 requires at+jwt tokens with all claims of RFC 9068."
    )
    require: IssuerRequireModel | None = Field(
        default=None,
        description="What each of its tokens must have, on every route.",
        examples=[{"claims": {"email_verified": {"equals": True}}}],
    )
    scopes_from: list[ScopeSourceTerm] | None = Field(
        default=None,
        min_length=1,
        description="The claims with scopes; by default `scope` and `scp`.",
        examples=[["scope"]],
    )
    id_token_signals: (
        Annotated[list[Signal], Field(json_schema_extra={"uniqueItems": True})] | None
    ) = Field(
        default=None,
        description="What an ID token is recognised by, and refused; by default all of these.",
    )
    leeway: Leeway = described("30s", "Clock skew accepted in exp, nbf and iat; at most 5m.")
    mode: Mode = Field(
        default="enforce",
        description="`report` passes tokens that fail this issuer's check, without identity.",
    )
    identity: OwnIdentityModel | None = Field(
        default=None,
        description="Identity headers for its tokens, in place of the general ones.",
        examples=[{"headers": {"X-User": "oid"}}],
    )
    keys: KeyTimesModel = Field(
        default=KeyTimesModel(),
        description="How keys are kept fresh.",
        examples=[{"fresh": "5m", "stale": "1h"}],
    )
    required: bool = Field(
        default=True,
        description="Whether the gateway is not ready until it has loaded this issuer's keys.",
    )
    tls: FetchTlsModel | None = Field(
        default=None,
        description="The CA to trust when its metadata and keys are fetched.",
        examples=[{"ca": "ca.pem"}],
    )
    proxy: ProxyUrl | None = Field(
        default=None,
        description="The forward proxy for requests to it, http://host:port, instead of that of"
        " `fetching`; user and password only as ${NAME}.",
    )
    proxy_file: FileText | None = Field(
        default=None, description="The file with the address of that proxy, password included."
    )
    insecure: bool = Field(
        default=False,
        description="Whether its metadata and keys may be fetched over plain http, from private"
        " addresses.",
    )
