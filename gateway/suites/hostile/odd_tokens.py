"""Write tokens that the issuer signed, in forms that two parsers may read differently."""

from collections.abc import Iterator, Mapping

from gateway.decision.reason import Reason
from gateway.suites.hostile.attack import Forgery, of_issuer
from gateway.suites.hostile.control import Control
from gateway.suites.simulation.compact import to_base64url, to_json

_MALFORMED = frozenset({Reason.TOKEN_MALFORMED})
# The commas of JSON look like a second credential, and its size may exceed the head.
_NO_TOKEN = _MALFORMED | {Reason.TOKEN_REPEATED}


def repeat_names(control: Control) -> Iterator[Forgery]:
    """Yield tokens in which a name occurs twice, so that parsers may choose differently."""
    draft = control.draft
    payload, header = to_json(draft.claims), to_json(draft.header)
    source = "RFC 7515 §4, RFC 7519 §4"
    claims: Mapping[str, bytes] = {
        "sub": b'"sub":"somebody-else"', "exp": b'"exp":1099511627776', "scope": b'"scope":"admin"',
        "iss": b'"iss":"https://attacker.example/"', "aud": b'"aud":"other"',
    }  # fmt: skip
    for name, member in claims.items():
        known = b"" if name in draft.claims else b',"%b":""' % name.encode()
        first = b"{" + member + known + b"," + payload[1:]
        token = draft.key.sign_octets(to_base64url(header) + b"." + to_base64url(first))
        yield of_issuer(control, "duplicate-claim", name, source, token, _MALFORMED)
    for name, member in {"alg": b'"alg":"none"', "kid": b'"kid":"attacker"'}.items():
        first = b"{" + member + b"," + header[1:]
        token = draft.key.sign_octets(to_base64url(first) + b"." + to_base64url(payload))
        yield of_issuer(control, "duplicate-header", name, source, token, _MALFORMED)


def write_odd_json(control: Control) -> Iterator[Forgery]:
    """Yield tokens whose payload is JSON only for some parsers."""
    draft = control.draft
    payload = to_json(draft.claims)
    text = payload.decode()
    odd = {
        "a byte order mark": b"\xef\xbb\xbf" + payload,
        "UTF-16": text.encode("utf-16"),
        "UTF-32": text.encode("utf-32"),
        "not UTF-8": payload[:-1] + b',"x":"\xff"}',
        "a lone surrogate": payload[:-1] + b',"x":"\\ud800"}',
        "NaN": payload[:-1] + b',"x":NaN}',
        "Infinity": payload[:-1] + b',"x":1e999}',
        "something after it": payload + b"{}",
        "a comment": payload[:-1] + b"/* */}",
        "a comma too many": payload[:-1] + b",}",
        "nested 1,000 deep": payload[:-1] + b',"x":' + b"[" * 1000 + b"]" * 1000 + b"}",
        "a list": b"[" + payload + b"]",
        "a text": to_json({"x": text})[5:-1],
        "nothing": b"",
    }
    for variant, octets in odd.items():
        token = draft.key.sign(draft.header, octets)
        source = "RFC 7519 §7.2, RFC 8725 §3.7"
        yield of_issuer(control, "odd-json", variant, source, token, _MALFORMED)


def serialise_otherwise(control: Control) -> Iterator[Forgery]:
    """Yield the valid token in the JSON serialization, and various encrypted tokens."""
    header, payload, signature = control.draft.sign().decode().split(".")
    flat: Mapping[str, object] = {"protected": header, "payload": payload, "signature": signature}
    general: Mapping[str, object] = {
        "payload": payload,
        "signatures": [{"protected": header, "signature": signature}],
    }
    source = "RFC 7515 §7.2"
    for variant, members in {"flattened": flat, "general": general}.items():
        token = to_json(members)
        yield of_issuer(control, "json-serialisation", variant, source, token, _NO_TOKEN)
        encoded = to_base64url(token)
        text = f"{variant}, in base64url"
        yield of_issuer(control, "json-serialisation", text, source, encoded, _MALFORMED)
    encrypted: Mapping[str, tuple[str, dict[str, object]]] = {
        "direct": ("RFC 7516 §7.1", {"alg": "dir", "enc": "A128GCM"}),
        "compressed": ("CVE-2024-28176", {"alg": "dir", "enc": "A128GCM", "zip": "DEF"}),
        "by a password": (
            "CVE-2023-51775",
            {"alg": "PBES2-HS256+A128KW", "enc": "A128GCM", "p2c": 2**31 - 1, "p2s": "c2FsdA"},
        ),
    }
    for variant, (source, members) in encrypted.items():
        token = b".".join((to_base64url(to_json(members)), b"", b"AAAA", payload.encode(), b"AAAA"))
        yield of_issuer(control, "five-parts", variant, source, token, _MALFORMED)
    dots = b"." * 4000
    yield of_issuer(control, "dots", "4,000 of them", "CVE-2025-30204", dots, _MALFORMED)


def write_odd_headers(control: Control) -> Iterator[Forgery]:
    """Yield tokens that the issuer signed, with unknown critical extensions."""
    draft, payload = control.draft, to_json(control.draft.claims)
    source = "CVE-2025-59420, RFC 7515 §4.1.11"
    for variant, crit in {
        "an extension": ["https://attacker.example/x"], "a claim": ["exp"], "an empty list": [],
        "no list": "exp", "null": None,
    }.items():  # fmt: skip
        header = {**draft.header, "crit": crit, "https://attacker.example/x": 1}
        token = draft.key.sign(header, payload)
        yield of_issuer(control, "crit", variant, source, token, _MALFORMED)
    source = "RFC 7797 §6"
    for variant, extra in {
        "alone": {}, "critical": {"crit": ["b64"]},
    }.items():  # fmt: skip
        header = {**draft.header, "b64": False, **extra}
        token = draft.key.sign(header, payload)
        yield of_issuer(control, "b64-false", variant, source, token, _MALFORMED)
    header = {**draft.header, "b64": False, "crit": ["b64"]}
    raw = to_base64url(to_json(header)) + b"." + payload.replace(b".", b"")
    token = draft.key.sign_octets(raw)
    reasons = _NO_TOKEN
    yield of_issuer(control, "b64-false", "with the payload as it is", source, token, reasons)
