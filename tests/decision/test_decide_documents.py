"""What is published is found in front of the routes, by host and path, and read only."""

import pytest

from gateway.decision.decide import decide
from gateway.decision.policy import ANY_HOST
from gateway.decision.reason import Reason
from gateway.decision.verdict import Allow, Deny, Publish, Verdict
from tests.decision.policies import NOW, head, policy, route

PATH = b"/.well-known/oauth-protected-resource"
RULES = policy(
    route("/*", public=True),
    route("/orders"),
    documents={("api.example.com", PATH): b"{}", ("api.example.com", PATH + b"/mcp"): b"[]"},
)


def ask(target: bytes, host: str = "api.example.com", method: str = "GET") -> Verdict:
    return decide(head(target, b"Bearer x", host=host, method=method), RULES, {}, NOW)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("target", "document"), [(PATH, b"{}"), (PATH + b"/mcp", b"[]"), (PATH + b"?x=/orders", b"{}")]
)
def test_a_document_is_for_everybody_whatever_token_is_sent(
    target: bytes, document: bytes, method: str
) -> None:
    """9728.1: also in front of a route that would take the path."""
    assert ask(target, method=method) == Publish(document)


def test_other_methods_are_told_so() -> None:
    verdict = ask(PATH, method="POST")

    assert isinstance(verdict, Deny)
    assert verdict.reason is Reason.METHOD_NOT_ALLOWED
    assert verdict.methods == ("GET", "HEAD")


@pytest.mark.parametrize(
    ("target", "host"),
    [
        (PATH, "other.example.com"),
        (PATH + b"/", "api.example.com"),
        (b"/.well-known/oauth%2Dprotected-resource", "api.example.com"),
    ],
)
def test_another_host_or_spelling_is_a_request_like_any_other(target: bytes, host: str) -> None:
    verdict = ask(target, host)

    assert isinstance(verdict, Allow)
    assert verdict.route.name == "/*"


@pytest.mark.parametrize("host", ["api.example.com", "other.example.com", "h"])
def test_what_is_published_on_every_host_is_found_on_each(host: str) -> None:
    rules = policy(route("/*", public=True), documents={(ANY_HOST, PATH): b"{}"})

    assert decide(head(PATH, host=host), rules, {}, NOW) == Publish(b"{}")


def test_it_is_published_as_often_as_it_is_asked_for() -> None:
    assert [ask(PATH) for _ in range(3)] == [Publish(b"{}")] * 3
