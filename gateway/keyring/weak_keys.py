"""Recognise weak public keys: small-order Edwards points, and RSA moduli with ROCA."""

from math import gcd

_P25519 = 2**255 - 19
_P448 = 2**448 - 2**224 - 1

# Points of order 8 have this y or its negative; order 4 has y = 0, order 2 has -1, order 1 has 1.
_Y8 = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826

# By curve: the prime, and y of every point of small order.
_CURVES = {
    "Ed25519": (_P25519, frozenset({0, 1, _P25519 - 1, _Y8, _P25519 - _Y8})),
    "Ed448": (_P448, frozenset({0, 1, _P448 - 1})),
}


def edwards_fault(curve_name: str, octets: bytes) -> str | None:
    """Return why the key *octets* (RFC 8032 §5.1.2, §5.2.2) of that curve is unusable, or None.

    The library accepts any octets. For a point of small order at least one signature in eight
    verifies, whatever the text. A y beyond the prime is refused too: it is another encoding of
    such a point. Octets that are not on the curve pass: nothing verifies with them, and detecting
    them costs more than a check.
    """
    prime, small_order = _CURVES[curve_name]
    sign_bit = 1 << (8 * len(octets) - 1)
    y = int.from_bytes(octets, "little") % sign_bit
    if y >= prime:
        return f"x is not a point of {curve_name}"
    if y in small_order:
        return f"x is a point of small order of {curve_name}: anyone could forge signatures"
    return None


# ROCA (CVE-2017-15361): Infineon's primes have the form k * M + (65537**a mod M), M a product of
# the first primes. A modulus is then a power of 65537 modulo M as well. Every affected key length
# uses at least the 39 primes up to 167; the prime 2 tells nothing, since both sides are odd.
_GENERATOR = 65537
_PRIMES = tuple(n for n in range(3, 168) if all(n % d for d in range(2, int(n**0.5) + 1)))


def _powers(prime: int) -> dict[int, int]:
    """Return the exponent of every power of the generator modulo *prime*."""
    exponents: dict[int, int] = {}
    value = 1
    while value not in exponents:
        exponents[value] = len(exponents)
        value = value * _GENERATOR % prime
    return exponents


_EXPONENTS = {prime: _powers(prime) for prime in _PRIMES}


def is_roca(modulus: int) -> bool:
    """Return whether *modulus* is a power of 65537 modulo all primes up to 167 at once.

    A random modulus is one with a probability far below 2^-100: one exponent must fit all primes,
    not one exponent each.
    """
    exponent, order = 0, 1
    for prime, exponents in _EXPONENTS.items():
        residue = exponents.get(modulus % prime)
        if residue is None:
            return False
        merged = _merge(exponent, order, residue, len(exponents))
        if merged is None:
            return False
        exponent, order = merged
    return True


def _merge(first: int, order: int, second: int, other_order: int) -> tuple[int, int] | None:
    """Combine two congruences of one exponent (Chinese remainders), or None if they conflict."""
    common = gcd(order, other_order)
    if (second - first) % common:
        return None
    step = other_order // common
    times = (second - first) // common * pow(order // common, -1, step) % step
    return first + order * times, order * step
