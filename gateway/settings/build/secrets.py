"""Read secrets that a configuration only names: in an environment variable, or in a file."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway.settings.text.disk import Disk
from gateway.settings.text.document import Part
from gateway.settings.text.fault import Code, Fault
from gateway.settings.text.files import read_bounded
from gateway.settings.text.grants import Grant
from gateway.settings.text.variables import describe_unset

# Far more than a client secret or a key of 32 bytes in base64.
_MAX_BYTES = 4096

_REFERENCE = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}")


@dataclass(frozen=True, slots=True, eq=False)
class Outside:
    """Where the secrets of one file are: in *environ*, or in files relative to *directory*."""

    environ: Mapping[str, str]
    directory: Path
    disk: Disk

    def read(self, part: Part, name: str, faults: list[Fault]) -> tuple[Part, str] | None:
        """Return the secret that `NAME_env` or `NAME_file` of *part* names, and which of them.

        None if there is neither, or if it is faulty. The text of a file has no white space at its
        ends.
        """
        in_variable, in_file = part.child(f"{name}_env"), part.child(f"{name}_file")
        if in_variable.raw is not None and in_file.raw is not None:
            message = f"`{name}_env` and `{name}_file` are mutually exclusive"
            faults.append(in_file.key_fault(Code.CONFLICTING_KEYS, message))
            return None
        if isinstance(in_file.raw, str):
            text = self.read_file(in_file, faults)
            return None if text is None else (in_file, text)
        if not isinstance(in_variable.raw, str):
            return None
        refused = part.refuse("read the environment", Grant.ENVIRONMENT)
        if refused is not None:
            faults.append(in_variable.fault(Code.NOT_GRANTED, refused))
            return None
        value = self.environ.get(in_variable.raw)
        if not value:
            message = describe_unset(in_variable.raw)
            faults.append(in_variable.fault(Code.UNSET_VARIABLE, message))
            return None
        return in_variable, value

    def read_file(self, part: Part, faults: list[Fault]) -> str | None:
        """Return the secret in the file that *part* names; None if it is unreadable or none."""
        return read_secret_file(str(part.raw), self.directory, part, self.disk, faults)


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
    found = read_bounded(name, directory, part, disk, _MAX_BYTES, faults)
    if found is None:
        return None
    content = found[1]
    problem = f"larger than {_MAX_BYTES} bytes" if len(content) > _MAX_BYTES else None
    text = ""
    try:
        text = content.decode().strip()
    except UnicodeDecodeError:
        problem = problem or "not UTF-8 text"
    if problem is None and text:
        return text
    message = f"the file is {problem or 'empty'}: write only the secret in it, as text"
    faults.append(part.fault(Code.BAD_VALUE, message))
    return None
