"""The write buffer: what is put in goes out once, whole, in order, and in the same turn."""

import asyncio
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from gateway.proxy.transport.write_buffer import Piece, WriteBuffer

PIECES = st.binary(max_size=4) | st.lists(st.binary(max_size=2), max_size=3).map(tuple)


@dataclass
class Transport:
    """A connection that keeps what was sent on it, one entry for each call."""

    sent: list[bytes] = field(default_factory=list)
    closing: bool = False

    def is_closing(self) -> bool:
        return self.closing

    def write(self, data: bytes) -> None:
        self.sent.append(data)

    def writelines(self, data: tuple[bytes, ...]) -> None:
        self.sent.append(b"".join(data))

    def abort(self) -> None:
        self.closing = True


def whole(piece: Piece) -> bytes:
    return piece if isinstance(piece, bytes) else b"".join(piece)


async def test_nothing_is_sent_while_input_is_handled_and_everything_afterwards() -> None:
    write_buffer, one, other = WriteBuffer(asyncio.get_running_loop()), Transport(), Transport()

    write_buffer.put(one, b"a")
    write_buffer.put(other, b"b")
    before = (list(one.sent), list(other.sent))
    await asyncio.sleep(0)

    assert before == ([], [])
    assert (one.sent, other.sent) == ([b"a"], [b"b"])


async def test_it_sends_turn_after_turn() -> None:
    write_buffer, one = WriteBuffer(asyncio.get_running_loop()), Transport()

    for piece in (b"a", b"b", b"c"):
        write_buffer.put(one, piece)
        await asyncio.sleep(0)

    assert one.sent == [b"a", b"b", b"c"]


async def test_the_first_piece_does_not_wait_for_thousands() -> None:
    write_buffer, one = WriteBuffer(asyncio.get_running_loop()), Transport()

    for _ in range(63):
        write_buffer.put(one, b"x")
    before = len(one.sent)
    write_buffer.put(one, b"x")

    assert (before, len(one.sent)) == (0, 64)


async def test_a_flush_leaves_nothing_for_later() -> None:
    write_buffer, one = WriteBuffer(asyncio.get_running_loop()), Transport()
    write_buffer.put(one, (b"5\r\n", b"hello", b"\r\n"))

    write_buffer.flush()
    await asyncio.sleep(0)

    assert one.sent == [b"5\r\nhello\r\n"]


async def test_a_piece_for_a_lost_connection_affects_no_other() -> None:
    write_buffer, gone, other = WriteBuffer(asyncio.get_running_loop()), Transport(), Transport()
    write_buffer.put(gone, b"a")
    write_buffer.put(other, b"b")
    gone.closing = True

    write_buffer.flush()

    assert (gone.sent, other.sent) == ([], [b"b"])


@given(st.lists(st.tuples(st.sampled_from([0, 1, 2]), PIECES), max_size=200))
def test_every_connection_gets_its_pieces_once_and_in_order(puts: list[tuple[int, Piece]]) -> None:
    transports = [Transport(), Transport(), Transport()]

    async def put_all() -> None:
        write_buffer = WriteBuffer(asyncio.get_running_loop())
        for number, piece in puts:
            write_buffer.put(transports[number], piece)
        await asyncio.sleep(0)

    asyncio.run(put_all())

    for number, transport in enumerate(transports):
        assert transport.sent == [whole(piece) for target, piece in puts if target == number]
