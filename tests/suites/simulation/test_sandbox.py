"""The gateway under attack answers as the one that runs."""

from pathlib import Path

from gateway.decision.reason import Reason
from gateway.decision.verdict import Deny, Publish
from gateway.suites.hostile.control import Control
from gateway.suites.simulation.minting import bearer
from gateway.suites.simulation.request import parse_request
from gateway.suites.simulation.sandbox import Outcome, Sandbox, Sent, revoked_id
from gateway.suites.simulation.wire import authorization, write_head
from tests.suites.hostile.sandboxes import WORLD, make_sandbox


def ask(sandbox: Sandbox, head: bytes) -> Outcome | Reason:
    outcome = sandbox.decide(head)
    return outcome.reason if isinstance(outcome, Deny) else outcome


def test_what_is_let_through_is_what_the_service_gets(order: Control, sandbox: Sandbox) -> None:
    head = write_head(order.request, *authorization(bearer(order.draft.sign())))

    outcome = sandbox.decide(head)

    assert isinstance(outcome, Sent)
    assert outcome.head.startswith(b"GET /tenants/some-tenant/orders/some-id HTTP/1.1\r\n")
    assert b"\r\nX-Gateway-Subject: some-caller\r\n" in outcome.head
    assert b"Authorization" not in outcome.head


def test_what_cannot_be_read_is_refused_as_on_the_wire(sandbox: Sandbox) -> None:
    assert ask(sandbox, b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n") is Reason.REQUEST_MALFORMED
    assert ask(sandbox, b"GET /any#x HTTP/1.1\r\nHost: a\r\n\r\n") is Reason.PATH_REJECTED
    assert ask(sandbox, b"GET /any HTTP/1.1\r\nHost: a/b\r\n\r\n") is Reason.REQUEST_MALFORMED


def test_no_key_is_waited_for(sandbox: Sandbox, order: Control) -> None:
    token = sandbox.stranger("ES256").sign({**order.draft.header, "kid": "x"}, b'{"iss":"ci"}')
    known = order.draft.key.sign(
        {**order.draft.header, "kid": "x"}, b'{"iss":"https://login.example/"}'
    )

    assert ask(sandbox, write_head(order.request, *authorization(bearer(token)))) is (
        Reason.ALGORITHM_NOT_ALLOWED
    )
    assert ask(sandbox, write_head(order.request, *authorization(bearer(known)))) is (
        Reason.KEY_UNKNOWN
    )


def test_an_upgrade_that_a_route_does_not_allow_is_refused(sandbox: Sandbox) -> None:
    head = (
        b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )

    assert ask(sandbox, head) is Reason.NOT_SUPPORTED


def test_a_document_is_for_everybody(tmp_path: Path) -> None:
    sandbox, _ = make_sandbox(tmp_path, WORLD + "resources: {r: {resource: 'https://a.example'}}\n")
    request = parse_request("GET", "https://a.example/.well-known/oauth-protected-resource")

    assert isinstance(sandbox.decide(write_head(request)), Publish)


def test_each_list_has_one_token_and_an_attacker_has_keys_of_his_own(sandbox: Sandbox) -> None:
    claims = {"jti": revoked_id("blocked")}

    assert sandbox.revocations["blocked"].revokes(claims, None, sandbox.at, 0)
    assert not sandbox.revocations["blocked"].revokes({"jti": "other"}, None, sandbox.at, 0)
    assert sandbox.stranger("EdDSA") is sandbox.stranger("EdDSA")
    assert sandbox.stranger("EdDSA").kid not in {
        key.kid for keys in sandbox.keys.sets.values() for key in keys.keys
    }


def test_other_tokens_can_be_revoked_as_well(tmp_path: Path) -> None:
    settings = make_sandbox(tmp_path)[0].settings

    listed = Sandbox(settings, 0.0, {"blocked": ["lost"], "unknown": ["x"]}).revocations["blocked"]

    assert listed.revokes({"jti": "lost"}, None, 0.0, 0)
    assert not listed.revokes({"jti": "x"}, None, 0.0, 0)
