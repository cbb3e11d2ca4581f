"""The cases of HTTP/2 on the wire: RFC 9113, RFC 7541, and what a downgrade must not become."""

import pytest

from tests.proxy.h2.cases import Case, cases
from tests.proxy.h2.conftest import Http2World
from tests.proxy.h2.playing import play

CASES = [case for theme in ("rfc9113", "downgrade") for case in cases(theme)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_frames_have_the_outcome_that_the_case_says(case: Case, world: Http2World) -> None:
    async def run() -> list[str]:
        found = await play(world.gateway.address, world.service, case)
        await world.check_bystander()
        return found

    assert world.run(run()) == []
