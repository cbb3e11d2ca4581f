"""Which token a service receives, in words, and which changes of that are told."""

from pathlib import Path

import pytest

from gateway.settings.load import Loaded
from gateway.suites.differences.compare_general import compare_access
from gateway.suites.differences.general_facets import credential_facets
from tests.settings.build.clients.upstream_credentials import with_credentials
from tests.settings.configs import ENVIRON, config, load, outcome_of

OWN = {
    "credentials": "a token of the gateway's own",
    "issuer": "main (https://login.example.com/)",
    "scopes": "the default",
    "audience": "none",
    "resource": "none",
    "token type": "any",
    "ca": "any",
    "proxy": "none",
    "timeout": "5 s",
    "client_id": "gateway",
    "client_auth": "basic",
    "credential": "a secret",
}


def facets(directory: Path, text: str) -> dict[str, str]:
    settings = load(directory, text)
    found = credential_facets(settings.upstreams["orders"].credentials, settings)
    return {name: facet.text for name, facet in found.items()}


def test_everything_that_is_asked_for_is_told(tmp_path: Path) -> None:
    more = {"scopes": "[a, b]", "audience": "orders", "resource": "'https://orders.test/'"}

    assert facets(tmp_path, config()) == {"credentials": "none"}
    assert facets(tmp_path, with_credentials("own")) == OWN
    assert facets(tmp_path, with_credentials("exchange", **more)) == {
        **OWN,
        "credentials": "the caller's token, exchanged",
        "scopes": "a, b",
        "audience": "orders",
        "resource": "https://orders.test/",
        "token type": "urn:ietf:params:oauth:token-type:access_token",
    }


CHANGES = [
    ("credentials", with_credentials("own"), config()),
    ("credentials", config(), with_credentials("own")),
    ("credentials", with_credentials("own"), with_credentials("exchange")),
    ("scopes", with_credentials("own", scopes="[a]"), with_credentials("own", scopes="[a, b]")),
    (
        "issuer",
        with_credentials("own"),
        with_credentials("own", issuer="", token_url="'https://other.test/token'"),
    ),
    ("audience", with_credentials("own"), with_credentials("own", audience="orders")),
    ("client_id", with_credentials("own"), with_credentials("own", client_id="other")),
]


@pytest.mark.parametrize(("facet", "old", "new"), CHANGES)
def test_a_changed_credential_is_reported(facet: str, old: str, new: str, tmp_path: Path) -> None:
    sides = [outcome_of(tmp_path, text) for text in (old, new)]
    assert all(isinstance(one, Loaded) for one in sides), sides

    found = list(compare_access(*sides))  # type: ignore[arg-type]

    assert {one.subject for one in found} == {"credentials of the upstream"}
    assert {one.name for one in found} == {"orders"}
    assert facet in {one.facet for one in found}


def test_another_secret_is_a_change_and_is_not_shown(tmp_path: Path) -> None:
    text = with_credentials("own")
    old = outcome_of(tmp_path, text)
    new = outcome_of(tmp_path, text, {**ENVIRON, "CLIENT_SECRET": "another secret"})
    assert isinstance(old, Loaded)
    assert isinstance(new, Loaded)

    (change,) = compare_access(old, new)

    assert change.facet == "credential"
    assert "another secret" not in str(change)
    assert ENVIRON["CLIENT_SECRET"] not in str(change)
