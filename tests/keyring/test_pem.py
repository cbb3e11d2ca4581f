import base64
import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from gateway.keyring.jwk import ParsedSet
from gateway.keyring.pem import parse_pem
from tests.keyring.keys import ED25519_KEY, P256_KEYS, RSA_KEY

PrivateKey = rsa.RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey


def public(key: PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def private(key: PrivateKey, form: PrivateFormat = PrivateFormat.PKCS8) -> bytes:
    return key.private_bytes(Encoding.PEM, form, NoEncryption())


def certificate(key: EllipticCurvePrivateKey) -> bytes:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "issuer")])
    start = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return built.public_bytes(Encoding.PEM)


PKCS1 = RSA_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.PKCS1)
MANY = [Ed25519PrivateKey.generate() for _ in range(5)]
SHORT_KEY = rsa.generate_private_key(public_exponent=65537, key_size=1024)

GOOD: dict[str, tuple[bytes, list[PrivateKey]]] = {
    "a public key": (public(RSA_KEY), [RSA_KEY]),
    "a PKCS #1 public key": (PKCS1, [RSA_KEY]),
    "a certificate, whatever its dates": (certificate(P256_KEYS[0]), [P256_KEYS[0]]),
    "several kinds, with text between": (
        b"our keys:\n" + public(RSA_KEY) + b"# next\n" + certificate(P256_KEYS[0]),
        [RSA_KEY, P256_KEYS[0]],
    ),
    "two keys of one kind": (
        public(P256_KEYS[0]) + certificate(P256_KEYS[1]),
        [P256_KEYS[0], P256_KEYS[1]],
    ),
    "as many of one kind as are tried": (b"".join(map(public, MANY[:4])), [*MANY[:4]]),
    "Windows line ends": (public(ED25519_KEY).replace(b"\n", b"\r\n"), [ED25519_KEY]),
}

BAD = {
    "empty": (b"", "no PEM block"),
    "no PEM": (b"\xff\xfe hello", "no PEM block"),
    "a private key": (private(RSA_KEY), "private key"),
    "a PKCS #1 private key": (private(RSA_KEY, PrivateFormat.TraditionalOpenSSL), "private key"),
    "a SEC 1 private key": (
        private(P256_KEYS[0], PrivateFormat.TraditionalOpenSSL),
        "private key",
    ),
    "a private key beside a public one": (public(RSA_KEY) + private(RSA_KEY), "private key"),
    "half a private key": (private(RSA_KEY)[:200], "private key"),
    "too many keys of one kind": (b"".join(map(public, MANY)), "more than 4 keys of one kind"),
}


@pytest.mark.parametrize("name", GOOD)
def test_public_keys_and_certificates_are_read(name: str) -> None:
    body, keys = GOOD[name]

    parsed = parse_pem(body)

    assert isinstance(parsed, ParsedSet)
    assert [key.material for key in parsed.keys] == [key.public_key() for key in keys]
    assert parsed.unusable == ()


@pytest.mark.parametrize("name", BAD)
def test_the_file_is_refused_with_a_reason(name: str) -> None:
    body, reason = BAD[name]

    fault = parse_pem(body)

    assert isinstance(fault, str)
    assert reason in fault


BROKEN = public(RSA_KEY).replace(b"MII", b"AAA", 1)
REQUEST = public(RSA_KEY).replace(b"PUBLIC KEY", b"CERTIFICATE REQUEST")


@pytest.mark.parametrize("spoilt", [BROKEN, REQUEST, public(SHORT_KEY)], ids=["a", "b", "c"])
def test_an_unusable_block_is_counted_and_the_others_serve(spoilt: bytes) -> None:
    parsed = parse_pem(spoilt + public(ED25519_KEY))

    assert isinstance(parsed, ParsedSet)
    assert [key.material for key in parsed.keys] == [ED25519_KEY.public_key()]
    assert len(parsed.unusable) == 1


@given(st.binary(max_size=200))
def test_any_block_is_a_key_or_a_reason(octets: bytes) -> None:
    body = b"-----BEGIN PUBLIC KEY-----\n" + octets + b"\n-----END PUBLIC KEY-----\n"

    assert isinstance(parse_pem(body), ParsedSet | str)


SOUND = [
    *(
        (
            "PUBLIC KEY",
            key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        )
        for key in (RSA_KEY, P256_KEYS[0], ED25519_KEY)
    ),
    (
        "CERTIFICATE",
        x509.load_pem_x509_certificate(certificate(P256_KEYS[0])).public_bytes(Encoding.DER),
    ),
]


# The library warns of serial numbers that it will refuse one day.
@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
@given(st.sampled_from(SOUND), st.integers(0, 10_000), st.binary(max_size=2), st.integers(0, 2))
def test_a_key_or_certificate_with_any_octets_changed_is_a_key_or_a_reason(
    sound: tuple[str, bytes], place: int, octets: bytes, taken: int
) -> None:
    """Only what the library says of such octets is a fault of the file; nothing else is caught."""
    label, der = sound
    at = place % len(der)
    changed = base64.encodebytes(der[:at] + octets + der[at + taken :]).decode()

    parsed = parse_pem(f"-----BEGIN {label}-----\n{changed}-----END {label}-----\n".encode())

    assert isinstance(parsed, ParsedSet)
    assert len(parsed.keys) + len(parsed.unusable) == 1


# Of a certificate without extensions that says it is of version 5; of an X25519 key's algorithm
# with a number that is nobody's.
VERSION = SOUND[3][1].replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x04", 1)
ALGORITHM = SOUND[2][1].replace(b"\x06\x03\x2b\x65\x70", b"\x06\x03\x2b\x65\x01", 1)


@pytest.mark.parametrize(
    ("label", "der"),
    [("CERTIFICATE", VERSION), ("PUBLIC KEY", ALGORITHM)],
    ids=["a version that there is not", "an algorithm that there is not"],
)
def test_what_the_library_does_not_support_is_counted_and_the_others_serve(
    label: str, der: bytes
) -> None:
    text = base64.encodebytes(der).decode()
    block = f"-----BEGIN {label}-----\n{text}-----END {label}-----\n".encode()

    parsed = parse_pem(block + public(P256_KEYS[1]))

    assert isinstance(parsed, ParsedSet)
    assert [key.material for key in parsed.keys] == [P256_KEYS[1].public_key()]
    assert len(parsed.unusable) == 1
