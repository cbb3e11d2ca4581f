"""Look at the files of a configuration again and again, and say when they have changed."""

from gateway.settings.text.changes import Identity, differs, identify
from gateway.settings.text.disk import Record


class Watch:
    """The files that are in *record*, from one look to the next.

    A change counts once nothing has moved between two looks: whoever writes in pieces is let
    finish. It is told once, and again only after another record was followed, which is that of
    the attempt that was made: so a file that is broken is tried once, however long it stays so.
    """

    def __init__(self, record: Record) -> None:
        self._record = record
        self._seen: Identity | None = None  # at the last look, if not known
        self._known: Identity | None = None  # to hold what the record has

    def follow(self, record: Record) -> None:
        """Look at what is in *record* from now on."""
        if record is not self._record:
            self._record = record
            self._seen = self._known = None

    def look(self) -> bool:
        """Return whether the files are quiet, and are not what the record has; may block."""
        now = identify(self._record)
        if now == self._known:
            return False
        if now != self._seen:
            self._seen = now
            return False
        if not differs(self._record):
            self._known = now
            return False
        return True
