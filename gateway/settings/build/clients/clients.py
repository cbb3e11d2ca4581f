"""Build a client of an authorization server, with its secret or key."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from gateway.settings.build.secrets import read_reference, read_secret_file
from gateway.settings.schema.clients import ClientModel
from gateway.settings.text.disk import Disk
from gateway.settings.text.document import Part
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.pem_files import read_pem
from gateway.settings.values.clients import ClientAuthentication, OAuthClient
from gateway.settings.values.signing_key import SigningKey, parse_signing_key

# RFC 6749 appendices A.1 and A.2, VSCHAR.
_VISIBLE = re.compile(r"[\x20-\x7e]+")

_SECRET_KEYS: Final = ("client_secret", "client_secret_file")
_KEYS: Final[Mapping[ClientAuthentication, tuple[str, ...]]] = {
    ClientAuthentication.NONE: (),
    ClientAuthentication.BASIC: _SECRET_KEYS,
    ClientAuthentication.POST: _SECRET_KEYS,
    ClientAuthentication.PRIVATE_KEY_JWT: ("client_key_file",),
}
_EVERY_KEY: Final = (*_SECRET_KEYS, "client_key_file")


def build_client(
    model: ClientModel, part: Part, directory: Path, disk: Disk, faults: list[Fault]
) -> OAuthClient | None:
    """Return the client in *part*; None if its secret or key is faulty.

    *directory* is that of the file which contains *part*.
    """
    if not _VISIBLE.fullmatch(model.client_id):
        message = "not a client ID: it has visible ASCII characters only"
        faults.append(part.child("client_id").fault(Code.BAD_VALUE, message))
    method = ClientAuthentication(model.client_auth)
    if not _has_its_key(method, part, faults):
        return None
    secret = _secret(model, part, directory, disk, faults)
    key = _key(model, part, directory, disk, faults)
    if method is not ClientAuthentication.NONE and secret is None and key is None:
        return None
    return OAuthClient(model.client_id, method, secret, key)


def _has_its_key(method: ClientAuthentication, part: Part, faults: list[Fault]) -> bool:
    """Return whether the client has exactly the key that *method* needs."""
    # As written: a key with a fault of its own is not missing as well.
    written = [key for key in _EVERY_KEY if part.child(key).raw is not None]
    wanted = _KEYS[method]
    fitting = [key for key in written if key in wanted]
    for extra in written:
        if extra not in wanted:
            method_of = "basic` or `post" if extra in _SECRET_KEYS else "private_key_jwt"
            missing = () if fitting else wanted
            replace = f"write {' or '.join(f'`{key}`' for key in missing)} instead"
            message = (
                f"`client_auth: {method.value}` does not use `{extra}`: "
                f"{replace if missing else 'remove it'}, or set `client_auth` to `{method_of}`"
            )
            faults.append(part.child(extra).key_fault(Code.CONFLICTING_KEYS, message))
    for extra in fitting[1:]:
        message = f"`{fitting[0]}` and `{extra}` are mutually exclusive"
        faults.append(part.child(extra).key_fault(Code.CONFLICTING_KEYS, message))
    if wanted and not written:
        message = f"`client_auth: {method.value}` needs {' or '.join(f'`{key}`' for key in wanted)}"
        faults.append(part.key_fault(Code.MISSING_KEY, message))
    return written == fitting and len(fitting) == min(len(wanted), 1)


def _secret(
    model: ClientModel, part: Part, directory: Path, disk: Disk, faults: list[Fault]
) -> str | None:
    if model.client_secret is not None:
        at = part.child("client_secret")
        secret = read_reference(model.client_secret, at, faults)
    elif model.client_secret_file is not None:
        at = part.child("client_secret_file")
        secret = read_secret_file(model.client_secret_file, directory, at, disk, faults)
    else:
        return None
    if secret is not None and not _VISIBLE.fullmatch(secret):
        message = "not a client secret: it has characters that are not visible ASCII"
        faults.append(at.fault(Code.BAD_VALUE, message))
        return None
    return secret


def _key(
    model: ClientModel, part: Part, directory: Path, disk: Disk, faults: list[Fault]
) -> SigningKey | None:
    if model.client_key_file is None:
        return None
    at = part.child("client_key_file")
    read = read_pem(model.client_key_file, directory, at, disk, faults)
    if read is None:
        return None
    key = parse_signing_key(read[1])
    if isinstance(key, str):
        faults.append(at.fault(Code.BAD_KEY, key))
        return None
    return key
