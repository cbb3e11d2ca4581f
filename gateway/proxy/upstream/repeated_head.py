"""Know the head of an answer that was read before."""

from typing import Final

# A head that is kept costs this much memory at most, on each connection.
_MAX_BYTES: Final = 2048


class KeptHead:
    """The bytes of the last usual answer's head on a connection, and what they meant.

    Services under load give many answers whose heads are the same to the byte; such a head
    is not parsed again. *lacks_date* says that *fields* have no Date.
    """

    __slots__ = ("_bytes", "fields", "lacks_date", "length", "status")

    def __init__(self) -> None:
        self._bytes = b""
        self.fields = b""
        self.lacks_date = False
        self.length = 0
        self.status = 0

    def match(self, data: bytes) -> bytes | None:
        """Return the body, if *data* is one whole answer with the head kept."""
        head = self._bytes
        if not head or not data.startswith(head) or len(data) != len(head) + self.length:
            return None
        return data[len(head) :]

    def keep(
        self, data: bytes, status: int, lines: list[bytes], length: int, lacks_date: bool
    ) -> None:
        """Keep the head of the answer *data*, if it came alone and in one piece."""
        head = data[: len(data) - length]
        if len(head) <= _MAX_BYTES and head.find(b"\r\n\r\n") == len(head) - 4:
            self._bytes = head
            self.fields = b"".join(lines)
            self.lacks_date = lacks_date
            self.length = length
            self.status = status
