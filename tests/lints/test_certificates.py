"""Certificates whose time is over, or nearly so, are doubtful where they are named."""

import time
from pathlib import Path

import pytest
from cryptography import x509

from gateway.lints.certificates import find_ending_certificates, warnings_at
from gateway.settings.load import Loaded
from gateway.settings.text.fault import Fault
from tests.certificates import AUTHORITY, DAY, NOW, write_pair
from tests.lints.warned import assert_warned, loaded, warnings
from tests.settings.configs import config, one_issuer, one_upstream
from tests.settings.tls_files import write_tls_files


@pytest.fixture(autouse=True)
def files(tmp_path: Path) -> None:
    write_tls_files(tmp_path)


def listen(name: str, more: str = "") -> str:
    tls = f"{{certificate: {name}.pem, key: {name.removeprefix('¦')}.key{more}}}"
    return config(f"listen: {{address: 127.0.0.1:0, tls: {tls}}}\n")


UPSTREAM = "{servers: ['https://a'], tls: {certificate: ¦expired.pem, key: expired.key}}"


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("certificate_not_current", listen("¦expired")),
        ("certificate_not_current", listen("¦early")),
        ("certificate_expires_soon", listen("¦ending")),
        (
            "certificate_not_current",
            listen("api", ", certificates: [{certificate: ¦expired.pem, key: expired.key}]"),
        ),
        ("certificate_not_current", one_upstream(UPSTREAM)),
    ],
)
def test_one_that_is_of_no_use_now_or_soon_is_found(code: str, text: str, tmp_path: Path) -> None:
    assert_warned(tmp_path, code, text)


def test_one_that_is_good_for_long_is_not(tmp_path: Path) -> None:
    assert warnings(tmp_path, listen("server")) == ()


def found_after(directory: Path, name: str, days: float) -> list[Fault]:
    """Return what is said so many days behind the beginning of the certificate."""
    one = loaded(directory, listen(name))
    tls = one.settings.listen[0].tls
    assert tls is not None
    now = tls.certificates[0].not_before + days * DAY.total_seconds()
    return list(find_ending_certificates(one.settings, one.places, now))


@pytest.mark.parametrize(
    ("life", "days", "is_found"),
    [(90, 75.9, False), (90, 76.1, True), (6, 3.9, False), (6, 4.1, True), (90, 91, True)],
)
def test_soon_is_two_weeks_or_a_third_of_a_short_life(
    life: int, days: float, is_found: bool, tmp_path: Path
) -> None:
    leaf = AUTHORITY.issue_cert("a.example", not_before=NOW, not_after=NOW + life * DAY)
    write_pair(tmp_path, leaf, "life")

    assert bool(found_after(tmp_path, "life", days)) is is_found


# Whom clients, a service, the keys of an issuer and a list are believed by.
WITH_AUTHORITIES = {
    "of clients": listen("server", ", client_ca: ca.pem"),
    "of a service": one_upstream("{servers: ['https://a'], tls: {ca: ca.pem}}"),
    "of keys": one_issuer(
        "{issuer: https://a, discovery: true, audiences: [a], tls: {ca: ca.pem}}"
    ),
    "of a list": config("revocations: {gone: {url: 'https://b', tls: {ca: ca.pem}}}\n"),
}


@pytest.mark.parametrize("name", WITH_AUTHORITIES)
def test_authorities_are_doubtful_once_the_last_of_them_has_expired(
    name: str, tmp_path: Path
) -> None:
    text = WITH_AUTHORITIES[name]
    one = loaded(tmp_path, text)
    [authority] = x509.load_pem_x509_certificates((tmp_path / "ca.pem").read_bytes())
    not_after = authority.not_valid_after_utc.timestamp()

    def found(now: float) -> list[Fault]:
        lint = find_ending_certificates(one.settings, one.places, now)
        return [fault for fault in lint if "authorities" in fault.message]

    assert found(not_after - 1) == []
    [fault] = found(not_after + 1)
    assert "expired on" in fault.message
    line = text.splitlines()[fault.place.line - 1]
    assert line[fault.place.column - 1 :].startswith("ca.pem")


def test_whoever_is_about_to_serve_is_told_with_the_other_warnings_unless_it_is_silenced(
    tmp_path: Path,
) -> None:
    proxies = "trusted_proxies: [0.0.0.0/0]\n"
    told = loaded(tmp_path, listen("expired") + proxies)
    quiet = "  # gateway: allow certificate_not_current because it is replaced tonight\n"
    silenced = loaded(tmp_path, listen("expired").rstrip() + quiet + proxies)

    def codes(one: Loaded) -> list[str]:
        return [fault.code.value for fault in warnings_at(one, time.time())]

    assert codes(told) == ["certificate_not_current", "trusts_everyone"]
    assert codes(silenced) == ["trusts_everyone"]
