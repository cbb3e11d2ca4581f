"""Tokens that were good before somebody changed their octets: spelt otherwise, or mutated."""

from base64 import urlsafe_b64decode

from hypothesis import strategies as st

from tests.agreement.generated import Case, good

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def _to_standard(segment: bytes) -> bytes:
    return segment.replace(b"-", b"+").replace(b"_", b"/")


def _stray_bits(segment: bytes) -> bytes:
    """Set the unused bits of the last character, where there are any (RFC 4648 §3.5)."""
    unused = {2: 4, 3: 2}.get(len(segment) % 4, 0)
    if not unused:
        return segment + b"A"
    return segment[:-1] + _ALPHABET[_ALPHABET.index(segment[-1:]) | 1 :][:1]


RECODINGS = (
    lambda segment: segment + b"=" * (-len(segment) % 4),
    lambda segment: segment + b"=",
    lambda segment: segment + b"==",
    lambda segment: segment + b"====",
    _to_standard,
    _stray_bits,
    lambda segment: segment[:4] + b" " + segment[4:],
    lambda segment: segment + b"\n",
    lambda segment: b" " + segment,
    lambda segment: segment[:4] + b"\r\n" + segment[4:],
    lambda segment: segment + b"\0",
    lambda segment: b"",
    lambda segment: segment + b"!",
    lambda segment: urlsafe_b64decode(segment + b"=" * (-len(segment) % 4)),
)


@st.composite
def recoded(draw: st.DrawFn) -> Case:
    """Draw a token that was good, with one segment spelt in another way."""
    trust, token = draw(good())
    segments = token.split(b".")
    which = draw(st.integers(0, 2))
    segments[which] = draw(st.sampled_from(RECODINGS))(segments[which])
    return Case(trust, b".".join(segments))


@st.composite
def mutated(draw: st.DrawFn) -> Case:
    """Draw a token that was good, with bits turned, parts cut off, swapped, added or taken."""
    trust, token = draw(good())
    segments = token.split(b".")
    which = draw(st.integers(0, 2))
    segment = segments[which]
    at = draw(st.integers(0, max(0, len(segment) - 1)))
    match draw(st.sampled_from(["bit", "bit", "cut", "swap", "add", "take", "other", "junk"])):
        case "bit":
            turned = segment[at : at + 1] or b"A"
            segments[which] = segment[:at] + bytes([turned[0] ^ 1 << at % 8]) + segment[at + 1 :]
        case "cut":
            segments[which] = segment[:at]
        case "swap":
            segments[which], segments[which - 1] = segments[which - 1], segment
        case "add":
            segments.insert(which, draw(st.sampled_from([b"", b"e30", segment])))
        case "take":
            del segments[which]
        case "other":
            segments[which] = draw(good()).token.split(b".")[which]
        case "junk":
            segments[which] = segment[:at] + draw(st.binary(max_size=8)) + segment[at:]
    return Case(trust, b".".join(segments))
