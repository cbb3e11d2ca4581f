"""TLS to services: whom to trust, by what name, and what to show them."""

from pathlib import Path

import pytest

from gateway.settings.load import Loaded, load_settings
from gateway.tls.certificate import MACHINE_TRUST, ClientTls
from tests.settings.configs import assert_found, load, one_upstream
from tests.settings.tls_files import write_tls_files


@pytest.fixture(autouse=True)
def files(tmp_path: Path) -> None:
    write_tls_files(tmp_path)


def tls(text: str, server: str = "https://10.0.0.7:8443") -> str:
    return one_upstream(f"{{servers: ['{server}'], tls: {text}}}")


def tls_of(directory: Path, text: str, name: str = "orders") -> ClientTls:
    found = load(directory, text).upstreams[name].tls
    assert found is not None
    return found


def test_all_of_it_is_read_into_the_settings(tmp_path: Path) -> None:
    text = "{ca: ca.pem, server_name: Orders.Internal, certificate: api.pem, key: api.key}"

    found = tls_of(tmp_path, tls(text))

    assert found.ca is not None
    assert found.server_name == "orders.internal"
    assert found.certificate is not None
    assert found.certificate.chain == (tmp_path / "api.pem").read_bytes()


def test_without_it_the_machine_says_whom_to_trust(tmp_path: Path) -> None:
    text = one_upstream("{servers: ['https://a', 'http://b']}")

    assert tls_of(tmp_path, text) == MACHINE_TRUST


def test_an_upstream_without_https_has_none(tmp_path: Path) -> None:
    text = one_upstream("{servers: ['http://b']}")

    assert load(tmp_path, text).upstreams["orders"].tls is None


def test_files_lie_beside_the_file_that_names_them(tmp_path: Path) -> None:
    teams = tmp_path / "teams"
    teams.mkdir()
    (tmp_path / "ca.pem").rename(teams / "ca.pem")
    entry = "{files: teams/*.yaml, may: [upstreams]}"
    main = one_upstream("{servers: ['http://a']}") + f"include: [{entry}]\n"
    (tmp_path / "gateway.yaml").write_text(main)
    (teams / "a.yaml").write_text(
        "upstreams: {more: {servers: ['https://b'], tls: {ca: ca.pem}}}\n"
    )

    outcome = load_settings(tmp_path / "gateway.yaml", {})

    assert isinstance(outcome, Loaded), outcome
    found = outcome.settings.upstreams["more"].tls
    assert found is not None
    assert found.ca is not None
    assert found.ca.file == str(teams / "ca.pem")


# A fault code, and a configuration with a mark where the fault must point.
MISTAKES = [
    ("conflicting_keys", tls("{ca: ca.pem}", server="¦http://10.0.0.7").replace("'¦", "¦'")),
    ("missing_key", tls("{¦certificate: api.pem}")),
    ("missing_key", tls("{¦key: api.key}")),
    ("bad_certificate", tls("{certificate: ¦api.pem, key: server.key}")),
    ("certificate_misused", tls("{certificate: ¦only_server.pem, key: only_server.key}")),
    ("unknown_key", tls("{¦verify: false}")),
    *(
        ("bad_value", tls(f"{{server_name: ¦'{name}'}}"))
        for name in (
            "*.example.com",
            "https://a",
            "a:443",
            "a b",
            "a..b",
            "a.",
            ".a",
            "münchen.example",
            "x" * 64,
            "a." * 127 + "a",
        )
    ),
]


@pytest.mark.parametrize(("codes", "text"), MISTAKES)
def test_each_mistake_is_found_at_its_place_and_nothing_else_is(
    codes: str, text: str, tmp_path: Path
) -> None:
    assert_found(tmp_path, codes, text)


@pytest.mark.parametrize("name", ["orders", "orders.svc.cluster.local", "10.0.0.7", "fd00::7"])
def test_a_name_of_a_host_or_an_address_will_do(name: str, tmp_path: Path) -> None:
    assert tls_of(tmp_path, tls(f"{{server_name: '{name}'}}")).server_name == name
