"""Refuse a section that needs an extra of the package, where that is not installed."""

from importlib.util import find_spec

from gateway.settings.text.document import Part
from gateway.settings.text.fault import Code, Fault


def refuse_without(package: str, extra: str, what: str, part: Part, faults: list[Fault]) -> None:
    """Refuse the section *part* if *package* is missing, which *extra* brings and *what* needs."""
    if not _is_installed(package):
        message = f'{what} an extra that is not installed: pip install "jwt-gateway[{extra}]"'
        faults.append(part.key_fault(Code.NOT_SUPPORTED, message))


def _is_installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:  # nor is the package that it is in
        return False
