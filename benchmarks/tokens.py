"""Mint the tokens that are sent: one to repeat, and files with a different one on each line.

All lines of a file are equally long, so that a load generator can start anywhere by seeking.
"""

import base64
import hmac
import json
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

Sign = Callable[[bytes], bytes]

LIFETIME_SECONDS = 30 * 86_400
RENEWAL_SECONDS = 86_400  # files that expire within a day are made again
# More than any cache here holds (50,000), so that a circle never meets a cached one.
DISTINCT = {"RS256": 120_000, "ES256": 120_000, "HS256": 1_000_000}
HMAC_SECRET = "benchmark-only-" + "0123456789abcdef" * 3


@dataclass(frozen=True, slots=True)
class TokenFile:
    """A file of *count* distinct tokens, each *width* bytes and a line feed."""

    path: Path
    width: int
    count: int

    def first(self) -> str:
        """Return the token of the first line."""
        with self.path.open() as lines:
            return lines.readline().strip()


def make_keys(folder: Path) -> None:
    """Write the key pairs and their JWK set into *folder*, unless they are there."""
    if (folder / "jwks.json").exists():
        return
    rsa_key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    ec_key = ec.generate_private_key(ec.SECP256R1())
    members = []
    for algorithm, key in (("RS256", rsa_key), ("ES256", ec_key)):
        (folder / f"{algorithm}.pem").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        (folder / f"{algorithm}.pub.pem").write_bytes(
            key.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        )
        public = key.public_key()
        member = (
            RSAAlgorithm.to_jwk(public, as_dict=True)
            if isinstance(public, rsa.RSAPublicKey)
            else ECAlgorithm.to_jwk(public, as_dict=True)
        )
        members.append(member | {"kid": algorithm, "alg": algorithm, "use": "sig"})
    (folder / "jwks.json").write_text(json.dumps({"keys": members}))


def distinct_tokens(folder: Path, algorithm: str) -> TokenFile:
    """Return the file of distinct tokens; mint it if there is none that lasts."""
    path, count = folder / f"{algorithm}.tokens", DISTINCT[algorithm]
    if not path.exists() or path.stat().st_mtime + LIFETIME_SECONDS < time.time() + RENEWAL_SECONDS:
        unfinished = path.with_suffix(".part")
        with ProcessPoolExecutor(os.cpu_count()) as pool, unfinished.open("wb") as out:
            step = 5_000
            starts = range(0, count, step)
            for part in pool.map(
                mint, *zip(*((folder, algorithm, i, i + step) for i in starts), strict=True)
            ):
                out.write(part)
        unfinished.rename(path)
    with path.open() as lines:
        width = len(lines.readline()) - 1
    return TokenFile(path, width, count)


def spoilt_tokens(folder: Path, algorithm: str) -> TokenFile:
    """Return the file of distinct tokens, each with an invalid signature."""
    good = distinct_tokens(folder, algorithm)
    path = folder / f"{algorithm}.spoilt"
    if not path.exists() or path.stat().st_mtime < good.path.stat().st_mtime:
        unfinished = path.with_suffix(".part")
        with good.path.open() as lines, unfinished.open("w") as out:
            out.writelines(spoil(line.strip()) + "\n" for line in lines)
        unfinished.rename(path)
    return TokenFile(path, good.width, good.count)


def spoil(token: str) -> str:
    """Return *token* with another signature: well-formed, and invalid."""
    head, _, signature = token.rpartition(".")
    middle = len(signature) // 2
    other = "A" if signature[middle] != "A" else "B"
    return f"{head}.{signature[:middle]}{other}{signature[middle + 1 :]}"


def mint(folder: Path, algorithm: str, first: int, end: int) -> bytes:
    """Return the lines *first* to *end* of a token file."""
    return b"".join(_mint(_signer(folder, algorithm), algorithm, first, end))


def _mint(sign: Sign, algorithm: str, first: int, end: int) -> Iterator[bytes]:
    head = _encode(json.dumps({"alg": algorithm, "typ": "at+jwt", "kid": algorithm}).encode())
    now_seconds = int(time.time())
    claims = (
        '{"iss":"https://issuer.test","aud":"api","sub":"user-42","client_id":"bench",'
        f'"scope":"orders:read orders:write","iat":{now_seconds},'
        f'"exp":{now_seconds + LIFETIME_SECONDS},"jti":"'
    )
    for number in range(first, end):
        signed = head + b"." + _encode(f'{claims}{number:09d}"}}'.encode())
        yield signed + b"." + _encode(sign(signed)) + b"\n"


def _signer(folder: Path, algorithm: str) -> Sign:
    if algorithm == "HS256":
        return lambda signed: hmac.digest(HMAC_SECRET.encode(), signed, "sha256")
    pem = (folder / f"{algorithm}.pem").read_bytes()
    key = serialization.load_pem_private_key(pem, password=None)
    if isinstance(key, rsa.RSAPrivateKey):
        rs256 = RSAAlgorithm(RSAAlgorithm.SHA256)
        return lambda signed: rs256.sign(signed, key)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    es256 = ECAlgorithm(ECAlgorithm.SHA256)
    return lambda signed: es256.sign(signed, key)


def _encode(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")
