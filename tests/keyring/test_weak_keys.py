"""Keys of Edwards curves: no point that anybody can sign for."""

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from gateway.keyring.weak_keys import edwards_fault

PRIME = 2**255 - 19
D = -121665 * pow(121666, -1, PRIME) % PRIME

Point = tuple[int, int]


def add(one: Point, other: Point) -> Point:
    """Add two points of edwards25519 as its definition has it (RFC 8032 §5.1.4)."""
    (x, y), (u, v) = one, other
    twist = D * x * u * y * v % PRIME
    return (
        (x * v + u * y) * pow(1 + twist, -1, PRIME) % PRIME,
        (y * v + x * u) * pow(1 - twist, -1, PRIME) % PRIME,
    )


def encode(point: Point) -> bytes:
    return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")


# The one point of order 8 that RFC 8032's formulas give for y = _Y8 and an even x; its multiples
# are all eight points of small order.
GENERATOR: Point = (
    0x1FD5B9A006394A28E933993238DE4ABB5C193C7013E5E238DEA14646C545D14A,
    0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826,
)


def multiples() -> list[Point]:
    points = [GENERATOR]
    while points[-1] != (0, 1):
        points.append(add(points[-1], GENERATOR))
    return points


SMALL_25519 = [encode(point) for point in multiples()]


def test_there_are_eight_points_of_small_order() -> None:
    assert len(set(SMALL_25519)) == 8


@pytest.mark.parametrize("octets", SMALL_25519, ids=bytes.hex)
def test_a_point_of_small_order_is_refused(octets: bytes) -> None:
    told = edwards_fault("Ed25519", octets)

    assert told is not None
    assert "small order" in told


@pytest.mark.parametrize("octets", SMALL_25519, ids=bytes.hex)
def test_with_a_point_of_small_order_anybody_can_sign(octets: bytes) -> None:
    """Why it is refused: a signature that knows no secret holds for many texts."""
    key = Ed25519PublicKey.from_public_bytes(octets)

    def holds(text: bytes) -> bool:
        try:
            key.verify(b"\x01" + bytes(63), text)
        except InvalidSignature:
            return False
        return True

    assert any(holds(b"text %d" % number) for number in range(1_000))


@pytest.mark.parametrize("above", range(19))
@pytest.mark.parametrize("sign", [0, 1])
def test_a_number_beyond_the_prime_is_no_spelling_of_a_point(above: int, sign: int) -> None:
    """RFC 8032 §5.1.3."""
    octets = (PRIME + above | sign << 255).to_bytes(32, "little")

    assert edwards_fault("Ed25519", octets) == "x is not a point of Ed25519"


@pytest.mark.parametrize("y", [0, 1, 2**448 - 2**224 - 2])
@pytest.mark.parametrize("sign", [0, 1])
def test_the_points_of_small_order_of_ed448_are_refused(y: int, sign: int) -> None:
    octets = (y | sign << 455).to_bytes(57, "little")

    told = edwards_fault("Ed448", octets)

    assert told is not None
    assert "small order" in told


def test_a_number_beyond_the_prime_of_ed448_is_no_spelling_of_a_point() -> None:
    """RFC 8032 §5.2.3."""
    octets = (2**448 - 2**224 - 1).to_bytes(57, "little")

    assert edwards_fault("Ed448", octets) == "x is not a point of Ed448"


def test_keys_as_they_are_made_are_usable() -> None:
    for _ in range(50):
        ed25519 = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
        ed448 = Ed448PrivateKey.generate().public_key().public_bytes_raw()
        assert edwards_fault("Ed25519", ed25519) is None
        assert edwards_fault("Ed448", ed448) is None
