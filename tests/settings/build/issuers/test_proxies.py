"""The proxy of fetches: where it is, what goes past it, and that its password is in no message."""

from ipaddress import ip_network
from pathlib import Path

import pytest

from gateway.settings.load import Rejected
from gateway.settings.values.configuration import Proxy
from tests.settings.configs import ENVIRON, assert_found, config, load, one_issuer, outcome_of

MAIN = '{issuer: "https://a", discovery: true, audiences: [a]'
SECRETS = {
    **ENVIRON,
    "PROXY_USER": "gateway",
    "PROXY_PASSWORD": "p%40ss:w0rd",
    "PROXY": "http://u:pw@p:1",
}

MISTAKES = [
    ("bad_value", config('fetching: {proxy: ¦"https://proxy:3128"}\n')),
    ("bad_value", config('fetching: {proxy: ¦"socks5://proxy:1080"}\n')),
    ("bad_value", config('fetching: {proxy: ¦"http://proxy"}\n')),
    ("bad_value", config('fetching: {proxy: ¦"http://proxy:99999"}\n')),
    ("bad_value", config('fetching: {proxy: ¦"http://proxy:3128/path"}\n')),
    ("bad_value", config("fetching: {proxy: ¦proxy}\n")),
    ("bad_value", config('fetching: {proxy: ¦"http://gateway:s3cret@proxy:3128"}\n')),
    ("bad_value", config('fetching: {proxy: ¦"http://gateway@proxy:3128"}\n')),
    ("bad_value", config("fetching: {¦except: [a.example]}\n")),
    ("bad_value", config('fetching: {proxy: "http://p:1", except: [¦"10.0.0.1/8"]}\n')),
    ("bad_value", config('fetching: {proxy: "http://p:1", except: [¦"a b"]}\n')),
    ("bad_value", config('fetching: {proxy: "http://p:1", except: [¦"https://a"]}\n')),
    ("bad_value", one_issuer(MAIN + ', proxy: ¦"ftp://proxy:3128"}')),
    (
        "conflicting_keys",
        one_issuer('{issuer: a, secret_env: SECRET, audiences: [a], ¦proxy: "http://p:1"}'),
    ),
]


@pytest.mark.parametrize(("codes", "text"), MISTAKES)
def test_each_mistake_about_a_proxy_is_found_at_its_place(
    codes: str, text: str, tmp_path: Path
) -> None:
    assert_found(tmp_path, codes, text)


def test_an_issuer_without_a_proxy_of_its_own_has_that_of_all(tmp_path: Path) -> None:
    text = (
        'fetching: {proxy: "http://Proxy:3128", except: [a.example, "*.B.example", 10.0.0.0/8,'
        ' "::1"]}\nrevocations: {out: {url: "https://a/list"}}\n'
    )

    settings = load(tmp_path, config(text))

    proxy = Proxy(
        "http://proxy:3128",
        names=frozenset({"a.example", ".b.example"}),
        networks=(ip_network("10.0.0.0/8"), ip_network("::1")),
    )
    assert settings.issuers["main"].source.proxy == proxy
    assert settings.revocations["out"].proxy == proxy


def test_one_of_its_own_counts_instead_for_this_machine_too(tmp_path: Path) -> None:
    general = 'fetching: {proxy: "http://general:3128"}\n'
    text = one_issuer(MAIN + ', proxy: "http://[fd00::1]:8080"}') + general

    found = load(tmp_path, text).issuers["main"].source.proxy

    assert found == Proxy("http://[fd00::1]:8080", covers_loopback=True)


@pytest.mark.parametrize(
    ("written", "user", "password"),
    [
        ("http://${PROXY_USER}:${PROXY_PASSWORD}@p:1", "gateway", "p@ss:w0rd"),
        ("http://${PROXY_USER}@p:1", "gateway", None),
        ("${PROXY}", "u", "pw"),
        ("http://p:1", None, None),
    ],
)
def test_user_and_password_come_from_the_environment_as_a_url_has_them(
    written: str, user: str | None, password: str | None, tmp_path: Path
) -> None:
    loaded = load(tmp_path, config(f'fetching: {{proxy: "{written}"}}\n'), SECRETS)

    proxy = loaded.issuers["main"].source.proxy

    assert proxy is not None
    assert (proxy.url, proxy.user, proxy.password) == ("http://p:1", user, password)
    assert "ss:w0rd" not in repr(loaded.issuers)


@pytest.mark.parametrize(
    "written",
    [
        "https://${PROXY_USER}:${PROXY_PASSWORD}@p:1",
        "http://${PROXY_USER}:${PROXY_PASSWORD}@p",
        "http://s3cret:${PROXY_PASSWORD}@p:1",
    ],
)
def test_no_message_has_a_password(written: str, tmp_path: Path) -> None:
    outcome = outcome_of(tmp_path, config(f'fetching: {{proxy: "{written}"}}\n'), SECRETS)

    assert isinstance(outcome, Rejected)
    shown = "".join(map(str, outcome.faults))
    assert not any(part in shown for part in ("p%40ss", "p@ss", "w0rd", "s3cret"))


@pytest.mark.parametrize("own", [False, True])
def test_the_address_with_its_password_may_be_in_a_file(own: bool, tmp_path: Path) -> None:
    (tmp_path / "held").write_text("http://gateway:hunter2@proxy.internal:3128\n")
    issuer = '{issuer: "https://a.example", discovery: true, audiences: [a], proxy_file: held}'
    text = one_issuer(issuer) if own else config("fetching: {proxy_file: held}\n")

    proxy = load(tmp_path, text).issuers["main"].source.proxy

    assert proxy is not None
    assert (proxy.url, proxy.user) == ("http://proxy.internal:3128", "gateway")
    assert proxy.password == "hunter2"


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("conflicting_keys", "fetching: {proxy: 'http://h:1', ¦proxy_file: held}\n"),
        ("bad_value", "fetching: {proxy_file: ¦held}\n"),
        ("missing_file", "fetching: {proxy_file: ¦nowhere}\n"),
    ],
)
def test_each_mistake_about_the_file_is_found(code: str, text: str, tmp_path: Path) -> None:
    (tmp_path / "held").write_text("ftp://gateway:hunter2@proxy.internal")

    assert_found(tmp_path, code, config(text))
