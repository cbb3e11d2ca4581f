"""The shape of what an issuer's tokens must be."""

from pathlib import Path
from typing import get_args

import pytest

from gateway.decision.policy import ID_TOKEN_SIGNALS
from gateway.settings.schema.issuers.issuer import Signal
from tests.settings.configs import assert_found, one_issuer

MAIN = "issuer: https://a.example, discovery: true, audiences: [orders]"

# A fault code, and a configuration with a mark where the fault must point.
MISTAKES = [
    ("missing_key", one_issuer(f"{{{MAIN}, ¦require: {{}}}}")),
    ("empty_list", one_issuer(f"{{{MAIN}, require: {{claims: ¦{{}}}}}}")),
    (
        "unknown_key",
        one_issuer(f"{{{MAIN}, require: {{¦scopes: [a], claims: {{a: {{exists: true}}}}}}}}"),
    ),
    ("empty_list", one_issuer(f"{{{MAIN}, scopes_from: ¦[]}}")),
    ("wrong_type", one_issuer(f"{{{MAIN}, scopes_from: ¦roles}}")),
    ("missing_key", one_issuer(f"{{{MAIN}, scopes_from: [¦{{claim: roles}}]}}")),
    ("bad_value", one_issuer(f"{{{MAIN}, id_token_signals: [¦nonces]}}")),
]


@pytest.mark.parametrize(("codes", "text"), MISTAKES)
def test_each_mistake_of_their_shape_is_found_at_its_place_and_nothing_else_is(
    codes: str, text: str, tmp_path: Path
) -> None:
    assert_found(tmp_path, codes, text)


def test_every_signal_that_is_looked_for_can_be_written() -> None:
    assert get_args(Signal) == ID_TOKEN_SIGNALS
