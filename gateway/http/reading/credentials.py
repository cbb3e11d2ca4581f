"""Find the tokens of a request that are not in Authorization, and take them out of it.

Each place leaks in its own way: a query ends up in logs and histories, a subprotocol in the tools
of developers. So a route reads only the places that it names, and what is found is removed.
"""

from typing import Final, NamedTuple
from urllib.parse import unquote_to_bytes

from gateway.decision.routes.routing import Place, Route, TokenSources

Credentials = tuple[tuple[bytes, bytes], ...]
"""Tokens with the names of their places: fields in lower case, parameters after a `?`."""

NO_CREDENTIALS: Final[Credentials] = ()

AUTHORIZATION_NAME: Final = b"authorization"

# RFC 6750 §2.3.
ACCESS_TOKEN: Final = b"?access_token"
TICKET: Final = b"?ticket"

# The token that a ticket stood for; no parameter has this name.
REDEEMED: Final = b"?"

# Offers the subprotocols of a WebSocket (RFC 6455 §11.3.4).
PROTOCOLS: Final = b"sec-websocket-protocol"

# An element of Sec-WebSocket-Protocol with this prefix carries a token; the word alone may be
# offered besides it, for browsers that need a protocol to be selected.
BEARER_PROTOCOL: Final = b"bearer"
_TOKEN_START: Final = b"bearer."

_PARAMETERS: Final = {Place.QUERY: ACCESS_TOKEN, Place.TICKET: TICKET}


_PHP_NAMES: Final = bytes.maketrans(b" .[", b"___")


class Gathered(NamedTuple):
    """The tokens of a request, each as a value of Authorization, and its one-time tickets.

    *first* are those that may be the first token, *also* the values of the second one's field.
    """

    first: tuple[bytes, ...]
    also: tuple[bytes, ...]
    tickets: tuple[bytes, ...]


def split_protocols(value: bytes) -> tuple[bytes, list[bytes]]:
    """Return a Sec-WebSocket-Protocol field without its tokens, and these.

    The prefix is compared without case, as some services compare protocols.
    """
    elements = [one.strip(b" \t") for one in value.split(b",")]
    start = len(_TOKEN_START)
    tokens = [one[start:] for one in elements if one[:start].lower() == _TOKEN_START]
    if not tokens:
        return value, []
    rest = [one for one in elements if one and one[:start].lower() != _TOKEN_START]
    return b", ".join(rest), tokens


def reads_elsewhere(route: Route) -> bool:
    """Return whether *route* takes the first token from elsewhere than Authorization, too."""
    return route.sources is not None and route.sources.places != {Place.AUTHORIZATION}


def parameters_of(sources: TokenSources) -> frozenset[bytes]:
    """Return the names of the parameters that carry a token for *sources*, after a `?`."""
    return frozenset(name for place, name in _PARAMETERS.items() if place in sources.places)


def split_target(target: bytes, names: frozenset[bytes]) -> tuple[bytes, Credentials]:
    """Return *target* without the parameters of these *names*, and their values.

    A parameter counts in any spelling that a service may read as one of them: percent-encoded, in
    upper case, as an array, as PHP reads names, and after a semicolon, which some take for an
    ampersand.
    """
    path, question, query = target.partition(b"?")
    if not question or not names:
        return target, ()
    found: list[tuple[bytes, bytes]] = []
    kept: list[bytes] = []
    for part in query.split(b"&"):
        rest: list[bytes] = []
        for one in part.split(b";"):
            name, _, value = one.partition(b"=")
            name = b"?" + _as_php(unquote_to_bytes(name.replace(b"+", b" "))).lower()
            if name in names:
                found.append((name, unquote_to_bytes(value)))
            else:
                rest.append(one)
        if rest:
            kept.append(b";".join(rest))
    if not found:
        return target, ()
    return b"%b?%b" % (path, b"&".join(kept)) if kept else path, tuple(found)


def _as_php(name: bytes) -> bytes:
    """Return *name* as PHP reads it, so that `access.token` and `access_token[]` are access_token.

    Spaces, dots and a bracket that nothing closes become underscores, and a NUL ends it. Rack and
    qs read arrays, too.
    """
    name = name.lstrip(b" ").partition(b"\0")[0]
    base, bracket, index = name.partition(b"[")
    name = base if bracket and b"]" in index else name
    return name.translate(_PHP_NAMES)


def gather(
    authorization: tuple[bytes, ...], credentials: Credentials, sources: TokenSources
) -> Gathered:
    """Return the tokens that *sources* name, from *authorization* and from elsewhere.

    A bearer token in Authorization counts even if it is not to be there, if there is another one:
    two credentials are never sent on purpose.
    """
    second, names = sources.second, _names_of(sources)
    found = [(name, value) for name, value in credentials if name in names]
    tickets = tuple(value for name, value in found if name == TICKET)
    first = tuple(_as_authorization(*one) for one in found if one[0] != TICKET)
    also: tuple[bytes, ...] = ()
    if second is not None and second.field == AUTHORIZATION_NAME:
        return Gathered(first, authorization, tickets)
    if second is not None:
        also = tuple(_as_authorization(*one) for one in credentials if one[0] == second.field)
    if not found:
        reads = Place.AUTHORIZATION in sources.places
        return Gathered(authorization if reads else (), also, ())
    bearers = tuple(value for value in authorization if b"bearer" in value.lower())
    return Gathered((*bearers, *first), also, tickets)


def _names_of(sources: TokenSources) -> frozenset[bytes]:
    names = set(parameters_of(sources))
    if TICKET in names:
        names.add(REDEEMED)
    if sources.field is not None:
        names.add(sources.field)
    if Place.SUBPROTOCOL in sources.places:
        names.add(PROTOCOLS)
    return frozenset(names)


def _as_authorization(name: bytes, value: bytes) -> bytes:
    """Return *value* as one of Authorization; a field may have the scheme, the others never do."""
    is_field = name[:1] != b"?" and name != PROTOCOLS
    return value if is_field and b" " in value else b"Bearer " + value
