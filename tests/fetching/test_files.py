"""Files are read without holding up anybody, whatever becomes of the disk they lie on."""

import asyncio
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.fetching.document import FetchFailed
from gateway.fetching.files import Files
from tests.keyring.peers import until


class Disk:
    """Reads every file at once but those that begin with ``hang``, which wait until it goes on."""

    def __init__(self) -> None:
        self.reads: list[str] = []
        self._goes_on = threading.Event()

    def read(self, name: str, count: int) -> bytes:
        self.reads.append(name)
        if name.startswith("hang"):
            self._goes_on.wait(10)
        return b"words"[:count]

    def go_on(self) -> None:
        self._goes_on.set()


@pytest.fixture
def disk() -> Iterator[Disk]:
    made = Disk()
    yield made
    made.go_on()


async def test_a_file_of_just_the_limit_is_read(tmp_path: Path) -> None:
    file = tmp_path / "document"
    file.write_bytes(b"12345")

    assert await Files().read(str(file), 5) == b"12345"


async def test_a_file_that_is_larger_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "document"
    file.write_bytes(b"123456")

    with pytest.raises(FetchFailed, match="document: larger than 5 bytes"):
        await Files().read(str(file), 5)


async def test_a_file_that_cannot_be_read_is_named_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(FetchFailed, match="nowhere: No such file"):
        await Files().read(str(tmp_path / "nowhere"))
    with pytest.raises(FetchFailed, match="Is a directory"):
        await Files().read(str(tmp_path))


async def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path) -> None:
    """A pipe without a writer would hang for ever, a device might give bytes without end."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    with pytest.raises(FetchFailed, match="pipe: not a regular file"):
        await Files().read(str(pipe))
    with pytest.raises(FetchFailed, match="/dev/zero: not a regular file"):
        await Files().read("/dev/zero")


async def test_a_file_is_read_anew_each_time(tmp_path: Path) -> None:
    file = tmp_path / "document"
    files = Files()
    file.write_bytes(b"former")
    assert await files.read(str(file)) == b"former"

    file.write_bytes(b"latter")

    assert await files.read(str(file)) == b"latter"


async def test_a_file_that_hangs_takes_one_thread_however_often_it_is_asked_for(
    disk: Disk,
) -> None:
    files = Files(disk.read)
    for _ in range(10):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(files.read("hang"), 0.001)
    asking = asyncio.create_task(files.read("hang"))
    await until(lambda: disk.reads == ["hang"])

    disk.go_on()

    assert await asking == b"words"
    assert disk.reads == ["hang"]
    assert await files.read("hang") == b"words"
    assert disk.reads == ["hang", "hang"]


async def test_files_that_hang_hold_up_no_other_and_not_the_loops_own_threads(disk: Disk) -> None:
    files = Files(disk.read)
    hanging = [asyncio.create_task(files.read(f"hang-{n}")) for n in range(40)]
    await until(lambda: len(disk.reads) == 40)

    assert await files.read("good") == b"words"
    assert await asyncio.to_thread(lambda: "done") == "done"

    assert not any(task.done() for task in hanging)
    disk.go_on()
    await asyncio.gather(*hanging)
