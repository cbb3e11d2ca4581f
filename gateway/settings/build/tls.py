"""Build TLS: what the data port and upstreams use, and the certificates and keys for it."""

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

from gateway.settings.schema.tls import CertificateModel, FetchTlsModel, TlsModel, UpstreamTlsModel
from gateway.settings.text.disk import Disk
from gateway.settings.text.document import Part
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.files import Sources
from gateway.settings.text.pem_files import find_extension, parse_certificates, read_pem
from gateway.settings.text.scalars import shorten
from gateway.settings.values.addresses import is_host, is_plain_http
from gateway.tls.certificate import Authorities, Certificate, ClientTls, ServerTls
from gateway.tls.pair import load_pair

# NIST SP 800-57: 112 bits of security, the minimum at OpenSSL's default level.
_MIN_RSA_BITS = 2048
_MIN_CURVE_BITS = 224


@dataclass(frozen=True, slots=True)
class _Purpose:
    """What a certificate is for, in *words* and as an extendedKeyUsage."""

    words: str
    usage: x509.ObjectIdentifier


_SERVERS = _Purpose("servers", ExtendedKeyUsageOID.SERVER_AUTH)
_CLIENTS = _Purpose("clients", ExtendedKeyUsageOID.CLIENT_AUTH)


def build_listen_tls(
    model: TlsModel, part: Part, sources: Sources, http2: bool, faults: list[Fault]
) -> ServerTls | None:
    """Return the TLS settings of the data port, or None if part of them is faulty."""
    more = part.child("certificates")
    named: list[tuple[CertificateModel, Part]] = [(model, part)]
    named += [(one, more.child(index)) for index, one in enumerate(model.certificates or ())]
    read = [
        _read_certificate(
            one.certificate, one.key, _SERVERS, sources.main.directory, at, sources.disk, faults
        )
        for one, at in named
    ]
    certificates = [one for one in read if one is not None]
    places = [at.child("certificate") for _, at in named]
    authorities = _client_ca(model, part, sources, faults)
    if len(certificates) < len(read) or (model.client_ca and not authorities):
        return None
    _refuse_unasked(certificates[1:], places[1:], faults)
    _refuse_shared_names(certificates, places, faults)
    is_required = model.client_certificates == "required"
    return ServerTls(tuple(certificates), authorities, is_required, http2)


def _client_ca(
    model: TlsModel, part: Part, sources: Sources, faults: list[Fault]
) -> Authorities | None:
    if model.client_ca is not None:
        at = part.child("client_ca")
        return _read_authorities(model.client_ca, sources.main.directory, at, sources.disk, faults)
    if part.child("client_certificates").raw is not None:
        message = "`client_ca` is missing: it names the authorities that sign client certificates"
        faults.append(part.child("client_certificates").key_fault(Code.MISSING_KEY, message))
    return None


def _refuse_unasked(
    certificates: Sequence[Certificate], places: Sequence[Part], faults: list[Fault]
) -> None:
    for certificate, place in zip(certificates, places, strict=True):
        if not certificate.names:
            message = "no client can select this certificate: it has no DNS name in subjectAltName"
            faults.append(place.fault(Code.BAD_CERTIFICATE, message))


def _refuse_shared_names(
    certificates: Sequence[Certificate], places: Sequence[Part], faults: list[Fault]
) -> None:
    owners: dict[str, int] = {}
    for index, (certificate, place) in enumerate(zip(certificates, places, strict=True)):
        shared = [name for name in certificate.names if owners.setdefault(name, index) != index]
        if shared:
            other = places[owners[shared[0]]].raw
            message = (
                f"`{shared[0]}` is also a name of {other}: each name can have only one certificate"
            )
            faults.append(place.fault(Code.CERTIFICATE_CONFLICT, message))


def build_upstream_tls(
    model: UpstreamTlsModel, part: Part, directory: Path, disk: Disk, faults: list[Fault]
) -> ClientTls:
    """Return the TLS settings of an upstream; parts with faults are left out."""
    name = model.server_name
    if name is not None and not is_host(name):
        message = (
            f"`{shorten(name)}` is not a host name: write the one in the servers' certificates"
        )
        faults.append(part.child("server_name").fault(Code.BAD_VALUE, message))
        name = None
    authorities = None
    if model.ca is not None:
        authorities = _read_authorities(model.ca, directory, part.child("ca"), disk, faults)
    return ClientTls(
        authorities,
        None if name is None else name.lower(),
        _certificate(model, part, directory, disk, faults),
    )


def _certificate(
    model: UpstreamTlsModel, part: Part, directory: Path, disk: Disk, faults: list[Fault]
) -> Certificate | None:
    certificate, key = model.certificate, model.key
    if certificate is not None and key is not None:
        return _read_certificate(certificate, key, _CLIENTS, directory, part, disk, faults)
    present, missing = ("certificate", "key") if key is None else ("key", "certificate")
    if certificate is not None or key is not None:
        message = f"`{missing}` is missing: a certificate and its key are both required"
        faults.append(part.child(present).key_fault(Code.MISSING_KEY, message))
    return None


def refuse_plain_servers(servers: Part, faults: list[Fault]) -> None:
    """Refuse http servers in an upstream that has TLS settings."""
    for index, text in enumerate(servers.raw if isinstance(servers.raw, list) else ()):
        if isinstance(text, str) and text.startswith("http://"):
            message = "plain http server with `tls`: write https, or remove `tls`"
            faults.append(servers.child(index).fault(Code.CONFLICTING_KEYS, message))


def build_fetch_ca(  # noqa: PLR0913, PLR0917 - what it is, where it is, and where faults go
    model: FetchTlsModel | None,
    url: str | None,
    directory: Path,
    part: Part,
    disk: Disk,
    faults: list[Fault],
) -> Authorities | None:
    """Return the authorities in *part*, the `tls` of a document at *url*, if it names any.

    It is a fault if the document is not fetched over TLS.
    """
    if model is None:
        return None
    if url is None or is_plain_http(url):
        message = "nothing is fetched over TLS here: remove `tls`"
        faults.append(part.key_fault(Code.CONFLICTING_KEYS, message))
    return _read_authorities(model.ca, directory, part.child("ca"), disk, faults)


def _read_certificate(  # noqa: PLR0913, PLR0917 - what it is, where it is, and where faults go
    certificate: str,
    key: str,
    purpose: _Purpose,
    directory: Path,
    part: Part,
    disk: Disk,
    faults: list[Fault],
) -> Certificate | None:
    """Return the certificate and key in the files that *part* names under these two keys.

    The first certificate in the file is the one presented, the others are its chain.
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
        message = "this key is encrypted, and the gateway has no password for it: decrypt the file"
    except (ValueError, UnsupportedAlgorithm):
        message = "this PEM file has no readable private key"
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
        message = "this certificate does not match the private key in `key`"
        faults.append(at_certificate.fault(Code.BAD_CERTIFICATE, message))
    elif owner > 0:
        message = f"certificate {owner + 1} of this file matches the key: put it first"
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
    chain: Sequence[x509.Certificate], purpose: _Purpose, part: Part, faults: list[Fault]
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
        message = f"its extendedKeyUsage does not allow use by {purpose.words}"
        faults.append(part.warning(Code.CERTIFICATE_MISUSED, message))


def _build(file: str, chain: Sequence[x509.Certificate], private: PrivateKeyTypes) -> Certificate:
    leaf = chain[0]
    return Certificate(
        file=file,
        names=_dns_names(leaf),
        # Only the certificates: some files also hold the key.
        chain=b"".join(one.public_bytes(Encoding.PEM) for one in chain),
        key=private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        not_before=leaf.not_valid_before_utc.timestamp(),
        not_after=leaf.not_valid_after_utc.timestamp(),
    )


def _dns_names(certificate: x509.Certificate) -> tuple[str, ...]:
    found = find_extension(certificate, x509.SubjectAlternativeName)
    if found is None:
        return ()  # clients ignore the subject's common name since RFC 9110 replaced RFC 2818
    names = found.get_values_for_type(x509.DNSName)
    return tuple(dict.fromkeys(name.lower() for name in names))


def _loaded(certificate: Certificate, part: Part, faults: list[Fault]) -> Certificate | None:
    try:
        load_pair(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), certificate)
    except ssl.SSLError as error:
        why = (error.reason or type(error).__name__).lower().replace("_", " ")
        message = f"OpenSSL rejects this certificate ({why})"
    except OSError as error:  # e.g. no file descriptor left
        message = f"OpenSSL cannot load this certificate ({error.strerror or error})"
    else:
        return certificate
    faults.append(part.fault(Code.BAD_CERTIFICATE, message))
    return None


def _read_authorities(
    name: str, directory: Path, part: Part, disk: Disk, faults: list[Fault]
) -> Authorities | None:
    """Return the authorities in the PEM file *name*, which *part* names.

    A certificate that is not an authority's is refused: it is probably the wrong file. A
    self-signed one is accepted, because that is how a single peer is pinned.
    """
    found = read_pem(name, directory, part, disk, faults)
    certificates = found and parse_certificates(found[1], part, faults)
    if not found or not certificates:
        return None
    for number, certificate in enumerate(certificates, 1):
        if not _may_sign(certificate):
            which = f"certificate {number} of this file" if len(certificates) > 1 else "this"
            message = f"{which} is not a CA certificate: it may not sign others"
            faults.append(part.fault(Code.BAD_CERTIFICATE, message))
            return None
    pem = b"".join(one.public_bytes(Encoding.PEM) for one in certificates)
    latest = max(one.not_valid_after_utc for one in certificates)
    return Authorities(str(found[0]), pem, latest.timestamp())


def _may_sign(certificate: x509.Certificate) -> bool:
    if certificate.issuer == certificate.subject:
        return True  # self-signed; old version 1 roots have no basicConstraints
    basic = find_extension(certificate, x509.BasicConstraints)
    return basic is not None and basic.ca
