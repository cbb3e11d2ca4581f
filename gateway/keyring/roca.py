"""Recognise RSA moduli whose primes came from the generator of CVE-2017-15361 (ROCA)."""

from math import gcd

# Infineon's primes have the form k * M + (65537**a mod M), M a product of the first primes.
# A modulus is then a power of 65537 modulo M as well. Every affected key length uses at least
# the 39 primes up to 167; the prime 2 says nothing, since both sides are odd.
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
    """Say whether *modulus* is a power of 65537 modulo all primes up to 167 at once.

    A random modulus passes with a chance far below 2^-100: one exponent has to fit all
    primes, not one exponent for each.
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
    """Combine two congruences of one exponent (Chinese remainders), or None if they clash."""
    common = gcd(order, other_order)
    if (second - first) % common:
        return None
    step = other_order // common
    times = (second - first) // common * pow(order // common, -1, step) % step
    return first + order * times, order * step
