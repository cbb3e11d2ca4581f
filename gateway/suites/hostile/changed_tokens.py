"""Alter tokens that the issuer signed: their parts and their content."""

from collections.abc import Iterator

from gateway.decision.reason import Reason
from gateway.decision.tokens.base64url import decode_base64url
from gateway.suites.hostile.attack import Forgery, of_issuer
from gateway.suites.hostile.control import Control
from gateway.suites.simulation.compact import to_base64url, to_json
from gateway.suites.simulation.persona import default_subject

_MALFORMED = frozenset({Reason.TOKEN_MALFORMED})
_INVALID = frozenset({Reason.SIGNATURE_INVALID})
_EITHER = _MALFORMED | _INVALID

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

# FIPS 186-5, SEC 2: the orders of the curves' groups; r and s must be below them.
_ORDERS = {
    "ES256": "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
    "ES384": "ffffffffffffffffffffffffffffffffffffffffffffffff"
    "c7634d81f4372ddf581a0db248b0a77aecec196accc52973",
    "ES512": "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa"
    "51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409",
}


def change_parts(control: Control) -> Iterator[Forgery]:
    """Yield the token with parts missing, or with too many."""
    header, payload, signature = control.draft.sign().split(b".")
    half_header, half_signature = header[: len(header) // 2], signature[: len(signature) // 8 * 4]
    half_payload = payload[: len(payload) // 4 * 2]
    cut = {
        "the header alone": header,
        "without the signature and its dot": header + b"." + payload,
        "half of the header": b".".join((half_header, payload, signature)),
        "half of the payload": b".".join((header, half_payload, signature)),
        "half of the signature": b".".join((header, payload, half_signature)),
        "without its last character": b".".join((header, payload, signature[:-1])),
        "without the header": b".".join((b"", payload, signature)),
        "without the payload": b".".join((header, b"", signature)),
    }
    for variant, token in cut.items():
        yield of_issuer(control, "truncated", variant, "RFC 7515 §5.2", token, _EITHER)
    stripped = header + b"." + payload + b"."
    yield of_issuer(control, "signature-stripped", "", "CVE-2020-15084", stripped, _EITHER)
    five = header + b"." + payload + b"." + signature + b"." + signature + b"." + signature
    yield of_issuer(control, "five-parts", "repeated", "RFC 7516 §7.1", five, _MALFORMED)


def change_signatures(control: Control) -> Iterator[Forgery]:
    """Yield the token with the signature of another token, or an invalid one."""
    draft = control.draft
    signed, _, signature = draft.sign().rpartition(b".")
    other = draft.key.sign(draft.header, to_json({**draft.claims, "jti": "another"}))
    others = {
        "of another token": other.rpartition(b".")[2],
        "all zero": to_base64url(bytes(len(signature) * 3 // 4)),
        "repeated": signature + signature,
    }
    octets = decode_base64url(signature) or b""
    others["without its last octet"] = to_base64url(octets[:-1])
    others["with an octet more"] = to_base64url(octets + b"\0")
    order = _ORDERS.get(draft.key.algorithm)
    if order is not None:
        others["r and s are the order"] = to_base64url(bytes.fromhex(order) * 2)
    for variant, text in others.items():
        source = "RFC 7515 §5.2" if "of another" in variant else "CVE-2022-21449"
        token = signed + b"." + text
        yield of_issuer(control, "signature-of-another", variant, source, token, _EITHER)


def change_payloads(control: Control) -> Iterator[Forgery]:
    """Yield the token with other claims or another header than were signed."""
    draft = control.draft
    header, payload, signature = draft.sign().split(b".")
    claims = {
        "another subject": {
            **draft.claims,
            "sub": default_subject("somebody-else", control.issuer),
        },
        "more scopes": {**draft.claims, "scope": "admin root", "scp": ["admin", "root"]},
        "a later end": {**draft.claims, "exp": 2**40},
        "the same in another order": dict(reversed(list(draft.claims.items()))),
    }
    for variant, changed in claims.items():
        token = header + b"." + to_base64url(to_json(changed)) + b"." + signature
        yield of_issuer(control, "payload-changed", variant, "RFC 7515 §5.2", token, _INVALID)
    typed = to_base64url(to_json({**draft.header, "cty": "JWT"}))
    token = typed + b"." + payload + b"." + signature
    yield of_issuer(control, "header-changed", "", "RFC 7515 §5.2", token, _INVALID)


def spell_otherwise(control: Control) -> Iterator[Forgery]:
    """Yield the token in other encodings, which a list of known tokens would not match."""
    draft = control.draft
    header, payload, signature = draft.sign().split(b".")
    source = "RFC 7515 §2"
    start, whole = header + b"." + payload + b".", header + b"." + payload + b"." + signature
    spelt = {
        "padding after the signature": whole + b"=",
        "more padding after the signature": whole + b"==",
        "padding after the header": b".".join((header + b"==", payload, signature)),
        "padding after the payload": b".".join((header, payload + b"==", signature)),
        "junk after the signature": whole + b"!",
        "the other alphabet after the signature": whole + b"+/==",
        "a space inside": start + b" " + signature,
        "a tab inside": start + b"\t" + signature,
        "an escape of URLs": whole.replace(b".", b"%2E", 1),
    }
    for variant, token in spelt.items():
        yield of_issuer(control, "re-encoded", variant, source, token, _MALFORMED)
    # The payload needs both characters of the other alphabet, and is signed in it.
    text = to_base64url(to_json({**draft.claims, "x": ">>>>>????? "}))
    standard = header + b"." + text.replace(b"-", b"+").replace(b"_", b"/")
    token = draft.key.sign_octets(standard)
    yield of_issuer(
        control, "re-encoded", "the standard alphabet, signed", source, token, _MALFORMED
    )
    text = to_json(draft.claims)
    stray = _with_stray_bits(to_base64url(text if len(text) % 3 else text + b" "))
    token = draft.key.sign_octets(header + b"." + stray)
    yield of_issuer(control, "re-encoded", "stray bits, signed", source, token, _MALFORMED)
    if len(signature) % 4:
        token = header + b"." + payload + b"." + _with_stray_bits(signature)
        variant = "stray bits in the signature"
        yield of_issuer(control, "re-encoded", variant, source, token, _MALFORMED)


def _with_stray_bits(text: bytes) -> bytes:
    """Return *text* with a last character whose unused bits are not zero; it must have some."""
    return text[:-1] + _ALPHABET[_ALPHABET.index(text[-1:]) + 1 :][:1]
