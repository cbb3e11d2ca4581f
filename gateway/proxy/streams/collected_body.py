"""Collect the body of a request that the gateway itself answers."""

from collections.abc import Callable


class CollectedBody:
    """Takes a body in place of a server, and calls *take* with it once it has come whole.

    Whoever makes it bounds the body by ``Upload.limit``.
    """

    __slots__ = ("_pieces", "_take")

    def __init__(self, take: Callable[[bytes], None]) -> None:
        self._take = take
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Take a piece of a body whose length is known."""
        self._pieces.append(data)

    def write_chunk(self, data: bytes) -> None:
        """Take a piece of a chunked body."""
        self._pieces.append(data)

    def end_chunks(self, trailers: bytes) -> None:
        """Drop the trailers: nothing that the gateway answers has a use for them."""

    def expect_nothing(self) -> None:
        """Do nothing: no response is awaited before the whole body has come."""

    def expect_response(self) -> None:
        """Hand over the body, which is complete."""
        self._take(b"".join(self._pieces))
