"""Write what is wrong as an annotation that GitHub shows beside the line."""

from gateway.settings.text.fault import Fault, Place

# As the toolkit of GitHub Actions escapes them; a colon or comma ends a property, a line a command.
_IN_TEXT = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_IN_PROPERTY = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A", ":": "%3A", ",": "%2C"})


def annotate_fault(fault: Fault) -> str:
    """Return *fault* as a workflow command, its code as the title."""
    return annotate(fault.severity.value, fault.place, fault.code.value, fault.message)


def annotate(level: str, place: Place, title: str, text: str) -> str:
    """Return one workflow command; *level* is ``error``, ``warning`` or ``notice``.

    Nothing in *title* and *text* can end it, or begin another one.
    """
    file, name = place.file.translate(_IN_PROPERTY), title.translate(_IN_PROPERTY)
    where = f"file={file},line={place.line},col={place.column}"
    return f"::{level} {where},title={name}::{text.translate(_IN_TEXT)}"
