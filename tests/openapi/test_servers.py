"""Servers say under which hosts and paths the operations are."""

import pytest

from tests.openapi.apis import faults_of, read, with_paths


@pytest.mark.parametrize(
    ("servers", "hosts", "paths"),
    [
        ("[{url: /}]", (), ["/a"]),
        ("[{url: /v1/}]", (), ["/v1/a"]),
        ("[]", (), ["/a"]),
        ("[{url: 'https://API.example.com:8443/v1'}]", ("api.example.com",), ["/v1/a"]),
        (
            "[{url: 'https://a.example/v1'}, {url: 'https://b.example/v2'}]",
            ("a.example", "b.example"),
            ["/v1/a", "/v2/a"],
        ),
        (
            "[{url: 'https://{region}.example/{v}', variables: {region: {default: eu},"
            " v: {default: v3, enum: [v3, v4]}}}]",
            ("eu.example",),
            ["/v3/a"],
        ),
    ],
)
def test_hosts_and_base_paths(servers: str, hosts: tuple[str, ...], paths: list[str]) -> None:
    api = read(with_paths("/a: {get: {}}", rest=f"servers: {servers}\n"))

    assert api.hosts == hosts
    assert [one.path for one in api.operations] == paths


def test_servers_of_a_path_or_an_operation_replace_those_above() -> None:
    api = read(
        with_paths(
            "/a: {servers: [{url: /p}], get: {}, post: {servers: [{url: /o}]}}\n/b: {get: {}}",
            rest="servers: [{url: /top}]\n",
        )
    )

    assert [one.path for one in api.operations] == ["/p/a", "/o/a", "/top/b"]
    assert api.bases == ("/p", "/o", "/top")


@pytest.mark.parametrize(
    ("servers", "fault"),
    [
        ("{}", "wrong_type: expected a list of 1 to 50 servers"),
        ("[{}]", "missing_key: the key `url` is missing"),
        ("['/v1']", "wrong_type: expected a table: a server, e.g."),
        ("[{url: 'https://{host}/'}]", "bad_value: `https://{host}/` is not the URL of a server"),
        ("[{url: '/v1?a=b'}]", "is not the URL of a server"),
        ("[{url: '/../x'}]", "is not the URL of a server"),
        ("[{url: 'https://a b/'}]", "is not the URL of a server"),
        ("[{url: 'https://[::1/'}]", "is not the URL of a server"),
        (f"[{', '.join(['{url: /}'] * 51)}]", "expected a list of 1 to 50 servers"),
    ],
)
def test_a_server_that_cannot_be_read_is_a_fault(servers: str, fault: str) -> None:
    (only,) = faults_of(with_paths("/a: {get: {}}", rest=f"servers: {servers}\n"))

    assert fault in only
