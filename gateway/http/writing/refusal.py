"""Write the response to a rejected request: a problem document (RFC 9457) and a challenge."""

import json
from functools import lru_cache
from typing import Final

from gateway.decision.reason import Reason
from gateway.decision.rules.step_up import StepUp
from gateway.decision.verdict import Deny
from gateway.http.writing.grpc_status import encode_message, grpc_status_of
from gateway.http.writing.http_date import http_date
from gateway.http.writing.status_line import OWN_STATUS_LINES

# Seconds that a client should wait before it retries (RFC 9110 §10.2.3).
_RETRY_AFTER: Final = {
    Reason.KEYS_UNAVAILABLE: 5,
    Reason.REVOCATIONS_UNAVAILABLE: 5,
    Reason.INTROSPECTION_UNAVAILABLE: 5,
    Reason.UPSTREAM_UNAVAILABLE: 1,
    Reason.TICKETS_UNAVAILABLE: 1,
    Reason.LIMITS_UNAVAILABLE: 1,
    Reason.SESSIONS_UNAVAILABLE: 1,
    Reason.LOGIN_UNAVAILABLE: 5,
    Reason.SERVICE_TOKEN_UNAVAILABLE: 5,
    Reason.OVERLOADED: 1,
    Reason.DRAINING: 1,
}

_REALM: Final = "gateway"

# RFC 6750 §3.1 and RFC 9470 §3 have few errors; the reason code in the body is precise. Any other
# reason with status 401 is invalid_token.
_ERRORS: Final = {
    Reason.TOKEN_REPEATED: "invalid_request",
    Reason.SCOPE_MISSING: "insufficient_scope",
    Reason.AUTHENTICATION_TOO_OLD: "insufficient_user_authentication",
    Reason.AUTHENTICATION_TOO_WEAK: "insufficient_user_authentication",
}

# No credential was sent.
_UNTRIED: Final = frozenset((Reason.TOKEN_MISSING, Reason.LOGIN_REQUIRED))

# Reasons for requests whose framing was not understood, or that never ended: what follows on the
# connection could be anything (RFC 9112 §6.3, §9.3), so it is closed.
UNFRAMED: Final = frozenset(
    (
        Reason.REQUEST_MALFORMED,
        Reason.REQUEST_TIMEOUT,
        Reason.BODY_TOO_LARGE,
        Reason.TARGET_TOO_LONG,
        Reason.HEADERS_TOO_LARGE,
    )
)
# Every request id has this length, so that the length of a response is known beforehand.
REQUEST_ID_LENGTH: Final = 24


def render_refusal(
    deny: Deny, request_id: bytes, now: float, is_head: bool, close: bool = False
) -> bytes:
    """Return the text of the whole response for *deny*, as HTTP/1.1 has it.

    For HEAD without the body (RFC 9110 §9.3.2). Under attack, most responses are made here.
    """
    route = deny.route
    status_line, before_id, after_id, body_start, body_end = _dated(
        int(now),
        deny.reason,
        deny.scopes,
        deny.methods,
        None if route is None or deny.field else route.metadata_url,
        None if route is None else route.step_up,
        deny.field,
    )
    if close:
        after_id += b"\r\nConnection: close"
    if is_head:
        return b"%b%b%b%b\r\n\r\n" % (status_line, before_id, request_id, after_id)
    return b"%b%b%b%b\r\n\r\n%b%b%b" % (
        status_line, before_id, request_id, after_id, body_start, request_id, body_end,
    )  # fmt: skip


def refusal_parts(deny: Deny, request_id: bytes, now: float) -> tuple[bytes, bytes]:
    """Return the fields of the response for *deny*, each with a leading line end, and the body."""
    route = deny.route
    _, before_id, after_id, body_start, body_end = _dated(
        int(now),
        deny.reason,
        deny.scopes,
        deny.methods,
        None if route is None or deny.field else route.metadata_url,
        None if route is None else route.step_up,
        deny.field,
    )
    return before_id + request_id + after_id, body_start + request_id + body_end


def grpc_refusal_fields(deny: Deny, request_id: bytes, now: float) -> bytes:
    """Return the fields of the response for *deny* to a call of gRPC, which has no body.

    Its status is 200, and all of it is one head ("Trailers-Only"): clients of gRPC look for the
    status of the call in no other response.
    """
    route = deny.route
    before_id, after_id = _grpc_template(
        deny.reason,
        deny.scopes,
        deny.methods,
        None if route is None or deny.field else route.metadata_url,
        None if route is None else route.step_up,
        deny.field,
    )
    return b"\r\nDate: %b%b%b%b" % (http_date(int(now)), before_id, request_id, after_id)


def grpc_refusal_trailers(deny: Deny) -> bytes:
    """Return the trailers that end a call of gRPC for *deny*, after its response has begun."""
    text = _public_text(deny.reason, deny.scopes, deny.methods, deny.field)
    return _grpc_status(deny.reason, text)


def login_refusal_parts(
    deny: Deny, login_url: str, request_id: bytes, now: float
) -> tuple[bytes, bytes]:
    """Return ``refusal_parts`` with the member ``login``: where a person can log in.

    It is different for each target, so nothing of it is remembered.
    """
    fields, body = refusal_parts(deny, request_id, now)
    problem = json.dumps(json.loads(body) | {"login": login_url}).encode("ascii")
    length = b"\r\nContent-Length: %d\r\n"
    return fields.replace(length % len(body), length % len(problem), 1), problem


@lru_cache(maxsize=64)
def _dated(  # noqa: PLR0913, PLR0917 - all that a response depends on
    now_seconds: int,
    reason: Reason,
    scopes: tuple[str, ...],
    methods: tuple[str, ...],
    metadata_url: str | None,
    step_up: StepUp | None,
    field: str,
) -> tuple[bytes, bytes, bytes, bytes, bytes]:
    """Return the template for one second: status line, fields around the request id, and body."""
    template = _template(reason, scopes, methods, metadata_url, step_up, field)
    before_id, after_id, body_start, body_end = template
    before_id = b"\r\nDate: " + http_date(now_seconds) + before_id
    return OWN_STATUS_LINES[reason.status], before_id, after_id, body_start, body_end


@lru_cache(maxsize=4096)
def _template(  # noqa: PLR0913, PLR0917 - all that a response depends on
    reason: Reason,
    scopes: tuple[str, ...],
    methods: tuple[str, ...],
    metadata_url: str | None,
    step_up: StepUp | None,
    field: str,
) -> tuple[bytes, bytes, bytes, bytes]:
    """Return the fields after Date around the request id, and the body around the id again."""
    problem = {
        "type": f"urn:jwt-gateway:reason:{reason.code}",
        "title": reason.title,
        "status": reason.status,
        "detail": _public_text(reason, scopes, methods, field),
        "reason": reason.code,
        "instance": "\x00",
    }
    text = json.dumps(problem).encode("ascii")
    body_start, _, body_end = text.partition(b"\\u0000")
    length = len(body_start) + REQUEST_ID_LENGTH + len(body_end)
    challenge = render_challenge(reason, scopes, metadata_url, step_up, field or _REALM)
    before_id = (
        b"\r\nContent-Type: application/problem+json\r\nContent-Length: %d"
        b"\r\nCache-Control: no-store\r\nX-Request-Id: " % length
    )
    after_id = b"".join(b"\r\n" + one for one in _special_fields(reason, challenge, methods))
    return before_id, after_id, body_start, body_end


@lru_cache(maxsize=4096)
def _grpc_template(  # noqa: PLR0913, PLR0917 - all that a response depends on
    reason: Reason,
    scopes: tuple[str, ...],
    methods: tuple[str, ...],
    metadata_url: str | None,
    step_up: StepUp | None,
    field: str,
) -> tuple[bytes, bytes]:
    """Return the fields after Date around the request id."""
    text = _public_text(reason, scopes, methods, field)
    challenge = render_challenge(reason, scopes, metadata_url, step_up, field or _REALM)
    before_id = (
        b"\r\nContent-Type: application/grpc%b\r\nCache-Control: no-store\r\nX-Request-Id: "
        % _grpc_status(reason, text)
    )
    after_id = b"".join(b"\r\n" + one for one in _special_fields(reason, challenge, methods))
    return before_id, after_id


def _grpc_status(reason: Reason, text: str) -> bytes:
    message = encode_message(f"{reason.code}: {text}")
    return b"\r\ngrpc-status: %d\r\ngrpc-message: %b" % (grpc_status_of(reason), message)


def _public_text(
    reason: Reason, scopes: tuple[str, ...], methods: tuple[str, ...], field: str
) -> str:
    """Return what the client may know: what the request needs, not what the gateway has.

    *field* is the name of the field of a second token, if it is about that.
    """
    detail = reason.title
    if reason is Reason.SCOPE_MISSING and scopes:
        detail = f"This needs the scopes: {' '.join(scopes)}"
    elif reason is Reason.METHOD_NOT_ALLOWED:
        detail = f"This allows: {', '.join(methods)}"
    return f"{field}: {detail}" if field else detail


def _special_fields(reason: Reason, challenge: str | None, methods: tuple[str, ...]) -> list[bytes]:
    fields = []
    if challenge is not None:
        fields.append(b"WWW-Authenticate: " + challenge.encode("ascii"))
    if reason is Reason.METHOD_NOT_ALLOWED:
        fields.append(b"Allow: " + ", ".join(methods).encode("ascii"))
    if reason in _RETRY_AFTER:
        fields.append(b"Retry-After: %d" % _RETRY_AFTER[reason])
    return fields


def render_challenge(
    reason: Reason,
    scopes: tuple[str, ...],
    metadata_url: str | None,
    step_up: StepUp | None,
    realm: str = _REALM,
) -> str | None:
    """Return the challenge, or None if another token would not help.

    *scopes*, *metadata_url* and *step_up* are the route's. The *realm* of a second token is the
    name of its field, so that clients do not renew the first one (RFC 9110 §11.5). All values
    are ASCII without quotation marks and backslashes, which is checked when the configuration is
    loaded.
    """
    error = _ERRORS.get(reason, "invalid_token" if reason.status == 401 else None)
    if error is None:
        return None
    parameters = [("realm", realm)]
    # §3.1: no error code for a request that did not try to authenticate.
    if reason not in _UNTRIED:
        parameters += [("error", error), ("error_description", reason.title)]
    # All scopes at once, so that the client has to come back only once.
    if scopes:
        parameters.append(("scope", " ".join(scopes)))
    if step_up is not None and error == "insufficient_user_authentication":
        parameters += _step_up_parameters(step_up)
    if metadata_url is not None:
        parameters.append(("resource_metadata", metadata_url))
    return "Bearer " + ", ".join(f'{name}="{value}"' for name, value in parameters)


def _step_up_parameters(step_up: StepUp) -> list[tuple[str, str]]:
    parameters = []
    if step_up.acr_values:
        parameters.append(("acr_values", " ".join(step_up.acr_values)))
    if step_up.max_age_seconds is not None:
        parameters.append(("max_age", str(step_up.max_age_seconds)))
    return parameters
