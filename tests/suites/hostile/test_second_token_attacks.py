"""A route that requires two tokens is attacked with one, with the same, with them swapped."""

from pathlib import Path

from gateway.suites.hostile.run_attacks import Campaign
from gateway.suites.hostile.second_token_attacks import attack_second_token
from tests.suites.hostile.sandboxes import attack, control_of, make_sandbox, refusals
from tests.suites.hostile.weak import configured
from tests.suites.samples.test_second_tokens import TWO


def test_every_way_to_send_less_than_both_is_refused(tmp_path: Path) -> None:
    sandbox, _ = make_sandbox(tmp_path, TWO)
    control = control_of(sandbox, "both")
    attacks = list(attack_second_token(control))

    found = refusals(control, attacks)

    assert found == {
        "second-token": {
            "token_missing",
            "token_repeated",
            "token_expired",
            "signature_invalid",
            "issuer_not_accepted",
        }
    }
    assert len(attacks) == 8
    assert list(attack_second_token(control_of(sandbox, "one"))) == []


def test_all_other_attacks_bring_a_second_token_that_holds(tmp_path: Path) -> None:
    report = attack(tmp_path, TWO)

    assert report.failures == ()


def test_whoever_asks_for_one_token_lets_them_through(tmp_path: Path) -> None:
    sandbox, loaded = make_sandbox(tmp_path, TWO)
    weak = configured(route={"sources": None})

    report = Campaign(sandbox, loaded.places, (), weak(sandbox)).run()

    found = {one.variant for one in report.failures if one.name == "second-token"}
    assert found >= {"missing", "the first one again", "expired", "signed with another key"}


def test_a_route_that_takes_tokens_from_the_query_is_not_attacked_with_one(tmp_path: Path) -> None:
    text = TWO.replace(
        "require: {issuers: [main]}}",
        "require: {issuers: [main]}, token_from: [authorization, query]}",
    )

    assert attack(tmp_path, text).failures == ()
