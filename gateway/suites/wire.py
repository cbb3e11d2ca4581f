"""Read a request, and write what the service gets of it, as the data port does on the wire."""

from dataclasses import dataclass

from gateway.decision.identity import identity_aliases
from gateway.decision.verdict import Allow, Deny
from gateway.http.fields import Fields
from gateway.http.forwarding import appended, is_trusted, replaced
from gateway.http.names import RequestNames
from gateway.http.request import Request
from gateway.http.request_head import render_request_head
from gateway.settings.values import Settings
from gateway.suites.request import AskedRequest

# RFC 5737: an address that nobody has. Who wants to be believed needs a proxy for it.
_PEER = "192.0.2.1"
_PSEUDONYM = b"jwt-gateway"
_REQUEST_ID = b"00000000000000-000000001"


@dataclass(frozen=True, slots=True)
class ForwardedRequest:
    """The head that the service gets, and what is in it: the *target* and the *fields*.

    The request id and the client's address are made up.
    """

    head: bytes
    target: str
    fields: tuple[tuple[str, str], ...]

    def values(self, name: str) -> tuple[str, ...]:
        """Return the values of all fields called *name*, in any case of letters."""
        lower = name.lower()
        return tuple(value for known, value in self.fields if known.lower() == lower)


def read_request(
    asked: AskedRequest, credentials: tuple[bytes, ...], settings: Settings
) -> Request:
    """Return *asked* with the Authorization fields *credentials*, as it is understood.

    What is wrong with it is in the fault of its fields.
    """
    policy = settings.policy
    names = RequestNames(identity_aliases(policy.identity), settings.underscore_names)
    fields = Fields()
    own = ((name.encode(), value.encode().strip(b" \t")) for name, value in asked.headers)
    sent = ((b"Authorization", credential) for credential in credentials)
    for name, value in ((b"Host", asked.authority.encode()), *sent, *own):
        kind = names[name]
        if isinstance(kind, bytes):
            fields.lines += (kind, value)
        else:
            fields.add_special(kind, value)
    request = Request(asked.method, asked.target, fields)
    request.is_plain = False
    options = {option.strip().lower() for option in fields.connection.split(b",")}
    request.wants_upgrade = bool(fields.upgrade) and b"upgrade" in options
    request.check(settings.limits.target_bytes, _PSEUDONYM)
    return request


def check_allowed(request: Request, allow: Allow, settings: Settings) -> Deny | None:
    """Return why *request*, which is allowed, is not forwarded all the same."""
    return request.check_allowed(allow.route, settings.limits.body_bytes)


def forward(request: Request, allow: Allow, settings: Settings) -> ForwardedRequest:
    """Return what the service gets of *request*."""
    policy = settings.policy
    head = render_request_head(
        request, allow, _REQUEST_ID, _forwarding(request, settings), policy.identity.forward_token
    )
    line, *rest = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    fields = (field.decode("utf-8", "backslashreplace").partition(": ") for field in rest)
    target = line.split(b" ")[1].decode("utf-8", "backslashreplace")
    return ForwardedRequest(head, target, tuple((name, value) for name, _, value in fields))


def _forwarding(request: Request, settings: Settings) -> bytes:
    fields = request.fields
    proto = b"http" if settings.listen.tls is None else b"https"
    if fields.incoming is not None and is_trusted(_PEER, settings.trusted_proxies):
        lines = appended(_PEER, proto, fields.host, fields.incoming)
    else:
        lines = replaced(_PEER, proto, fields.host)
    via = b"1.1 " + _PSEUDONYM
    # RFC 9110 §7.6.3: who was there before stays named.
    return b"%bVia: %b\r\n" % (lines, b"%b, %b" % (fields.via, via) if fields.via else via)
