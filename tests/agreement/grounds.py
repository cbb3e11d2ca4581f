"""The grounds on which the gateway, PyJWT or joserfc alone refuse: how to see them in a token."""

import json
import math
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from jwt.algorithms import get_default_algorithms

from tests.agreement.judges import LEEWAY
from tests.agreement.shown import Shown, Text
from tests.agreement.trust import Signer

MAX_NESTING = 32
MAX_TOKEN_BYTES = 8192
MAX_KID_CHARACTERS = 1024
_TIMES = ("exp", "nbf", "iat")
_OTHER_KINDS = {"nonce", "at_hash", "c_hash", "events", "token_introspection"}
_SCOPES = ("scope", "scp")
_ACCESS_TOKEN_TYPES = {"jwt", "at+jwt", "application/jwt", "application/at+jwt"}

_VERIFIERS = get_default_algorithms()

# joserfc's own limit on the header segment.
_JOSERFC_HEADER_BYTES = 512


class Ground(NamedTuple):
    """One party's ground to refuse, by the name that ``differences.yaml`` explains."""

    party: str
    name: str
    applies: Callable[[Shown], bool]


def grounds_of(party: str, shown: Shown) -> list[str]:
    """Return the names of all grounds that *party* has to refuse the token."""
    return [ground.name for ground in GROUNDS if ground.party == party and ground.applies(shown)]


def _is_padded(shown: Shown) -> bool:
    return any(segment.endswith(b"=") for segment in shown.token.split(b"."))


def _is_other_encoding(text: Text) -> bool:
    if not text.value:
        return False
    try:
        text.octets.decode("utf-8")
    except UnicodeDecodeError:
        return True
    return json.detect_encoding(text.octets) != "utf-8"


def _has_lone_surrogate(text: Text) -> bool:
    if _is_other_encoding(text):
        return False
    strings = (one for one in text.members if isinstance(one, str))
    return any("\ud800" <= character <= "\udfff" for one in strings for character in one)


def _overflows(text: Text) -> bool:
    infinite = any(isinstance(one, float) and math.isinf(one) for one in text.members)
    return infinite and not text.has_constants


def _number(shown: Shown, name: str) -> int | float | None:
    value = shown.claims.value.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return None if value != value else value  # noqa: PLR0124 - only NaN is not itself


def _numbers(shown: Shown, names: Iterable[str]) -> list[int | float]:
    numbers = (_number(shown, name) for name in names)
    return [number for number in numbers if number is not None]


def _is_time_spelt_otherwise(shown: Shown) -> bool:
    return any(isinstance(shown.claims.value.get(name), str | bool) for name in _TIMES)


def _is_time_out_of_range(shown: Shown) -> bool:
    return any(not 0 <= number < 2**53 for number in _numbers(shown, _TIMES))


def _begins_within_this_second(shown: Shown) -> bool:
    limit = shown.now + LEEWAY
    return any(limit < number < limit + 1 for number in _numbers(shown, ("nbf", "iat")))


def _ends_within_this_second(shown: Shown) -> bool:
    limit = shown.now - LEEWAY
    return any(limit < number < limit + 1 for number in _numbers(shown, ("exp",)))


def _is_of_another_type(shown: Shown) -> bool:
    typ = shown.header.value.get("typ", "jwt")
    return not isinstance(typ, str) or typ.lower() not in _ACCESS_TOKEN_TYPES


def _is_of_another_kind(shown: Shown) -> bool:
    typ = shown.header.value.get("typ", "jwt")
    is_named = isinstance(typ, str) and typ.lower().endswith("at+jwt")
    claims = shown.claims.value
    return not is_named and (
        not _OTHER_KINDS.isdisjoint(claims)
        or claims.get("token_use") == "id"
        or claims.get("typ") in ("ID", "Refresh", "Offline", "Logout")
        or _is_for_its_client(claims)
    )


def _is_for_its_client(claims: dict[str, Any]) -> bool:
    audience = claims.get("aud")
    named = audience if isinstance(audience, list) else [audience]
    is_for_it = any(
        isinstance(client, str) and named and all(one == client for one in named)
        for client in (claims.get("azp"), claims.get("client_id"))
    )
    return is_for_it and not any(claims.get(name) not in (None, "", []) for name in _SCOPES)


def _is_malformed_scope(value: Any) -> bool:
    if isinstance(value, list):
        return any(not isinstance(item, str) or " " in item for item in value)
    return not isinstance(value, str | None)


def _has_malformed_scope(shown: Shown) -> bool:
    claims = shown.claims.value
    return any(_is_malformed_scope(claims[name]) for name in ("scope", "scp") if name in claims)


def _has_null(shown: Shown) -> bool:
    claims = shown.claims.value
    return any(claims.get(name, "") is None for name in ("nbf", "iat", "sub", "jti"))


def _fitting_signers(shown: Shown) -> list[Signer]:
    """Return those whose name and algorithm the header has, in the order of the key set."""
    header, signers = shown.header.value, shown.trust.signers
    kid, named = header.get("kid"), len(signers) > 1
    fitting = [one for one in signers if one.algorithm == header.get("alg")]
    return [one for one in fitting if kid is None or not named or one.kid == kid]


def _is_by_the_second_of_its_name(shown: Shown) -> bool:
    fitting = _fitting_signers(shown)
    if shown.header.value.get("kid") is None or len(fitting) < 2:
        return False
    text, _, signature = shown.token.rpartition(b".")
    try:
        octets = urlsafe_b64decode(signature + b"=" * (-len(signature) % 4))
    except ValueError:
        return False
    holds = [
        _VERIFIERS[one.algorithm].verify(text, one.private.public_key(), octets) for one in fitting
    ]
    return not holds[0] and any(holds)


def _is_nameless_among_several(shown: Shown) -> bool:
    return "kid" not in shown.header.value and len(_fitting_signers(shown)) > 1


def _is_not_the_first_of_its_name(shown: Shown) -> bool:
    header, signers = shown.header.value, shown.trust.signers
    if len(signers) == 1:
        return False
    named = [one.algorithm for one in signers if one.kid == header.get("kid")]
    return not named or named[0] != header.get("alg")


def _has_malformed_unused_member(shown: Shown) -> bool:
    return any(
        name in shown.header.value and not is_good(shown.header.value[name])
        for name, is_good in _AS_JOSERFC_WANTS.items()
    )


def _is_url(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(("http://", "https://"))


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


_AS_JOSERFC_WANTS: dict[str, Callable[[Any], bool]] = {
    "jku": _is_url,
    "x5u": _is_url,
    "jwk": lambda value: isinstance(value, dict),
    "x5c": lambda value: isinstance(value, list) and all(map(_is_text, value)),
    "x5t": _is_text,
    "x5t#S256": _is_text,
    "cty": _is_text,
}


GROUNDS = (
    Ground("gateway", "padding", _is_padded),
    Ground("gateway", "length", lambda shown: len(shown.token) > MAX_TOKEN_BYTES),
    Ground("gateway", "encoding", lambda shown: any(map(_is_other_encoding, shown.texts))),
    Ground(
        "gateway", "repeated name", lambda shown: any(one.repeats_a_name for one in shown.texts)
    ),
    Ground("gateway", "constant", lambda shown: any(one.has_constants for one in shown.texts)),
    Ground("gateway", "overflow", lambda shown: any(map(_overflows, shown.texts))),
    Ground("gateway", "lone surrogate", lambda shown: any(map(_has_lone_surrogate, shown.texts))),
    Ground("gateway", "nesting", lambda shown: any(one.depth > MAX_NESTING for one in shown.texts)),
    Ground(
        "gateway", "extension", lambda shown: not {"crit", "b64"}.isdisjoint(shown.header.value)
    ),
    Ground("gateway", "type", _is_of_another_type),
    Ground("gateway", "kind", _is_of_another_kind),
    Ground(
        "gateway",
        "long key id",
        lambda shown: len(str(shown.header.value.get("kid"))) > MAX_KID_CHARACTERS,
    ),
    Ground("gateway", "time as text", _is_time_spelt_otherwise),
    Ground("gateway", "time out of range", _is_time_out_of_range),
    Ground("gateway", "begins within this second", _begins_within_this_second),
    Ground("gateway", "empty subject", lambda shown: shown.claims.value.get("sub") == ""),
    Ground(
        "gateway",
        "client id",
        lambda shown: not isinstance(shown.claims.value.get("client_id"), str | None),
    ),
    Ground("gateway", "scope", _has_malformed_scope),
    Ground("pyjwt", "null", _has_null),
    Ground("joserfc", "null", _has_null),
    Ground("pyjwt", "second of its name", _is_by_the_second_of_its_name),
    Ground("joserfc", "second of its name", _is_by_the_second_of_its_name),
    Ground("joserfc", "no name among several", _is_nameless_among_several),
    Ground("pyjwt", "Ed25519", lambda shown: shown.header.value.get("alg") == "Ed25519"),
    Ground("pyjwt", "ends within this second", _ends_within_this_second),
    Ground("pyjwt", "first of its name", _is_not_the_first_of_its_name),
    Ground(
        "joserfc",
        "long header",
        lambda shown: len(shown.token.partition(b".")[0]) > _JOSERFC_HEADER_BYTES,
    ),
    Ground("joserfc", "unused member", _has_malformed_unused_member),
)
