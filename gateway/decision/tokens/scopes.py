"""Read the scopes of a token, from the claims that its issuer puts them into."""

import re
from collections.abc import Mapping

from gateway.decision.policy import DEFAULT_SCOPES_FROM, ScopeSource
from gateway.decision.rules.claim_names import find_claim

# The claims that are for scopes: whatever else is in one is an error of the issuer.
_FOR_SCOPES = frozenset({("scope",), ("scp",)})

# RFC 6749 §3.3. No rule can name anything else.
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")


class MalformedClaimError(Exception):
    """Carries the name of a malformed claim out of its reader."""


def read_scopes(payload: Mapping[str, object], sources: tuple[ScopeSource, ...]) -> tuple[str, ...]:
    """Return the scopes of all *sources*, in order, each once.

    A string is split at spaces. Raises MalformedClaimError for a malformed ``scope`` or ``scp``;
    of other claims, what cannot be a scope is left out.
    """
    if sources is DEFAULT_SCOPES_FROM:
        listed = _listed(payload, "scope")
        if "scp" in payload:
            listed += _listed(payload, "scp")
        scopes = dict.fromkeys(listed)
        scopes.pop("", None)
        return tuple(scopes)
    found: dict[str, None] = {}
    for path, prefix in sources:
        if path in _FOR_SCOPES:
            items = _listed(payload, path[0])
        else:
            items = [one for one in _items(find_claim(payload, path)) if _SCOPE.fullmatch(one)]
        found.update(dict.fromkeys(f"{prefix}{one}" for one in items if one))
    return tuple(found)


def list_texts(value: object, name: str) -> list[str]:
    """Return *value* as a list of strings; raises MalformedClaimError with *name*."""
    if not isinstance(value, list):
        raise MalformedClaimError(name)
    texts = [item for item in value if isinstance(item, str)]
    if len(texts) != len(value):
        raise MalformedClaimError(name)
    return texts


def _listed(payload: Mapping[str, object], name: str) -> list[str]:
    value = payload.get(name)
    # RFC 6749 §3.3 has single spaces between scopes. Some issuers write two, or one at an end: the
    # empty texts grant nothing, and there is no other way to read it.
    if type(value) is str:
        return value.split(" ")
    if value is None:
        return []
    listed = list_texts(value, name)
    # An element with a space would become two scopes in a header.
    if any(" " in scope for scope in listed):
        raise MalformedClaimError(name)
    return listed


def _items(value: object) -> list[str]:
    if isinstance(value, str):
        return value.split(" ")
    if isinstance(value, list):
        return [item for item in value if isinstance(item, str)]
    return []
