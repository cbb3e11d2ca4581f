"""Which fields a route may set and remove."""

from pathlib import Path

import pytest

from tests.settings.configs import assert_found, config, load

ROUTE = (
    "routes:\n  - {{name: a, match: {{path: /a}}, upstream: orders, require: {{}}, rewrite: {}}}\n"
)
OWN = [
    *("Host", "Authorization", "Connection", "Keep-Alive", "TE", "Trailer", "Upgrade", "Expect"),
    *("Transfer-Encoding", "Content-Length", "Content-Type", "Content-Encoding", "Via"),
    *("Forwarded", "X-Forwarded-For", "X-Forwarded-Prefix", "X-Real-IP", "X-Request-Id"),
    *("traceparent", "tracestate", "Max-Forwards", "Proxy-Authorization", "Sec-WebSocket-Key"),
    *("X-Original-URL", "X-Rewrite-URL", "X-HTTP-Method-Override", "X-Method-Override"),
    *("X-Gateway-Subject", "x_gateway_subject", "x.gateway.SCOPES", "transfer_encoding"),
    *("HTTP_X_GATEWAY_SUBJECT", "Http-Host", "http_content.length", "HTTP2-Settings"),
    *("a b", "a:b", "é", "a\\r\\nb"),
]
OF_ANSWERS = [
    *("Connection", "Keep-Alive", "Transfer-Encoding", "Content-Length", "Content-Type", "Date"),
    *("Trailer", "Upgrade", "Via", "Vary", "WWW-Authenticate", "X-Request-Id", "RateLimit"),
    *("Access-Control-Allow-Origin", "Proxy-Authenticate", "Sec-WebSocket-Accept"),
]
ONLY_REMOVED = ["Cookie", "Range", "If-None-Match", "Sec-Fetch-Site"]
ONLY_REMOVED_OF_ANSWERS = ["Set-Cookie", "Location", "ETag", "Retry-After"]
VALUES = ["a\\r\\nb", "a\\nb", "a\\0b", "a\\x7fb", "é", "", " a", "a ", "\\t"]


def rewriting(key: str, text: str) -> str:
    return config(routes=ROUTE.format(f"{{{key}: {text}}}"))


@pytest.mark.parametrize("name", OWN)
def test_what_is_the_gateways_own_is_neither_set_nor_removed(name: str, tmp_path: Path) -> None:
    """Nothing of it can be taken out by a configuration either."""
    assert_found(tmp_path, "bad_value", rewriting("request_headers", f'{{set: {{¦"{name}": b}}}}'))
    assert_found(tmp_path, "bad_value", rewriting("request_headers", f'{{remove: [¦"{name}"]}}'))


@pytest.mark.parametrize("name", OF_ANSWERS)
def test_what_frames_an_answer_is_neither_set_nor_removed(name: str, tmp_path: Path) -> None:
    assert_found(tmp_path, "bad_value", rewriting("answer_headers", f"{{set: {{¦{name}: b}}}}"))
    assert_found(tmp_path, "bad_value", rewriting("answer_headers", f"{{remove: [¦{name}]}}"))


@pytest.mark.parametrize(
    ("key", "name"),
    [("request_headers", name) for name in ONLY_REMOVED]
    + [("answer_headers", name) for name in ONLY_REMOVED_OF_ANSWERS],
)
def test_what_is_another_one_each_time_is_only_removed(key: str, name: str, tmp_path: Path) -> None:
    assert_found(tmp_path, "bad_value", rewriting(key, f"{{set: {{¦{name}: b}}}}"))
    assert load(tmp_path, rewriting(key, f"{{remove: [{name}]}}"))


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("key", ["request_headers", "answer_headers"])
def test_a_value_can_end_no_line(key: str, value: str, tmp_path: Path) -> None:
    assert_found(tmp_path, "bad_value", rewriting(key, f'{{set: {{X-A: ¦"{value}"}}}}'))


def test_the_assertion_is_the_gateways_own_too(tmp_path: Path) -> None:
    """Whether it is configured soundly or not."""
    assertion = "{header: X-Proof, issuer: 'https://a/', keys: [¦no.pem]}"
    identity = f"identity: {{headers: {{X-Who: sub}}, assertion: {assertion}}}\n"
    text = rewriting("request_headers", "{set: {¦X-Proof: b, ¦x-who: b}}")

    assert_found(tmp_path, "bad_value bad_value missing_file", text + identity)


def test_a_default_name_stays_the_gateways_own_where_identity_has_other_names(
    tmp_path: Path,
) -> None:
    """Services that still read it would take what is set for a verified claim."""
    text = "{set: {¦X-Gateway-Subject: b, ¦x.gateway_assertion: b, X-Gateway-Region: eu}}"
    identity = "identity: {headers: {X-Who: sub}}\n"

    assert_found(tmp_path, "bad_value bad_value", rewriting("request_headers", text) + identity)


def test_the_field_that_fills_a_cgi_variable_of_identity_is_the_gateways_own(
    tmp_path: Path,
) -> None:
    """RFC 3875 §4.1.18: services read HTTP_X_USER of both."""
    text = rewriting("request_headers", "{set: {¦x_user: b, X-Users: d}}")
    identity = "identity: {headers: {HTTP_X_USER: sub}}\n"

    assert_found(tmp_path, "bad_value", text + identity)


def test_an_identity_name_can_be_removed_from_an_answer_but_not_set_there(tmp_path: Path) -> None:
    assert load(tmp_path, rewriting("answer_headers", "{remove: [X-Gateway-Subject, x_gateway_a]}"))
    assert_found(
        tmp_path, "bad_value", rewriting("answer_headers", "{set: {¦X-Gateway-Subject: bob}}")
    )


def test_one_name_is_said_once(tmp_path: Path) -> None:
    twice = "{set: {X-A: b, ¦x_a: c}, remove: [X-B, ¦X-a, ¦x.b, ¦HTTP_X_B]}"

    assert_found(tmp_path, "bad_value", rewriting("request_headers", twice))
    # Answers are read by no CGI.
    assert load(tmp_path, rewriting("answer_headers", "{set: {X-A: b}, remove: [HTTP-X-A]}"))
    assert_found(tmp_path, "missing_key", rewriting("answer_headers", "¦{}"))
