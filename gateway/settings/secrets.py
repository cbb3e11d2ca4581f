"""Read an HMAC secret from the environment, refusing what is not one."""

from collections.abc import Mapping

from gateway.settings.fault import Code
from gateway.settings.variables import describe_unset

# RFC 7518 section 3.2: a key at least as long as the hash output, here in bytes.
_HASH_BYTES = {"HS256": 32, "HS384": 48, "HS512": 64}

# Public keys as HMAC secrets are the oldest JWT forgery (CVE-2022-29217, CVE-2024-33663):
# anyone who knows the public key could sign.
_KEY_MARKS = (b"-----BEGIN", b"ssh-", b"ecdsa-sha2-", b"sk-ssh-", b"sk-ecdsa-", b'"kty"', b"<RSA")
_MIN_DISTINCT_BYTES = 8  # RFC 8725 section 3.5: a secret is not a word or a repeated letter


def read_secret(
    variable: str, algorithms: frozenset[str], environ: Mapping[str, str]
) -> bytes | tuple[Code, str]:
    """Return the secret in *variable*, or the code and words of what is wrong with it."""
    text = environ.get(variable)
    if not text:
        return Code.UNSET_VARIABLE, describe_unset(variable)
    secret = text.encode("utf-8", "surrogateescape")
    if any(mark in secret for mark in _KEY_MARKS):
        return Code.WEAK_SECRET, f"{variable} holds a key pair's key, not an HMAC secret"
    needed = max((_HASH_BYTES[name] for name in algorithms), default=0)
    if len(secret) < needed:
        strongest = max(algorithms)
        return Code.WEAK_SECRET, f"{strongest} needs a secret of at least {needed} bytes"
    if len(set(secret)) < _MIN_DISTINCT_BYTES:
        return Code.WEAK_SECRET, f"{variable} can be guessed: use random bytes"
    return secret
