"""Find secrets that stand in a configuration file."""

from collections.abc import Iterator

from gateway.settings.text.comments import split_lines
from gateway.settings.text.fault import Code, Fault, Place, Severity
from gateway.settings.text.places import Places
from gateway.settings.text.secret_text import find_secrets


def find_written_secrets(places: Places) -> Iterator[Fault]:
    """Yield a warning for each secret in any file, comments included; none is ever shown."""
    for document in places.documents:
        for number, line in enumerate(split_lines(document.text), 1):
            for secret in find_secrets(line):
                message = (
                    f"this looks like {secret.what}: keep it out of the file, and put ${{NAME}} or"
                    " a file of its own in its place"
                )
                place = Place(document.start.file, number, secret.column + 1)
                yield Fault(place, Code.SECRET_IN_FILE, message, Severity.WARNING)
