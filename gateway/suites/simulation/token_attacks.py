"""The attacks that a persona can make on its token, by name."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from gateway.suites.simulation.compact import signing_input, to_json, with_signature
from gateway.suites.simulation.minting import Attack, Draft, bearer
from gateway.suites.simulation.run_keys import make_key


def _another_key(draft: Draft) -> tuple[bytes, ...]:
    """Sign with an unknown key, with the `kid` of a key of the issuer."""
    key = make_key(draft.key.algorithm, draft.key.kid)
    return (bearer(replace(draft, key=key).sign()),)


def _unknown_key(draft: Draft) -> tuple[bytes, ...]:
    """Sign with an unknown key, with a `kid` of its own."""
    key = make_key(draft.key.algorithm, "nobody-knows-this-key")
    return (bearer(replace(draft, key=key, header={**draft.header, "kid": key.kid}).sign()),)


def _unsigned(draft: Draft) -> tuple[bytes, ...]:
    """Name the algorithm `none` (RFC 7518 §3.6) and send no signature."""
    signed = signing_input({**draft.header, "alg": "none"}, to_json(draft.claims))
    return (bearer(with_signature(signed, b"")),)


def _truncated(draft: Draft) -> tuple[bytes, ...]:
    """Cut off the signature and some of the claims."""
    header, payload, _ = draft.sign().split(b".")
    return (bearer(header + b"." + payload[: len(payload) // 2]),)


def _repeated(draft: Draft) -> tuple[bytes, ...]:
    """Send the same valid token in two Authorization fields."""
    return (bearer(draft.sign()),) * 2


ATTACKS: Mapping[str, Attack] = MappingProxyType(
    {
        "signature": _another_key,
        "unknown_key": _unknown_key,
        "unsigned": _unsigned,
        "truncated": _truncated,
        "repeated": _repeated,
    }
)
