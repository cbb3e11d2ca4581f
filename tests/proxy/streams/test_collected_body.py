"""A body that the gateway itself reads."""

import pytest

from gateway.proxy.streams.collected_body import CollectedBody
from gateway.proxy.streams.upload import Upload


class Source:
    def __init__(self) -> None:
        self.is_paused = False

    def pause_reading(self) -> None:
        self.is_paused = True

    def resume_reading(self) -> None:
        self.is_paused = False

    def consumed(self, size: int) -> None:
        """Do nothing: HTTP/1.1 gives no credit."""


@pytest.mark.parametrize("length", [5, None])
@pytest.mark.parametrize("attached_after", [0, 1, 2, 3])
def test_the_body_is_handed_over_once_when_it_has_come(
    length: int | None, attached_after: int
) -> None:
    taken: list[bytes] = []
    source = Source()
    upload = Upload(source, length, None)
    for number, piece in enumerate((b"abc", b"de", b"")):
        if number == attached_after:
            upload.attach(CollectedBody(taken.append))
        assert taken == []
        if piece:
            upload.add(piece)
        else:
            upload.complete = True
        upload.flush()
    if attached_after == 3:
        upload.attach(CollectedBody(taken.append))

    assert taken == [b"abcde"]
    assert not source.is_paused
