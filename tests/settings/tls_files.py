"""A directory with certificates, keys and authorities, sound ones and others."""

from pathlib import Path

import trustme
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.certificates import AUTHORITY, DAY, NOW, chain_of, issued, self_signed, write_pair

BELOW = AUTHORITY.create_child_ca()


def write_tls_files(directory: Path) -> None:
    """Write ``server.pem`` with ``server.key``, and so on."""
    AUTHORITY.cert_pem.write_to_path(directory / "ca.pem")
    server = AUTHORITY.issue_cert("gateway.example", "www.gateway.example")
    write_pair(directory, server)
    write_pair(directory, AUTHORITY.issue_cert("api.example"), "api")
    write_pair(directory, AUTHORITY.issue_cert("*.gateway.example"), "wildcard")
    write_pair(directory, AUTHORITY.issue_cert("api.example", "b.example"), "shared")
    write_pair(directory, AUTHORITY.issue_cert("10.0.0.1"), "address")
    write_pair(directory, self_signed(), "self")
    write_pair(directory, BELOW.issue_cert("gateway.example"), "below")
    _write_lives(directory)
    _write_keys(directory)
    _write_orders(directory)
    (directory / "text.pem").write_text("no PEM")


def _write_lives(directory: Path) -> None:
    for name, begin, end in (
        ("expired", NOW - 30 * DAY, NOW - DAY),
        ("early", NOW + DAY, NOW + 90 * DAY),
        ("ending", NOW - 80 * DAY, NOW + 10 * DAY),
    ):
        leaf = AUTHORITY.issue_cert("gateway.example", not_before=begin, not_after=end)
        write_pair(directory, leaf, name)


def _write_keys(directory: Path) -> None:
    weak = rsa.generate_private_key(65537, 1024)
    write_pair(directory, issued("gateway.example", key=weak), "weak")
    short = ec.generate_private_key(ec.SECP192R1())
    write_pair(directory, issued("gateway.example", key=short), "short")
    client_auth = issued("gateway.example", usage=ExtendedKeyUsageOID.CLIENT_AUTH)
    write_pair(directory, client_auth, "client")
    server_auth = issued("gateway.example", usage=ExtendedKeyUsageOID.SERVER_AUTH)
    write_pair(directory, server_auth, "only_server")
    key = ec.generate_private_key(ec.SECP256R1())
    write_pair(directory, issued("gateway.example", key=key), "encrypted")
    encrypted = key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"password")
    )
    (directory / "encrypted.key").write_bytes(encrypted)


def _write_orders(directory: Path) -> None:
    leaf = BELOW.issue_cert("gateway.example")
    own, signer = (blob.bytes() for blob in leaf.cert_chain_pems)
    for name, parts in (
        ("upside_down", (signer, own)),
        ("stray", (own, trustme.CA().cert_pem.bytes())),
        ("root_too", (own, signer, AUTHORITY.cert_pem.bytes())),
    ):
        write_pair(directory, leaf, name)
        (directory / f"{name}.pem").write_bytes(b"".join(parts))
    combined = leaf.private_key_pem.bytes() + b"# a comment\n" + chain_of(leaf)
    for suffix in ("pem", "key"):
        (directory / f"combined.{suffix}").write_bytes(combined)
