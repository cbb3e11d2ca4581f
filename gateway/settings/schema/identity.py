"""The schema of `identity`: the headers and the signed assertion that services receive."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag
from pydantic.json_schema import WithJsonSchema

from gateway.settings.schema.texts import FieldText, FileText, OwnField, PlainPath
from gateway.settings.schema.types import (
    OFF,
    TEXT,
    Duration,
    Strict,
    Text,
    bad,
    described,
)
from gateway.settings.text.fault import Code
from gateway.settings.text.scalars import shorten

DEFAULT_HEADER = "X-Gateway-Assertion"

TXN_HEADER = "Txn-Token"

DEFAULT_CLAIMS = {
    "sub": "sub",
    "client_id": "client_id",
    "scope": "scope",
    "token_issuer": "iss",
}

# Of a transaction token, whose subject and scopes have a place of their own.
DEFAULT_CONTEXT = {"client_id": "client_id", "token_issuer": "iss"}


# Claims that no header is named after, and what no claim looks like: `sub: X-User` is the wrong way
# round.
USUAL_CLAIMS = {
    *("sub", "iss", "aud", "jti", "acr", "scope", "scp", "client_id", "azp", "appid", "cid"),
    *("tid", "oid", "uid", "sid", "org_id", "tenant", "roles", "groups", "permissions"),
    *("email", "upn", "username", "preferred_username", "name", "given_name", "family_name"),
}
HEADER = re.compile(r"[Xx]-[A-Za-z0-9-]+|[A-Z][A-Za-z0-9]*(?:-[A-Z][A-Za-z0-9]*)+")


def _show_inverted(schema: dict[str, Any]) -> None:
    """Have editors show a claim and its header that have changed places."""
    names = "|".join(sorted(USUAL_CLAIMS))
    no_header = {"pattern": f"^(?!({HEADER.pattern.replace('(?:', '(')})$)"}
    schema["patternProperties"] |= {
        f"^({names})$": no_header,
        "^[a-z0-9_]+$": {"pattern": "^(?![Xx]-[A-Za-z0-9-]+$)"},
    }


AssertionLife = Annotated[
    Duration,
    WithJsonSchema(
        {
            "type": "string",
            "pattern": "^0*(([5-9][0-9]{3}|[1-9][0-9]{4}|[1-5][0-9]{5}|600000)ms"
            "|([5-9]|[1-9][0-9]|[1-5][0-9]{2}|600)s|([1-9]|10)m)$",
            "examples": ["60s", "5m"],
        }
    ),
]


class AssertionModel(Strict):
    """A short-lived JWT, signed by the gateway, that services can verify."""

    issuer: Text = Field(
        description="The `iss` of assertions: a name for the gateway, often a URL.",
        examples=["https://gateway.example.com"],
    )
    keys: list[FileText] = Field(
        min_length=1,
        description="PEM files of private keys, P-256 or Ed25519; the first one signs, all are "
        "published.",
    )
    profile: Literal["gateway", "transaction_token"] = Field(
        default="gateway",
        description="Which claims it has: our own, or those of OAuth transaction tokens.",
    )
    trust_domain: Text | None = Field(
        default=None,
        description="With `transaction_token`: the `aud`, which all services of the domain accept.",
        examples=["example.com"],
    )
    header: FieldText | None = Field(
        default=None,
        description="The header field that carries it; X-Gateway-Assertion, or Txn-Token.",
    )
    lifetime: AssertionLife = described(
        "60s", "How long it is valid, from 5s to 10m; it never outlives the token."
    )
    claims: dict[Text, Text] | None = Field(
        default=None,
        description="Claim of the assertion to claim of the token, or several; replaces the "
        "default claims.",
        examples=[{"sub": "sub"}],
    )
    jwks_path: PlainPath = Field(
        default="/.well-known/jwks.json",
        description="The path where the data port publishes the public keys, on every host.",
    )

    @property
    def is_transaction(self) -> bool:
        """Return whether it has the claims of a transaction token."""
        return self.profile == "transaction_token"

    @property
    def field(self) -> str:
        """Return the name of the field that carries it."""
        return self.header or (TXN_HEADER if self.is_transaction else DEFAULT_HEADER)

    @property
    def copied(self) -> dict[str, str]:
        """Return the claims that come from the token, by the claim that each becomes."""
        usual = DEFAULT_CONTEXT if self.is_transaction else DEFAULT_CLAIMS
        return usual if self.claims is None else self.claims


DEFAULT_IDENTITY = {
    "X-Gateway-Subject": "sub",
    "X-Gateway-Issuer": "iss",
    "X-Gateway-Client": "client_id",
    "X-Gateway-Scopes": "scope",
    "X-Gateway-Token-Id": "jti",
}


class IdentityModel(Strict):
    """What services receive about the caller."""

    @classmethod
    def find_meant(cls, owner: str, key: str, value: object) -> str | None:
        """Return what to write instead of *key* with *value*."""
        if isinstance(value, str) and key not in cls.model_fields and "-" in key:
            return f"it belongs in `headers`: write `headers: {{{shorten(key)}: {shorten(value)}}}`"
        return None

    headers: dict[OwnField, Text] = Field(
        default=DEFAULT_IDENTITY,
        description="Header name to claim, or several; replaces the default headers.",
        examples=[{"X-User": "sub"}],
        json_schema_extra=_show_inverted,
    )
    forward_token: bool = Field(
        default=False, description="Whether services also receive the bearer token itself."
    )
    assertion: AssertionModel | None = Field(
        default=None,
        description="A token about the caller, signed by the gateway.",
        examples=[{"issuer": "https://gateway.example.com", "keys": ["assertion.pem"]}],
    )


def _only_false(value: bool) -> bool:
    if value:
        raise bad(Code.BAD_VALUE, "expected the name of a claim, or false to send no such header")
    return value


class OwnIdentityModel(Strict):
    """What services receive about the callers of one issuer or one route."""

    headers: dict[
        OwnField,
        Annotated[
            Annotated[Text, Tag(TEXT)]
            | Annotated[
                bool, AfterValidator(_only_false), WithJsonSchema({"const": False}), Tag(OFF)
            ],
            Discriminator(lambda value: OFF if isinstance(value, bool) else TEXT),
        ],
    ] = Field(
        min_length=1,
        description="Header name to claim, or several; `false` sends no such header.",
        json_schema_extra=_show_inverted,
    )
