"""Send the valid token in the wrong place, or next to another credential."""

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace

from gateway.decision.reason import Reason
from gateway.decision.routes.routing import Place
from gateway.suites.hostile.attack import Attack, Guard, Harm, let_through
from gateway.suites.hostile.control import Control
from gateway.suites.simulation.compact import to_json
from gateway.suites.simulation.minting import bearer
from gateway.suites.simulation.request import SimulatedRequest
from gateway.suites.simulation.sandbox import Sent
from gateway.suites.simulation.wire import AUTHORIZATION, Field, write_head

_MISSING = frozenset({Reason.TOKEN_MISSING})
_REPEATED = frozenset({Reason.TOKEN_REPEATED})
_MALFORMED = frozenset({Reason.TOKEN_MALFORMED})
_GUARD = Guard(None, ("require",))


def send_nothing(control: Control) -> Iterator[Attack]:
    """Yield the request without a token."""
    yield _attack(control, "no-token", "", "RFC 6750 §3.1", (), _MISSING)


def send_elsewhere(control: Control) -> Iterator[Attack]:
    """Yield the request with the token in another place."""
    token = control.draft.sign()
    fields: dict[str, Field] = {
        "Cookie": (b"Cookie", b"access_token=%b; token=%b; jwt=%b" % (token, token, token)),
        "X-Authorization": (b"X-Authorization", bearer(token)),
        "Proxy-Authorization": (b"Proxy-Authorization", bearer(token)),
        "X-Access-Token": (b"X-Access-Token", token),
        "X-Forwarded-Authorization": (b"X-Forwarded-Authorization", bearer(token)),
        "HTTP_AUTHORIZATION": (b"HTTP_AUTHORIZATION", bearer(token)),
        "Sec-WebSocket-Protocol": (b"Sec-WebSocket-Protocol", b"bearer, " + token),
    }
    sources = control.route.sources
    read = frozenset[bytes]() if sources is None else sources.fields
    if control.field != AUTHORIZATION:
        fields["Authorization"] = (AUTHORIZATION, bearer(token))
    for variant, field in fields.items():
        if field[0].lower() in read:
            continue  # there a token is in the right place, or the second one is
        # A configuration may refuse names with an underscore.
        reasons = _MISSING | {Reason.REQUEST_MALFORMED} if b"_" in field[0] else _MISSING
        yield _attack(control, "token-elsewhere", variant, "RFC 6750 §2", (field,), reasons)
    form: tuple[Field, ...] = (
        (b"Content-Type", b"application/x-www-form-urlencoded"),
        (b"Content-Length", b"%d" % (len(b"access_token=") + len(token))),
    )
    yield _attack(control, "token-in-body", "", "RFC 6750 §2.2", form, _MISSING)
    target = control.request.target
    if sources is not None and Place.QUERY in sources.places:
        return  # there it is in the right place
    joint = b"&" if b"?" in target else b"?"
    asked = replace(control.request, target=target + joint + b"access_token=" + token)
    yield _attack(control, "token-in-query", "", "RFC 6750 §2.3", (), _MISSING, asked)


def send_other_schemes(control: Control) -> Iterator[Attack]:
    """Yield the request with the token under another scheme, or with a scheme and no token.

    In a field of its own, a token needs no scheme.
    """
    is_own_field = control.field != AUTHORIZATION
    token = control.draft.sign()
    missing: dict[str, bytes] = {
        "Basic": b"Basic " + b64encode(b"token:" + token),
        "DPoP": b"DPoP " + token,
        "Token": b"Token " + token,
        "JWT": b"JWT " + token,
        "Negotiate": b"Negotiate " + token,
        "no scheme": token,
        "Bearer with a colon": b"Bearer: " + token,
        "Bearer with an equals sign": b"Bearer=" + token,
        "a no-break space": b"Bearer\xa0" + token,
    }
    source = "RFC 6750 §2.1"
    reasons = _MISSING | _MALFORMED if is_own_field else _MISSING
    for variant, value in missing.items():
        if value != token or not is_own_field:
            fields = control.carry(value)
            yield _attack(control, "other-scheme", variant, source, fields, reasons)
    broken: dict[str, bytes] = {
        "alone": b"Bearer",
        "with a space": b"Bearer ",
        "with a tab": b"Bearer\t" + token,
        "with a tab after the space": b"Bearer \t" + token,
        "with two tokens": b"Bearer " + token + b" " + token,
        "with parameters": b"Bearer " + token + b" realm=x",
        "in quotation marks": b'Bearer "' + token + b'"',
        "twice": b"Bearer Bearer " + token,
    }
    for variant, value in broken.items():
        fields = control.carry(value)
        yield _attack(control, "broken-scheme", variant, source, fields, _MALFORMED)


def send_twice(control: Control) -> Iterator[Attack]:
    """Yield the request with two credentials, of which the service might read the other."""
    good = control.draft.sign()
    header = {**control.draft.header, "kid": "attacker"}
    stranger = control.sandbox.stranger(control.draft.key.algorithm)
    bad = stranger.sign(header, to_json({**control.draft.claims, "sub": "somebody-else"}))
    basic = b"Basic YTpi"
    pairs = {
        "a good one, then a bad one": (bearer(good), bearer(bad)),
        "a bad one, then a good one": (bearer(bad), bearer(good)),
        "the good one twice": (bearer(good), bearer(good)),
        "another scheme, then the good one": (basic, bearer(good)),
        "the good one, then another scheme": (bearer(good), basic),
        "an empty one, then the good one": (b"", bearer(good)),
    }
    for variant, values in pairs.items():
        source = "RFC 6750 §2, RFC 9110 §5.3"
        fields = control.carry(*values)
        yield _attack(control, "two-credentials", variant, source, fields, _REPEATED)
        text = f"{variant}, in one field"
        fields = control.carry(b", ".join(values))
        reasons = _REPEATED | _MISSING | _MALFORMED
        yield _attack(control, "joined-credentials", text, source, fields, reasons)
    name = control.field
    spelt = {
        "in other cases": ((name, bearer(bad)), (name.upper(), bearer(good))),
        "in one case": ((name.lower(), bearer(good)), (name.lower(), bearer(bad))),
    }
    for variant, pair in spelt.items():
        yield _attack(control, "two-credentials", variant, "RFC 9110 §5.1", pair, _REPEATED)


def _attack(  # noqa: PLR0913, PLR0917 - all that an attack is made of
    control: Control,
    name: str,
    variant: str,
    source: str,
    fields: tuple[Field, ...],
    reasons: frozenset[Reason],
    request: SimulatedRequest | None = None,
) -> Attack:
    head = write_head(request or control.request, *fields)
    # The request is shown without what was added to it, which holds a token.
    shown = control.request.line
    return Attack(name, variant, source, head, reasons, _GUARD, _harm(control), shown)


def _harm(control: Control) -> Harm:
    return _unless_nobody if control.route.optional else let_through


def _unless_nobody(sent: Sent) -> str | None:
    """Return the harm, unless everybody may do this because the token is optional."""
    if sent.allow.token is None and not sent.allow.identity_fields and not sent.allow.would_deny:
        return None
    return let_through(sent)
