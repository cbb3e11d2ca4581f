"""Read a certificate with its chain and key, and say what is wrong with them."""

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID

from gateway.settings.text.disk import Disk
from gateway.settings.text.document import Part
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.pem_files import find_extension, parse_certificates, read_pem
from gateway.tls.certificate import Authorities, Certificate
from gateway.tls.pair import load_pair

# NIST SP 800-57: 112 bits of security, the least that OpenSSL takes at its default level.
_MIN_RSA_BITS = 2048
_MIN_CURVE_BITS = 224


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a certificate is for: how people say it, and how its extendedKeyUsage does."""

    words: str
    usage: x509.ObjectIdentifier


SERVERS = Purpose("servers", ExtendedKeyUsageOID.SERVER_AUTH)
CLIENTS = Purpose("clients", ExtendedKeyUsageOID.CLIENT_AUTH)


def read_certificate(  # noqa: PLR0913, PLR0917 - what it is, where it is, and where faults go
    certificate: str,
    key: str,
    purpose: Purpose,
    directory: Path,
    part: Part,
    disk: Disk,
    faults: list[Fault],
) -> Certificate | None:
    """Return the certificate and key in the files that *part* names under these two keys.

    The first certificate of its file is the one that is shown, the others are its chain.
    """
    at_certificate, at_key = part.child("certificate"), part.child("key")
    file = read_pem(certificate, directory, at_certificate, disk, faults)
    key_file = read_pem(key, directory, at_key, disk, faults)
    chain = file and parse_certificates(file[1], at_certificate, faults)
    private = key_file and _parse_key(key_file[1], at_key, faults)
    if not file or not chain or not private:
        return None
    if not _is_pair(chain, private, at_certificate, at_key, faults):
        return None
    _warn(chain, purpose, at_certificate, faults)
    return _loaded(_build(str(file[0]), chain, private), at_certificate, faults)


def _parse_key(content: bytes, part: Part, faults: list[Fault]) -> PrivateKeyTypes | None:
    try:
        return load_pem_private_key(content, None)
    except TypeError:
        message = "this key is encrypted, and nobody is asked for a password: decrypt the file"
    except (ValueError, UnsupportedAlgorithm):
        message = "no private key can be read from this PEM file"
    faults.append(part.fault(Code.BAD_CERTIFICATE, message))
    return None


def _is_pair(
    chain: Sequence[x509.Certificate],
    private: PrivateKeyTypes,
    at_certificate: Part,
    at_key: Part,
    faults: list[Fault],
) -> bool:
    wanted = _encoded(private.public_key())
    owner = next((n for n, one in enumerate(chain) if _public(one) == wanted), None)
    if owner is None:
        message = "this certificate is of another key than `key`"
        faults.append(at_certificate.fault(Code.BAD_CERTIFICATE, message))
    elif owner > 0:
        message = f"the certificate of the key is number {owner + 1} of this file: put it first"
        faults.append(at_certificate.fault(Code.BAD_CERTIFICATE, message))
    elif (weakness := _weakness(private)) is not None:
        faults.append(at_key.fault(Code.WEAK_KEY, weakness))
    else:
        return True
    return False


def _public(certificate: x509.Certificate) -> bytes | None:
    try:
        return _encoded(certificate.public_key())
    except (ValueError, UnsupportedAlgorithm):
        return None


def _encoded(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _weakness(private: PrivateKeyTypes) -> str | None:
    match private:
        case rsa.RSAPrivateKey() if private.key_size < _MIN_RSA_BITS:
            return f"an RSA key of {private.key_size} bits: at least {_MIN_RSA_BITS} are needed"
        case ec.EllipticCurvePrivateKey() if private.key_size < _MIN_CURVE_BITS:
            return f"a curve of {private.key_size} bits: at least {_MIN_CURVE_BITS} are needed"
        case _:
            return None


def _warn(
    chain: Sequence[x509.Certificate], purpose: Purpose, part: Part, faults: list[Fault]
) -> None:
    for number, (one, signer) in enumerate(pairwise(chain), 1):
        if one.issuer != signer.subject:
            message = (
                f"certificate {number + 1} of this file did not sign number {number}: some"
                " clients want each to be followed by the one that signed it (RFC 5246 §7.4.2)"
            )
            faults.append(part.warning(Code.CHAIN_OUT_OF_ORDER, message))
            break
    usage = find_extension(chain[0], x509.ExtendedKeyUsage)
    if usage is not None and not {purpose.usage, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE} & {
        *usage
    }:
        message = f"its extendedKeyUsage says that it is not for {purpose.words}"
        faults.append(part.warning(Code.CERTIFICATE_MISUSED, message))


def _build(file: str, chain: Sequence[x509.Certificate], private: PrivateKeyTypes) -> Certificate:
    leaf = chain[0]
    return Certificate(
        file=file,
        names=_dns_names(leaf),
        # Nothing but the certificates: some people keep the key in the same file.
        chain=b"".join(one.public_bytes(Encoding.PEM) for one in chain),
        key=private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        not_before=leaf.not_valid_before_utc.timestamp(),
        not_after=leaf.not_valid_after_utc.timestamp(),
    )


def _dns_names(certificate: x509.Certificate) -> tuple[str, ...]:
    found = find_extension(certificate, x509.SubjectAlternativeName)
    if found is None:
        return ()  # clients have not looked at a subject's common name since RFC 2818's end
    names = found.get_values_for_type(x509.DNSName)
    return tuple(dict.fromkeys(name.lower() for name in names))


def _loaded(certificate: Certificate, part: Part, faults: list[Fault]) -> Certificate | None:
    try:
        load_pair(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), certificate)
    except ssl.SSLError as error:
        why = (error.reason or type(error).__name__).lower().replace("_", " ")
        message = f"OpenSSL does not take this certificate ({why})"
    except OSError as error:  # no descriptor left, say
        message = f"OpenSSL cannot be given this certificate ({error.strerror or error})"
    else:
        return certificate
    faults.append(part.fault(Code.BAD_CERTIFICATE, message))
    return None


def read_authorities(
    name: str, directory: Path, part: Part, disk: Disk, faults: list[Fault]
) -> Authorities | None:
    """Return the authorities in the PEM file *name*, which *part* names.

    A certificate that is no authority's is refused: it was meant to be another one. One that
    vouches for itself alone is taken, for that is how a single peer is named.
    """
    found = read_pem(name, directory, part, disk, faults)
    certificates = found and parse_certificates(found[1], part, faults)
    if not found or not certificates:
        return None
    for number, certificate in enumerate(certificates, 1):
        if not _may_sign(certificate):
            which = f"certificate {number} of this file" if len(certificates) > 1 else "this"
            message = f"{which} is the certificate of no authority: it may not sign any other"
            faults.append(part.fault(Code.BAD_CERTIFICATE, message))
            return None
    pem = b"".join(one.public_bytes(Encoding.PEM) for one in certificates)
    latest = max(one.not_valid_after_utc for one in certificates)
    return Authorities(str(found[0]), pem, latest.timestamp())


def _may_sign(certificate: x509.Certificate) -> bool:
    if certificate.issuer == certificate.subject:
        return True  # by itself; roots of old, version 1, say no more than that
    basic = find_extension(certificate, x509.BasicConstraints)
    return basic is not None and basic.ca
