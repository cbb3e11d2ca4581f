"""Kinds of text in a configuration file, each with a pattern and examples for editors.

The patterns only help while typing: they allow all that the checks of each key allow, and more.
They are read by ECMAScript, too (JSON Schema 2020-12 §6.4), so they use what both languages share.
"""

from typing import Annotated, TypeVar

from pydantic import Field
from pydantic.json_schema import WithJsonSchema

from gateway.settings.schema.types import NAME, TOKEN, Text

_PORT = "([0-5]?[0-9]{1,4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
_LABEL = "[A-Za-z0-9_-]{1,63}"
_NAME = rf"{_LABEL}(\.{_LABEL})*\.?"
_HOST = rf"(\[[0-9A-Fa-f:.]+\]|{_NAME})"
_LOOPBACK = r"([Ll][Oo][Cc][Aa][Ll][Hh][Oo][Ss][Tt]|127\.[0-9.]+|\[[0-9A-Fa-f:.]+\])(:[0-9]+)?"
# RFC 3986 §3.3: pchar without `;`, and with `%`.
_PATH_CHARACTER = "[A-Za-z0-9._~!$&'()*+,=:@%-]"
_NO_DOTS = r"(?!\.{1,2}(/|$))"
_VARIABLE = r"\{[A-Za-z_][A-Za-z0-9_]*\}"
_SEGMENT = rf"{_NO_DOTS}({_VARIABLE}|{_PATH_CHARACTER}+)"
_FIELD_NAME = TOKEN.pattern
# What no configuration may set, in the two usual spellings; the gateway refuses the others, too.
_RESERVED = (
    "([Hh]ost|[Aa]uthorization|[Cc]onnection|[Kk]eep-[Aa]live|[Tt][Ee]|[Tt]railer|[Uu]pgrade"
    "|[Ee]xpect|[Tt]ransfer-[Ee]ncoding|[Vv]ia|[Ff]orwarded|[Mm]ax-[Ff]orwards|[Xx]-[Rr]equest-[Ii]d"
    "|[Xx]-[Rr]eal-[Ii][Pp]|[Tt]raceparent|[Tt]racestate"
    "|[Cc]ontent-.*|[Pp]roxy-.*|[Xx]-[Ff]orwarded-.*)"
)


def _text(pattern: str, *examples: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": pattern, "examples": list(examples)})


_T = TypeVar("_T")
Unique = Annotated[list[_T], Field(min_length=1, json_schema_extra={"uniqueItems": True})]
"""A list with at least one item, and none twice; the latter is checked where it is built."""

AddressText = Annotated[
    Text, _text(rf"^{_HOST}:{_PORT}$", "0.0.0.0:8080", "127.0.0.1:8080", "[::1]:8080")
]
ServerText = Annotated[
    Text,
    _text(rf"^https?://{_HOST}(:{_PORT})?$", "http://10.0.0.7:8000", "https://orders.internal"),
]
HostText = Annotated[
    Text,
    _text(
        r"^(\*\.)?(\[[0-9a-f:.]+\]|[a-z0-9_~!$&'()+;=-]+(\.[a-z0-9_~!$&'()+;=-]+)*)$",
        "api.example.com",
        "*.example.com",
    ),
]
ServerName = Annotated[
    Text, _text(rf"^({_LABEL}(\.{_LABEL})*|[0-9A-Fa-f:.]+(%.+)?)$", "orders.internal")
]
# Signs of the patterns of other products, which no path has.
_NO_PATTERN = r"(?!.*(\*|/:|\.\+|\$$))"
PathText = Annotated[
    Text, _text(rf"^{_NO_PATTERN}(/|(/{_SEGMENT})+/?)$", "/orders", "/orders/{id}")
]
PrefixText = Annotated[
    Text, _text(rf"^{_NO_PATTERN}/({_SEGMENT}/)*$", "/orders/", "/tenants/{tenant}/")
]
AudienceText = Annotated[Text, _text(r"^(?!\*$)[\s\S]", "orders", "https://api.example.com/orders")]
GrantedPrefix = Annotated[Text, _text(rf"^/({_NO_DOTS}{_PATH_CHARACTER}+/)*$", "/orders/")]
CutText = Annotated[Text, _text(rf"^(/{_NO_DOTS}{_PATH_CHARACTER}+)+$", "/api")]
NewPrefix = Annotated[Text, _text(rf"^(/|(/{_NO_DOTS}{_PATH_CHARACTER}+)+)$", "/v2", "/")]
PlainPath = Annotated[Text, _text(rf"^(/{_NO_DOTS}[A-Za-z0-9._~-]+)+$", "/gateway/ticket")]
UrlText = Annotated[Text, _text(r"^https?://[^\s/?#@][^\s#]*$", "https://login.example.com/keys")]
# Metadata name the address of keys, and have none.
KeysUrl = Annotated[
    Text,
    _text(
        r"^(?!.*/\.well-known/(openid-configuration|oauth-authorization-server)/?(\?|$))"
        r"https?://[^\s/?#@][^\s#]*$",
        "https://login.example.com/keys",
    ),
]
# Plain http on this machine only.
SAFE_URL = rf"^(https://[^\s/?#@][^\s#]*|http://{_LOOPBACK}([/?][^\s#]*)?)$"
SafeUrl = Annotated[Text, _text(SAFE_URL, "https://login.example.com/revoked")]
PageUrl = Annotated[Text, _text(r"^https?://[^\s/?#@]\S*$", "https://docs.example.com/orders")]
CollectorUrl = Annotated[
    Text, _text(r"^https?://[^\s/?#]+/+[^\s/?#]\S*$", "http://127.0.0.1:4318/v1/traces")
]
ResourceUrl = Annotated[
    Text,
    _text(
        rf"^(https://[^\s/?#@*A-Z]+(/[^?#\s]*)?|http://{_LOOPBACK}(/[^?#\s]*)?)$",
        "https://api.example.com/orders",
    ),
]
ProxyUrl = Annotated[Text, _text(r"^http://[^\s/?#@]+:[0-9]{1,5}/*$", "http://proxy.internal:3128")]
# A password belongs in the environment.
RedisUrl = Annotated[
    Text,
    _text(
        r"^(rediss?://(?![^/?#]*:[^/?#@]+@)|unix:/)[^\s?#]+$",
        "redis://10.0.0.5:6379/0",
        "rediss://redis.internal:6379/0",
    ),
]
OriginText = Annotated[
    Text,
    _text(
        r"^(\*|null|[a-z][a-z0-9+.-]*://[^/?#@\\A-Z\s]+)$",
        "https://app.example.com",
        "https://*.example.com",
    ),
]
OneOrigin = Annotated[
    Text,
    _text(
        rf"^(https://[^/?#@*\\A-Z\s]+|http://{_LOOPBACK})$",
        "https://app.example.com",
    ),
]
NetworkText = Annotated[
    Text, _text(r"^[0-9A-Fa-f.:]+(%[^/]+)?(/[0-9.]+)?$", "10.0.0.0/8", "fd00::/8")
]
# A key or a set of keys that is written out is no name of a file.
FileText = Annotated[Text, _text(r'^(?!-----BEGIN|ssh-|\s*\{\s*")[^\n]+$', "keys/issuer.pem")]
VariableText = Annotated[Text, _text(r"^[A-Za-z_.-][A-Za-z0-9_.-]*$", "ADMIN_TOKEN")]
FieldText = Annotated[Text, _text(rf"^{_FIELD_NAME}$", "X-Tenant")]
OwnField = Annotated[Text, _text(rf"^(?!{_RESERVED}$){_FIELD_NAME}$", "X-User")]
Reference = Annotated[Text, _text(f"^{NAME.pattern}$", "orders")]
"""The name of something that is declared elsewhere."""
