"""Certificates of servers on loopback."""

import ssl
from datetime import UTC, datetime, timedelta

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

AUTHORITY = trustme.CA()
NOW = datetime.now(UTC)
DAY = timedelta(days=1)


def trusting() -> ssl.SSLContext:
    """Return what trusts our authority, besides those that the machine trusts."""
    context = ssl.create_default_context()
    AUTHORITY.configure_trust(context)
    return context


def serving(certificate: trustme.LeafCert) -> ssl.SSLContext:
    """Return what a server with *certificate* speaks TLS with."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def self_signed() -> trustme.LeafCert:
    """Return a certificate for 127.0.0.1 that vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    made = x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(), NOW - DAY, NOW + DAY
    ).sign(key, hashes.SHA256())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return trustme.LeafCert(private, made.public_bytes(Encoding.PEM), [])
