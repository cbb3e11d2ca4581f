"""Build the tracing settings: which spans are exported, and where."""

import re
from urllib.parse import unquote, urlsplit

from gateway.settings.build.checks import refuse_without
from gateway.settings.build.secrets import Outside
from gateway.settings.schema.tracing import TracingModel
from gateway.settings.schema.types import TOKEN
from gateway.settings.text.document import Part
from gateway.settings.text.fault import Code, Fault
from gateway.settings.values.addresses import is_web_url, leaves_unprotected
from gateway.settings.values.configuration import Tracing

# RFC 9110 §5.5, and nothing outside of ASCII.
_FIELD_VALUE = re.compile(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?")

_PACKAGE = "opentelemetry.proto"  # what the extra installs


def build_tracing(
    model: TracingModel | None,
    part: Part,
    outside: Outside,
    faults: list[Fault],
    package: str = _PACKAGE,
) -> Tracing | None:
    """Return the tracing settings; None without them, or if they are faulty.

    *package* must be installed for it.
    """
    if model is None:
        return None
    before = len(faults)
    refuse_without(package, "otlp", "tracing needs", part, faults)
    if not is_web_url(model.otlp) or not urlsplit(model.otlp).path.strip("/"):
        message = "not a URL with a path: write it like http://127.0.0.1:4318/v1/traces"
        faults.append(part.child("otlp").fault(Code.BAD_VALUE, message))
    headers = _headers(part, outside, faults)
    if len(faults) > before:
        return None
    if headers and leaves_unprotected(model.otlp):
        message = "the fields in headers_env or headers_file are sent in clear text: use https"
        faults.append(part.child("otlp").warning(Code.INSECURE_URL, message))
    return Tracing(model.otlp, model.sample, model.asked_per_second, model.service_name, headers)


def _headers(part: Part, outside: Outside, faults: list[Fault]) -> tuple[tuple[str, str], ...]:
    """Return the fields from outside, in the format of OpenTelemetry's own exporters.

    They may hold a credential for the collector, so no message repeats any of it.
    """
    read = outside.read(part, "headers", faults)
    if read is None:
        return ()
    at, text = read
    found: list[tuple[str, str]] = []
    for member in text.split(","):
        name, _, value = (piece.strip() for piece in member.partition("="))
        value = unquote(value, errors="replace")
        if not TOKEN.fullmatch(name) or not _FIELD_VALUE.fullmatch(value):
            message = "what is there is not of the form name=value,name=value"
            faults.append(at.fault(Code.BAD_VALUE, message))
            return ()
        found.append((name, value))
    return tuple(found)
