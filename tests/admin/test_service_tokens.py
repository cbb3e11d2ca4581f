"""What operators see of tokens for services: never a part of one."""

import json
from hashlib import sha256

from gateway.admin.status import service_token_statuses
from tests.service_tokens.sources import exchange_at, own_at
from tests.service_tokens.test_live_tokens import ALICE, DIGEST, started, tokens_of
from tests.service_tokens.token_server import token_server


async def test_each_upstream_with_credentials_has_its_state() -> None:
    async with token_server() as server:
        every = tokens_of(server, own=own_at(server), exchanged=exchange_at(server), none=None)
        async with started(every) as tokens:
            await tokens.exchange("exchanged", DIGEST, ALICE, 60.0)

            own, exchanged = service_token_statuses(tokens)

        age, left = own["age_seconds"], own["expires_in_seconds"]
        assert isinstance(age, float)
        assert isinstance(left, float)
        assert age >= 0
        assert left <= 595
        assert own == {
            "upstream": "own", "grant": "client_credentials", "loaded": True, "age_seconds": age,
            "expires_in_seconds": left, "failures_in_a_row": 0, "last_error": None,
        }  # fmt: skip
        assert exchanged == {
            "upstream": "exchanged", "grant": "token_exchange", "kept": 1,
            "failures_in_a_row": 0, "last_error": None,
        }  # fmt: skip
        shown = json.dumps([own, exchanged])
        assert "own-1" not in shown
        assert "of-alice" not in shown
        assert sha256(ALICE).hexdigest() not in shown
