"""Explain a request on the admin port: one that is described, or a past refusal."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from ipaddress import ip_address

from gateway.admin.explanation import PlaceOf, documentation, view_as_json, view_explanation
from gateway.admission import Introspection
from gateway.decision.explaining.steps import Owner, Setting
from gateway.decision.head import NO_SESSION, SessionCredential
from gateway.decision.policy import Policy
from gateway.decision.reason import Reason
from gateway.decision.revocation import RevocationLists
from gateway.decision.tokens.introspected import FindAnswer, find_nothing, find_only
from gateway.decision.tokens.json_text import JsonFault, parse_json_object
from gateway.decision.verdict import NeedIntrospection, NeedKeys
from gateway.fetching.thread import compute_in_thread
from gateway.http.rehearsal import CLIENT, Rehearsal
from gateway.keyring.keyring import Keyring
from gateway.suites.simulation.minting import bearer
from gateway.suites.simulation.request import BadRequestError, SimulatedRequest, parse_request
from gateway.suites.simulation.wire import authorization, write_head

# A token and a URL are as long as the data port allows; everything else is short.
MAX_QUESTION_BYTES = 64 * 1024

_MEMBERS = ("method", "url", "headers", "token", "session", "client", "introspect")

# A token is one word: anything else could end its header field.
_VISIBLE = range(0x21, 0x7F)

_REASONS = {reason.code: reason for reason in Reason}

# Members of an access log line: what the decision was made of, except the owner of the token.
_KEPT = ("id", "time", "client", "method", "host", "path", "route", "upstream", "status")


@dataclass(frozen=True, slots=True)
class Question:
    """A request to explain, with *token*, from the address *client*.

    With *session*, the name of a login, it is the token of a session, and not sent. If its issuer
    has to be asked about it, it is asked only if *introspects*.
    """

    request: SimulatedRequest
    token: bytes | None = field(repr=False)
    client: str
    session: str | None = None
    introspects: bool = False


class BadQuestionError(ValueError):
    """A question is invalid; the message repeats no value of it, which may be a token."""


def parse_question(body: bytes) -> Question:
    """Return the question in *body*, a JSON object; raise BadQuestionError."""
    members = parse_json_object(body)
    if isinstance(members, JsonFault):
        raise BadQuestionError(f"the body is not a JSON object: {members.detail}")
    if not members.keys() <= set(_MEMBERS):
        raise BadQuestionError(f"the only members are {', '.join(_MEMBERS)}")
    method, url = _text(members, "method", "GET"), _text(members, "url", "")
    try:
        request = parse_request(method, url, _headers(members.get("headers", {})))
    except BadRequestError as problem:
        raise BadQuestionError(str(problem)) from None
    introspects = members.get("introspect", False)
    if not isinstance(introspects, bool):
        raise BadQuestionError("`introspect` is true or false")
    return Question(request, _token(members), _client(members), _session(members), introspects)


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
            raise BadQuestionError("the host belongs in `url`, and a token in `token`")
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


def _session(members: Mapping[str, object]) -> str | None:
    if "session" not in members:
        return None
    if "token" not in members:
        raise BadQuestionError("`session` is the login of `token`, which is missing")
    return _text(members, "session", "")


async def explain_live(  # noqa: PLR0913, PLR0917 - what decisions are made of
    question: Question,
    rehearsal: Rehearsal,
    keyring: Keyring,
    lists: RevocationLists,
    clock: Callable[[], float],
    introspection: Introspection | None = None,
) -> Mapping[str, object]:
    """Return the members of ``POST /explain``; fetch a missing key as for any request.

    The token is shown to no issuer unless the question says so.

    Raises BadQuestionError if there is no login of that name.
    """
    credentials = () if question.token is None else (bearer(question.token),)
    session, sent = NO_SESSION, credentials
    if question.session is not None:
        if question.session not in rehearsal.settings.logins:
            raise BadQuestionError("`session` names no login of the configuration")
        session, sent = SessionCredential(question.session, credentials), ()
    request = rehearsal.read(write_head(question.request, *authorization(*sent)))
    explanation = rehearsal.explain(
        request, keyring.keys, clock(), lists, is_final=False, session=session
    )
    need = explanation.verdict
    find_answer: FindAnswer = find_nothing
    if isinstance(need, NeedKeys):
        await keyring.refetch(need.issuer_name, need.kid)
    elif isinstance(need, NeedIntrospection) and question.introspects and introspection is not None:
        answer = await introspection.ask(need.issuer.name, need.token)
        find_answer = find_only(need.token, need.issuer, answer)
    now = clock()
    explanation = rehearsal.explain(
        request, keyring.keys, now, lists, session=session, find_answer=find_answer
    )
    place_of = _place_of(rehearsal.settings.policy)
    # In a thread: comparing thousands of routes takes tenths of a second.
    compare = partial(view_explanation, rehearsal, request, explanation, now, place_of)
    view = await compute_in_thread(compare, "explanation")
    return view_as_json(view)


def _place_of(policy: Policy) -> PlaceOf:
    """Return a function that finds the places of routes; no others are kept after loading."""
    places = {route.name: route.place for route in policy.routes.routes}

    def place_of(setting: Setting) -> str | None:
        return places[setting.name] if setting.owner is Owner.ROUTE else None

    return place_of


def remembered_decision(line: Mapping[str, object], policy: Policy) -> Mapping[str, object]:
    """Return the members of ``/decisions`` for *line*, the members of an access log line.

    The place is the current one of the route.
    """
    would_deny = line.get("would_deny")
    reason = _REASONS[str(line["reason"] or would_deny)]
    places = {route.name: route.place for route in policy.routes.routes}
    return {
        **{name: line[name] for name in _KEPT},
        "reason": line["reason"],
        "would_deny": would_deny,
        "detail": line["detail"],
        "issuer": line["issuer"],
        "place": places.get(str(line["route"])),
        "documentation": documentation(reason),
    }
