"""Decide about a request by its head; a malformed head is refused here."""

from gateway.decision.head import RequestHead
from gateway.decision.reason import Reason
from gateway.decision.verdict import Allow, Deny, NeedKeys, Settled, Verdict
from gateway.http.reading.fields import Refused
from gateway.http.reading.request import NO_HOST, Request
from gateway.proxy.port import Port
from gateway.proxy.transport.unexpected_errors import INTERNAL_ERROR, report_unexpected_error


def admit(port: Port, request: Request) -> Verdict:
    """Return the verdict from the keys at hand; an unexpected error is a refusal, too."""
    fields = request.fields
    refused = fields.refused
    # A request without a token is decided by policy, host, method and path alone. The host is one
    # of the fields that remember the refusal. The others are compared by identity, cheaper than
    # equality: a request that repeats the one before it on its connection has the same objects.
    if (
        refused is not None
        and refused.target is request.target
        and refused.method is request.method
        and refused.by is port
    ):
        return refused.deny
    try:
        if not request.is_plain:
            request.check(port.limits.target_bytes, port.pseudonym)
            if fields.fault is not None:
                return fields.fault
        host = port.hosts[fields.host]
        if host is None:
            return NO_HOST
        if port.preflight is not None:
            response = port.preflight(request, host)
            if response is not None:
                return response
        decide = port.decide  # a local: calling an attribute that is no method costs twice as much
        verdict = decide(
            RequestHead(request.method, host, request.target, fields.authorization, fields.known)
        )
    except Exception as bug:
        return _refuse_for(bug)
    # By type, which is cheaper than isinstance; neither has a subclass.
    if type(verdict) is Allow:
        fields.known = verdict.token
    elif type(verdict) is Deny and verdict.reason is Reason.TOKEN_MISSING and request.is_plain:
        fields.refused = Refused(port, request.method, request.target, verdict)
    return verdict


async def admit_with_keys(port: Port, request: Request, need: NeedKeys) -> Settled:
    """Return the verdict after asking the issuer for keys."""
    fields = request.fields
    host = port.hosts[fields.host] or ""
    head = RequestHead(request.method, host, request.target, fields.authorization)
    try:
        return await port.admission.decide_with_keys(head, need)
    except Exception as bug:
        return _refuse_for(bug)


def _refuse_for(bug: Exception) -> Deny:
    # Without a route: in report mode the refusal of a route lets the request through.
    report_unexpected_error("a request could not be decided", bug)
    return INTERNAL_ERROR
