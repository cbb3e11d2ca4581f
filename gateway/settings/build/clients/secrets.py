"""Read secrets that a configuration only names: in an environment variable, or in a file."""

import re
from pathlib import Path

from gateway.settings.text.disk import Disk
from gateway.settings.text.document import Part
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.files import find_file
from gateway.settings.text.scalars import shorten

# Far more than a client secret or a key of 32 bytes in base64.
_MAX_BYTES = 4096

_REFERENCE = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}")


def read_reference(text: str, part: Part, faults: list[Fault]) -> str | None:
    """Return *text*, the value at *part*, if the file only has ``${NAME}`` there.

    A secret in the file would be in every copy, backup and commit of it.
    """
    if _REFERENCE.fullmatch(part.document.text_at(part.path, text)):
        return text
    key = next(step for step in reversed(part.path) if isinstance(step, str))
    message = (
        "a secret does not belong in this file: put it in an environment variable and write"
        f' "${{NAME}}" here, or write its file in `{_FILE_KEYS[key]}`'
    )
    faults.append(part.fault(Code.BAD_VALUE, message))
    return None


_FILE_KEYS = {"client_secret": "client_secret_file", "keys": "key_files"}


def read_secret_file(
    name: str, directory: Path, part: Part, disk: Disk, faults: list[Fault]
) -> str | None:
    """Return the text of the file *name*, which *part* names, without white space at its ends."""
    path = find_file(name, directory, part, disk, faults)
    if path is None:
        return None
    try:
        content = disk.read(path, _MAX_BYTES + 1)
    except OSError:  # a directory, or a failing disk
        faults.append(part.fault(Code.MISSING_FILE, f"cannot read {shorten(name)}"))
        return None
    text = content.decode("utf-8", "replace").strip()
    if len(content) > _MAX_BYTES or not text:
        what = "empty" if not text else f"larger than {_MAX_BYTES} bytes"
        faults.append(
            part.fault(Code.BAD_VALUE, f"the file is {what}: write only the secret in it")
        )
        return None
    return text
