"""What came of a case, and whether it is what the corpus says."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from tests.proxy.corpus import AnswerCase, RequestCase, Then
from tests.proxy.messages import Message, make_request, parse_head
from tests.proxy.recorder import split_body

SENTINEL = make_request("/public/sentinel", host="sentinel.test")
SENTINEL_ECHO = b"/public/sentinel "

# What must never reach a service, whatever was sent (RFC 9110 §7.6.1, and spellings of identity).
_NEVER = (b"keep-alive", b"proxy-connection", b"te", b"trailer", b"proxy-authorization")


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer; *label* is its status, for a refusal of ours with the reason code."""

    label: str
    message: Message
    is_whole: bool


def split_answers(raw: bytes, expected: tuple[str, ...], ended: bool) -> list[Answered]:
    """Return the answers in *raw*, the last perhaps a part; what *expected* says is to HEAD is.

    *ended* says that the connection was closed in good order, not reset.
    """
    answers: list[Answered] = []
    while (end := raw.find(b"\r\n\r\n")) >= 0:
        head, raw = parse_head(raw[: end + 4]), raw[end + 4 :]
        told = expected[len(answers)] if len(answers) < len(expected) else ""
        suffix = " to HEAD" if told.endswith(" to HEAD") else ""
        if suffix or head.status < 200 or head.status in (204, 304):
            is_tunnel = head.status == 101
            message = Message(head.start, head.fields, raw if is_tunnel else b"")
            answers.append(Answered(f"{head.status}{suffix}", message, True))
            if is_tunnel:
                break
        elif not head.has(b"content-length") and not head.has(b"transfer-encoding"):
            message = Message(head.start, head.fields, raw)
            answers.append(Answered(str(head.status), message, ended))
            break
        else:
            found = split_body(head, raw)
            message, raw = (Message(head.start, head.fields, raw), b"") if found is None else found
            label = _label(message) if found is not None else str(head.status)
            answers.append(Answered(label, message, found is not None))
    return answers


def _label(message: Message) -> str:
    if message.all(b"content-type") != [b"application/problem+json"]:
        return str(message.status)
    return f"{message.status} {json.loads(message.body)['reason']}"


@dataclass(frozen=True, slots=True)
class Observed:
    """What a client got for its bytes, and what the service saw of them."""

    answers: tuple[str, ...]
    bodies: tuple[bytes, ...]  # of the answers that are the service's
    then: Then
    forwarded: tuple[Message, ...]
    saw_more: bool  # the service, than whole requests

    @property
    def essence(self) -> tuple[object, ...]:
        """Return what must not depend on how the bytes came in pieces.

        A 100 may be left out where the body was there already (RFC 9110 §10.1.1), and every
        request has an id of its own.
        """
        answers = tuple(answer for answer in self.answers if answer != "100")
        requests = tuple((one.start, _without_id(one), one.body) for one in self.forwarded)
        return answers, self.bodies, self.then, requests


def _without_id(message: Message) -> tuple[tuple[bytes, bytes], ...]:
    return tuple(field for field in message.fields if field[0] != b"X-Request-Id")


def wanted_answers(case: RequestCase, labels: Iterable[str]) -> list[str]:
    """Return *labels* without a 100 that the case does not ask for.

    Whether one is sent to a client that did not wait for it is chance (RFC 9110 §10.1.1).
    """
    return [label for label in labels if label != "100" or "100" in case.answers]


def differences(case: RequestCase, seen: Observed) -> list[str]:
    """Return in words how *seen* is not what the corpus says."""
    found = []
    answers = seen.answers
    if case.forwarded or case.is_begun:
        answers = tuple(wanted_answers(case, answers))
    if answers != case.answers:
        found.append(f"answered {seen.answers} instead of {case.answers}")
    if seen.then != case.then:
        found.append(f"{seen.then} instead of {case.then}")
    if len(seen.forwarded) != len(case.forwarded):
        found.append(f"forwarded {[one.start for one in seen.forwarded]}")
    for wanted, request in zip(case.forwarded, seen.forwarded, strict=False):
        found += wanted.differs(request)
    if seen.saw_more and not case.is_begun:
        found.append("the service saw a part of another request")
    for request in seen.forwarded:
        found += never_allowed(request)
    return found + _mixed_up(case, seen)


def never_allowed(request: Message) -> list[str]:
    """Return what is wrong about any request that is forwarded (RFC 9112 §3.2, §5.2, §6.3)."""
    found = []
    if len(request.all(b"host")) != 1:
        found.append("not one Host")
    if len(request.all(b"content-length")) + len(request.all(b"transfer-encoding")) > 1:
        found.append("two framings")
    found += [f"{name!r} was forwarded" for name in _NEVER if request.has(name)]
    found += [f"the trailer {name!r}" for name, _ in request.trailers if _is_of_heads(name.lower())]
    if request.has(b"connection") != request.has(b"upgrade"):
        found.append("Connection without Upgrade, or the reverse")
    for name, value in (*request.fields, *request.trailers):
        if not name or name != name.strip() or b"_" in name:
            found.append(f"the name {name!r}")
        if any(byte < 0x20 and byte != 9 for byte in value):
            found.append(f"the value {value!r}")
    return found


def _is_of_heads(name: bytes) -> bool:
    """Return whether a service would believe a field with that *name* only in a head."""
    named = (*_NEVER, b"host", b"content-length", b"transfer-encoding", b"connection", b"cookie")
    return name in named or name.startswith((b"x-gateway-", b"x-forwarded-", b"authorization"))


def _mixed_up(case: RequestCase, seen: Observed) -> list[str]:
    """Return a word where answers are not those to the requests, in their order."""
    wanted = [b"" if one.method == "HEAD" else one.target.encode("latin-1") + b" " + one.body
              for one in case.forwarded]  # fmt: skip
    if case.then == "tunnel":
        wanted = wanted[:-1]
    return [] if list(seen.bodies) == wanted else [f"bodies {seen.bodies} instead of {wanted}"]


# --- answers of services


@dataclass(frozen=True, slots=True)
class Got:
    """What a client got of a service's answer."""

    client: tuple[str, ...]
    then: Then
    message: Message

    @property
    def essence(self) -> tuple[object, ...]:
        """Return what must not depend on how the service's bytes came in pieces.

        Of a bad answer the beginning may have been passed on before that showed: then the
        connection is cut where a 502 would have come. Neither looks complete.
        """
        if self.client[-1].endswith(" whole") or self.client[-1] == "101":
            return self.client, self.then, _undated(self.message), self.message.body
        return (*self.client[:-1], "not whole"), "closes or a 502"


def _undated(message: Message) -> tuple[bytes, tuple[tuple[bytes, bytes], ...]]:
    """Return the head of *message* without its time, which may be another one a moment later."""
    return message.start, tuple(field for field in message.fields if field[0] != b"Date")


def judge_answer(case: AnswerCase, got: Got) -> list[str]:
    """Return in words how *got* is not what the corpus says."""
    found = []
    if case.client == ("refused or cut",):
        is_refused = got.client == ("502 upstream_invalid",) and got.then == "stays"
        is_cut = got.client[-1].endswith("cut") and got.then == "closes"
        return [] if is_refused or is_cut else [f"the client got {got.client}"]
    if got.client != case.client:
        found.append(f"the client got {got.client} instead of {case.client}")
    if got.then != case.then:
        found.append(f"{got.then} instead of {case.then}")
    if case.is_whole and got.message.body != case.body:
        found.append(f"the body {got.message.body[:80]!r} instead of {case.body[:80]!r}")
    wanted: dict[bytes, list[bytes]] = {name: [] for name in case.absent}
    for name, value in case.lines:
        wanted.setdefault(name.lower(), []).append(value)
    for name, values in wanted.items():
        if got.message.all(name) != values:
            found.append(f"{name!r} has {got.message.all(name)!r} instead of {values!r}")
    return found


def asked_request(case: AnswerCase) -> bytes:
    """Return what the client of *case* asks."""
    return _ASKED[case.asked]


_WEBSOCKET = (
    b"Connection: Upgrade",
    b"Upgrade: websocket",
    b"Sec-WebSocket-Version: 13",
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)
_ASKED = {
    "GET": make_request("/public/asked"),
    "HEAD": make_request("/public/asked", method="HEAD"),
    "POST": make_request("/public/asked", method="POST", body=b"hello"),
    "GET and close": make_request("/public/asked", "Connection: close"),
    "GET of HTTP/1.0": make_request("/public/asked", version="1.0"),
    "websocket": make_request("/socket/asked", *_WEBSOCKET),
}


def got_of(case: AnswerCase, raw: bytes, has_ended: bool, is_reset: bool) -> Got:
    """Return what a client that received *raw* got."""
    told = ("to HEAD",) * 99 if case.asked == "HEAD" else ()
    expected = tuple(f"200 {one}" for one in told)
    answers = split_answers(raw, expected, has_ended and not is_reset)
    labels = []
    for one in answers:
        label = one.label.removesuffix(" to HEAD")
        is_services = one.message.status >= 200 and " " not in label
        labels.append(label + ((" whole" if one.is_whole else " cut") if is_services else ""))
    then: Then = "closes" if has_ended else "stays"
    if labels[-1:] == ["101"]:
        then = "tunnel"
    message = answers[-1].message if answers else Message(b"", ())
    return Got(tuple(labels) or ("cut",), then, message)


def service_bodies(answers: list[Answered]) -> tuple[bytes, ...]:
    """Return the bodies of those answers that are the service's."""
    return tuple(one.message.body for one in answers if one.message.status == 200)
