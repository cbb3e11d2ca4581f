"""Read what the admin port is asked to explain."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address

from gateway.decision.tokens.json_text import JsonFault, parse_json_object
from gateway.http.rehearsal import CLIENT
from gateway.suites.asking.request import AskedRequest, BadRequestError, parse_request

# A token and a URL are as long as the data port lets them be; all others are short.
MAX_QUESTION_BYTES = 64 * 1024

_MEMBERS = ("method", "url", "headers", "token", "client")

# A token is one word, or it would be sent as more than one header field.
_VISIBLE = range(0x21, 0x7F)


@dataclass(frozen=True, slots=True)
class Question:
    """A request that is asked for: with *token*, from the address *client*."""

    request: AskedRequest
    token: bytes | None = field(repr=False)
    client: str


class BadQuestionError(ValueError):
    """What is wrong with a question; no value of it, for one of them may be a token."""


def parse_question(body: bytes) -> Question:
    """Return the question in *body*, a JSON object; raises BadQuestionError."""
    members = parse_json_object(body)
    if isinstance(members, JsonFault):
        raise BadQuestionError(f"the body is no JSON object: {members.detail}")
    if not members.keys() <= set(_MEMBERS):
        raise BadQuestionError(f"members are {', '.join(_MEMBERS)}, and no other")
    method, url = _text(members, "method", "GET"), _text(members, "url", "")
    try:
        request = parse_request(method, url, _headers(members.get("headers", {})))
    except BadRequestError as problem:
        raise BadQuestionError(str(problem)) from None
    return Question(request, _token(members), _client(members))


def _text(members: Mapping[str, object], name: str, default: str) -> str:
    value = members.get(name, default)
    if not isinstance(value, str):
        raise BadQuestionError(f"`{name}` is a string")
    return value


def _headers(headers: object) -> Iterator[tuple[str, str]]:
    if not isinstance(headers, dict):
        raise BadQuestionError("`headers` is an object")
    for name, value in headers.items():
        if name.lower() in {"host", "authorization"}:
            raise BadQuestionError("the host stands in `url`, and a token in `token`")
        for one in value if isinstance(value, list) else [value]:
            if not isinstance(one, str):
                raise BadQuestionError("the value of a header is a string, or an array of them")
            yield name, one.strip(" \t")


def _token(members: Mapping[str, object]) -> bytes | None:
    if "token" not in members:
        return None
    token = _text(members, "token", "")
    if not token or not all(ord(sign) in _VISIBLE for sign in token):
        raise BadQuestionError("`token` is one word of visible ASCII, without `Bearer`")
    return token.encode("ascii")


def _client(members: Mapping[str, object]) -> str:
    client = _text(members, "client", CLIENT)
    try:
        return str(ip_address(client))
    except ValueError:
        raise BadQuestionError("`client` is an IP address") from None
