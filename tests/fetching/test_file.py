from pathlib import Path

import pytest

from gateway.fetching.fetch import FetchFailed
from gateway.fetching.file import read_file


async def test_a_file_of_just_the_limit_is_read(tmp_path: Path) -> None:
    file = tmp_path / "document"
    file.write_bytes(b"12345")

    assert await read_file(str(file), 5) == b"12345"


async def test_a_file_that_is_larger_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "document"
    file.write_bytes(b"123456")

    with pytest.raises(FetchFailed, match="document: larger than 5 bytes"):
        await read_file(str(file), 5)


async def test_a_file_that_cannot_be_read_is_named_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(FetchFailed, match="nowhere: No such file"):
        await read_file(str(tmp_path / "nowhere"))
    with pytest.raises(FetchFailed, match="Is a directory"):
        await read_file(str(tmp_path))
