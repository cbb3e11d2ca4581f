"""Parse a route's path template into segments."""

import re
from dataclasses import dataclass

from gateway.decision.routes.segments import split_segments

# Far beyond any real API; it bounds the depth of route searches.
MAX_TEMPLATE_SEGMENTS = 64


@dataclass(frozen=True, slots=True)
class Variable:
    """A ``{name}`` segment: it matches any one segment that is not empty."""

    name: str


Segment = str | Variable

_VARIABLE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


def parse_template(text: str, is_prefix: bool) -> tuple[Segment, ...]:
    """Return the segments of *text*, literals decoded as a request's path is.

    A prefix ends with ``/``, which is not a segment: ``/orders/`` as a prefix is ``orders`` with
    at least one segment below. Raises ValueError if no request could ever match.
    """
    if not text.startswith("/"):
        raise ValueError(f"path {text!r} must start with /")
    if is_prefix and not text.endswith("/"):
        raise ValueError(f"path prefix {text!r} must end with /")
    segments = _parse_variables(text) if "{" in text or "}" in text else _decode_literals(text)
    if len(segments) > MAX_TEMPLATE_SEGMENTS:
        raise ValueError(f"path {text!r} has more than {MAX_TEMPLATE_SEGMENTS} segments")
    return segments[:-1] if is_prefix else segments


def _parse_variables(text: str) -> tuple[Segment, ...]:
    variables = [_variable(part, text) for part in text[1:].split("/")]
    literals = _decode_literals(text)
    _check_names([variable.name for variable in variables if variable], text)
    return tuple(variable or literal for variable, literal in zip(variables, literals, strict=True))


def _variable(part: str, text: str) -> Variable | None:
    if "{" not in part and "}" not in part:
        return None
    match = _VARIABLE.fullmatch(part)
    if match is None:
        raise ValueError(f"path {text!r}: {part!r} is not of the form {{name}}")
    return Variable(match[1])


def _decode_literals(text: str) -> tuple[str, ...]:
    # With a letter for each variable, the rules for request paths apply to the whole template.
    decoded = split_segments(_VARIABLE.sub("x", text).encode(errors="replace"))
    if isinstance(decoded, str):
        raise ValueError(f"path {text!r} can never match: {decoded}")
    return decoded


def _check_names(names: list[str], text: str) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"path {text!r} has the variable {{{name}}} twice")
