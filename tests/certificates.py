"""Certificates of servers on loopback."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa, x25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

AUTHORITY = trustme.CA()
NOW = datetime.now(UTC)
DAY = timedelta(days=1)
YEAR = timedelta(days=365)

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | x25519.X25519PrivateKey


def trusting(*protocols: str) -> ssl.SSLContext:
    """Return what trusts our authority, and offers *protocols* by ALPN."""
    context = ssl.create_default_context()
    AUTHORITY.configure_trust(context)
    if protocols:
        context.set_alpn_protocols(list(protocols))
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


def write_pair(directory: Path, leaf: trustme.LeafCert, name: str = "server") -> None:
    """Write the chain of *leaf* to ``NAME.pem`` and its key to ``NAME.key``."""
    (directory / f"{name}.pem").write_bytes(chain_of(leaf))
    leaf.private_key_pem.write_to_path(directory / f"{name}.key")


def chain_of(leaf: trustme.LeafCert) -> bytes:
    """Return *leaf* and those that signed it, as PEM."""
    return b"".join(blob.bytes() for blob in leaf.cert_chain_pems)


def issued(
    *names: str,
    key: PrivateKey | None = None,
    usage: x509.ObjectIdentifier | None = None,
    authority: trustme.CA = AUTHORITY,
) -> trustme.LeafCert:
    """Return a certificate of *authority* that is odd in some way: by its key or its usage."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    issuer = x509.load_pem_x509_certificate(authority.cert_pem.bytes())
    signer = load_pem_private_key(authority.private_key_pem.bytes(), None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "odd")])
    builder = x509.CertificateBuilder(
        issuer.subject,
        subject,
        key.public_key(),
        x509.random_serial_number(),
        NOW - DAY,
        NOW + YEAR,
    )
    if names:
        alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        builder = builder.add_extension(alternatives, critical=False)
    if usage is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    made = builder.sign(signer, hashes.SHA256())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return trustme.LeafCert(private, made.public_bytes(Encoding.PEM), [])
