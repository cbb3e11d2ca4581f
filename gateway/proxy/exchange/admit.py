"""Decide about a request from its head; a fault in the head is a refusal too."""

from gateway.decision.head import RequestHead
from gateway.decision.reason import Reason
from gateway.decision.verdict import Allow, Deny, NeedKeys, Settled, Verdict
from gateway.http.reading.fields import Refused
from gateway.http.reading.request import NO_HOST, Request
from gateway.proxy.port import Port
from gateway.proxy.transport.unexpected_errors import INTERNAL_ERROR, report_bug


def admit(port: Port, request: Request) -> Verdict:
    """Answer from what is at hand; what raises is a fault of ours, and lets nobody through."""
    fields = request.fields
    refused = fields.refused
    # Without a token nothing counts but the policy, host, method and path. By identity: that is
    # what a request has that repeats the one before it.
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
            answer = port.preflight(request, host)
            if answer is not None:
                return answer
        decide = port.decide  # by way of a local: half the price of `port.decide(…)`
        verdict = decide(
            RequestHead(request.method, host, request.target, fields.authorization, fields.known)
        )
    except Exception as bug:
        return _refuse_for(bug)
    if type(verdict) is Allow:
        fields.known = verdict.token
    elif type(verdict) is Deny and verdict.reason is Reason.TOKEN_MISSING and request.is_plain:
        fields.refused = Refused(port, request.method, request.target, verdict)
    return verdict


async def admit_with_keys(port: Port, request: Request, need: NeedKeys) -> Settled:
    """Answer after asking the issuer for keys."""
    fields = request.fields
    host = port.hosts[fields.host] or ""
    head = RequestHead(request.method, host, request.target, fields.authorization)
    try:
        return await port.admission.decide_with_keys(head, need)
    except Exception as bug:
        return _refuse_for(bug)


def _refuse_for(bug: Exception) -> Deny:
    # Not a route's refusal: a route or an issuer that only reports would let it through.
    report_bug("a request could not be decided", bug)
    return INTERNAL_ERROR
