"""The gateway under attack answers as the one that runs."""

from pathlib import Path

from gateway.decision.reason import Reason
from gateway.decision.verdict import Deny, Publish
from gateway.suites.asking.minting import bearer
from gateway.suites.asking.request import parse_request
from gateway.suites.asking.wire import authorization, write_head
from gateway.suites.hostile.control import Control
from gateway.suites.hostile.stage import Outcome, Sent, Stage, revoked_id
from tests.suites.hostile.stages import WORLD, make_stage


def ask(stage: Stage, head: bytes) -> Outcome | Reason:
    outcome = stage.answer(head)
    return outcome.reason if isinstance(outcome, Deny) else outcome


def test_what_is_let_through_is_what_the_service_gets(order: Control, stage: Stage) -> None:
    head = write_head(order.request, *authorization(bearer(order.draft.sign())))

    outcome = stage.answer(head)

    assert isinstance(outcome, Sent)
    assert outcome.head.startswith(b"GET /tenants/some-tenant/orders/some-id HTTP/1.1\r\n")
    assert b"\r\nX-Gateway-Subject: some-caller\r\n" in outcome.head
    assert b"Authorization" not in outcome.head


def test_what_cannot_be_read_is_refused_as_on_the_wire(stage: Stage) -> None:
    assert ask(stage, b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n") is Reason.REQUEST_MALFORMED
    assert ask(stage, b"GET /any#x HTTP/1.1\r\nHost: a\r\n\r\n") is Reason.PATH_REJECTED
    assert ask(stage, b"GET /any HTTP/1.1\r\nHost: a/b\r\n\r\n") is Reason.REQUEST_MALFORMED


def test_no_key_is_waited_for(stage: Stage, order: Control) -> None:
    token = stage.stranger("ES256").sign({**order.draft.header, "kid": "x"}, b'{"iss":"ci"}')
    known = order.draft.key.sign(
        {**order.draft.header, "kid": "x"}, b'{"iss":"https://login.example/"}'
    )

    assert ask(stage, write_head(order.request, *authorization(bearer(token)))) is (
        Reason.ALGORITHM_NOT_ALLOWED
    )
    assert ask(stage, write_head(order.request, *authorization(bearer(known)))) is (
        Reason.KEY_UNKNOWN
    )


def test_an_upgrade_that_a_route_does_not_allow_is_refused(stage: Stage) -> None:
    head = (
        b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )

    assert ask(stage, head) is Reason.NOT_SUPPORTED


def test_a_document_is_for_everybody(tmp_path: Path) -> None:
    stage, _ = make_stage(tmp_path, WORLD + "resources: {r: {resource: 'https://a.example'}}\n")
    request = parse_request("GET", "https://a.example/.well-known/oauth-protected-resource")

    assert isinstance(stage.answer(write_head(request)), Publish)


def test_each_list_has_one_token_and_an_attacker_has_keys_of_his_own(stage: Stage) -> None:
    claims = {"jti": revoked_id("blocked")}

    assert stage.revocations["blocked"].revokes(claims, None, stage.at, 0)
    assert not stage.revocations["blocked"].revokes({"jti": "other"}, None, stage.at, 0)
    assert stage.stranger("EdDSA") is stage.stranger("EdDSA")
    assert stage.stranger("EdDSA").kid not in {
        key.kid for keys in stage.keys.sets.values() for key in keys.keys
    }


def test_other_tokens_can_be_revoked_as_well(tmp_path: Path) -> None:
    settings = make_stage(tmp_path)[0].settings

    listed = Stage(settings, 0.0, {"blocked": ["lost"], "unknown": ["x"]}).revocations["blocked"]

    assert listed.revokes({"jti": "lost"}, None, 0.0, 0)
    assert not listed.revokes({"jti": "x"}, None, 0.0, 0)
