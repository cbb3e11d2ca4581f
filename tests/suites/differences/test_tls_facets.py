"""What TLS lets in and trusts is told, and a renewed certificate is not."""

from pathlib import Path

import pytest

from gateway.settings.load import Loaded
from gateway.suites.differences.compare_general import compare_access, compare_limits
from tests.certificates import AUTHORITY, write_pair
from tests.settings.configs import config, outcome_of
from tests.settings.tls_files import BELOW, write_tls_files

PAIR = "certificate: server.pem, key: server.key"
SERVERS = "servers: ['https://a']"


@pytest.fixture(autouse=True)
def files(tmp_path: Path) -> None:
    write_tls_files(tmp_path)
    BELOW.cert_pem.write_to_path(tmp_path / "below_ca.pem")


def loaded(directory: Path, listen: str, upstream: str = "") -> Loaded:
    upstreams = f"upstreams:\n  orders: {{{SERVERS}{upstream}}}\n"
    text = config(f"listen: {{address: 'a:1', {listen}}}\n", upstreams=upstreams)
    outcome = outcome_of(directory, text)
    assert isinstance(outcome, Loaded), outcome
    return outcome


def told(old: Loaded, new: Loaded) -> list[tuple[str, str, str, str]]:
    """Return subject, facet and both texts of each change, without directories."""
    return [
        (
            one.subject,
            one.facet,
            one.old.text.rpartition("/")[2] if one.old else "",
            one.new.text.rpartition("/")[2] if one.new else "",
        )
        for one in compare_access(old, new)
    ]


def tls(more: str = "") -> str:
    return f"tls: {{{PAIR}{more}}}"


API = ", certificates: [{certificate: api.pem, key: api.key}]"
NAMES = "gateway.example, www.gateway.example"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("", API, [("certificates for", NAMES, f"api.example, {NAMES}")]),
        (
            "",
            ", client_ca: ca.pem",
            [
                ("certificates of clients", "not requested", "required"),
                ("client_ca", "none", "ca.pem"),
            ],
        ),
        (
            ", client_ca: ca.pem",
            ", client_ca: ca.pem, client_certificates: optional",
            [("certificates of clients", "required", "optional")],
        ),
        (
            ", client_ca: ca.pem",
            ", client_ca: below_ca.pem",
            [("client_ca", "ca.pem", "below_ca.pem")],
        ),
    ],
)
def test_whom_the_data_port_lets_in_is_told(
    old: str, new: str, expected: list[tuple[str, str, str]], tmp_path: Path
) -> None:
    changes = told(loaded(tmp_path, tls(old)), loaded(tmp_path, tls(new)))

    assert changes == [("TLS", *change) for change in expected]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("", ", tls: {ca: ca.pem}", ("ca", "the system's", "ca.pem")),
        ("", ", tls: {server_name: b}", ("server_name", "the host", "b")),
        (
            "",
            ", tls: {certificate: api.pem, key: api.key}",
            ("certificate", "none", "api.example"),
        ),
        (
            ", tls: {certificate: self.pem, key: self.key}",
            ", tls: {certificate: api.pem, key: api.key}",
            ("certificate", "self.pem", "api.example"),
        ),
    ],
)
def test_who_a_service_must_prove_to_be_is_told_where_it_stands(
    old: str, new: str, expected: tuple[str, str, str], tmp_path: Path
) -> None:
    before, after = loaded(tmp_path, tls(), old), loaded(tmp_path, tls(), new)

    assert told(before, after) == [("TLS to the upstream", *expected)]
    [change] = compare_access(before, after)
    assert change.new is not None
    assert change.new.place.column > len("  orders: {servers: ['https://a'], ")


def test_a_renewed_certificate_and_another_file_of_the_same_authorities_make_no_difference(
    tmp_path: Path,
) -> None:
    more = ", tls: {ca: ca.pem, certificate: api.pem, key: api.key}"
    before = loaded(tmp_path, tls(", client_ca: ca.pem"), more)
    for names, file in (
        (("gateway.example", "www.gateway.example"), "server"),
        (("api.example",), "api"),
    ):
        write_pair(tmp_path, AUTHORITY.issue_cert(*names), file)
    (tmp_path / "ca.pem").rename(tmp_path / "same.pem")
    after = loaded(tmp_path, tls(", client_ca: same.pem"), more.replace("ca.pem", "same.pem"))

    assert told(before, after) == []


def test_an_address_that_speaks_no_tls_any_more_and_one_that_is_new_are_told(
    tmp_path: Path,
) -> None:
    def listening(*addresses: str) -> Loaded:
        outcome = outcome_of(tmp_path, config(f"listen: [{', '.join(addresses)}]\n"))
        assert isinstance(outcome, Loaded), outcome
        return outcome

    secure = f"{{address: 'a:1', {tls()}}}"

    def limits(new: Loaded) -> list[tuple[str, str]]:
        return [
            (one.old.text, one.new.text)
            for one in compare_limits(before, new)
            if one.old is not None and one.new is not None
        ]

    before = listening(secure, "'b:1'")

    assert limits(listening("'b:1'", secure)) == []
    assert told(before, listening("'b:1'", secure)) == []
    assert limits(listening("'a:1'", "'b:1'")) == [("a:1 with TLS, b:1", "a:1, b:1")]
    assert told(before, listening("'a:1'", "'b:1'")) == [
        ("TLS", "certificates for at a port 1", NAMES, "none")
    ]
    assert limits(listening(secure, "'b:1'", "'[::1]:2'")) == [
        ("a:1 with TLS, b:1", "[::1]:2, a:1 with TLS, b:1")
    ]


def test_tls_that_is_turned_off_asks_nobody(tmp_path: Path) -> None:
    before = loaded(tmp_path, tls(", client_ca: ca.pem"))
    after = loaded_plain(tmp_path)

    assert told(before, after) == [
        ("TLS", "certificates for", NAMES, "none"),
        ("TLS", "certificates of clients", "required", "not requested"),
        ("TLS", "client_ca", "ca.pem", "none"),
    ]


def loaded_plain(directory: Path) -> Loaded:
    upstreams = f"upstreams:\n  orders: {{{SERVERS}}}\n"
    outcome = outcome_of(directory, config("listen: 'a:1'\n", upstreams=upstreams))
    assert isinstance(outcome, Loaded), outcome
    return outcome


def test_whom_documents_are_fetched_from_is_told(tmp_path: Path) -> None:
    def fetching(tls: str) -> Loaded:
        issuers = (
            "issuers:\n  main: {issuer: 'https://login.example.com/', discovery: true,"
            f" audiences: [orders]{tls}}}\n"
        )
        lists = f"revocations: {{blocked: {{url: 'https://b/list'{tls}}}}}\n"
        outcome = outcome_of(tmp_path, config(lists, issuers=issuers))
        assert isinstance(outcome, Loaded), outcome
        return outcome

    assert told(fetching(""), fetching(", tls: {ca: ca.pem}")) == [
        ("issuer", "ca", "any", "ca.pem"),
        ("revocation list", "ca", "any", "ca.pem"),
    ]
