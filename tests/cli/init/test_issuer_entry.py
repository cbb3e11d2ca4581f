"""The entry of an issuer: sound for each vendor, and what is not known is said."""

from pathlib import Path

import pytest

from gateway.cli.init.config_text import Draft
from gateway.cli.init.drafted import find_warnings, load_draft
from gateway.cli.init.issuer_entry import Wishes, choose_algorithms, make_issuer_entry
from gateway.cli.init.planned_routes import plan_everything
from gateway.cli.init.suite_text import format_suite
from gateway.cli.init.token_facts import TokenFacts
from gateway.settings.load import Loaded
from tests.cli.config_files import run
from tests.settings.presets.test_recognize import GUID

URLS = [
    "https://login.example.com/realms/shop",
    "https://shop.eu.auth0.com/",
    f"https://login.microsoftonline.com/{GUID}/v2.0",
    "https://shop.okta.com/oauth2/default",
    "https://shop.okta.com/oauth2/aus4k2l9x1Yz8Q7W5d7",
    "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_a1B2c3D4e",
    "https://shop-a1b2c3.zitadel.cloud",
    "https://securetoken.google.com/shop-4f2a1",
    "https://abcdefghijklmnopqrst.supabase.co/auth/v1",
    "https://token.actions.githubusercontent.com",
    "https://cloud.google.com/iap",
    "https://accounts.google.com",
    "https://auth.example.com/application/o/shop/",
    "https://login.example.com",
]


def facts(**claims: object) -> TokenFacts:
    return TokenFacts("RS256", "jwt", claims)


def entry(
    url: str, token: TokenFacts | None = None, audiences: tuple[str, ...] = ()
) -> tuple[str, tuple[str, ...]]:
    """Return the lines of the entry, and its notes."""
    made = make_issuer_entry(Wishes(url, token, audiences, "https://a.example"), {"RS256"})
    return "\n".join(made.lines), made.notes


@pytest.mark.parametrize("url", URLS)
def test_the_entry_of_each_vendor_is_sound(tmp_path: Path, url: str) -> None:
    wishes = Wishes(url, None, (), "https://a.example")
    plan = plan_everything(["read"])
    draft = Draft(url, make_issuer_entry(wishes, {"RS256"}), "http://127.0.0.1:1", plan)

    loaded = load_draft(draft.format())

    assert isinstance(loaded, Loaded), loaded.faults
    assert loaded.settings.issuers["main"].issuer.may_issue(url)
    warnings = [one.code.value for one in find_warnings(loaded, 0)]
    assert warnings == []
    (tmp_path / "gateway.yaml").write_text(draft.format())
    suite = tmp_path / "access.test.yaml"
    issuer = loaded.settings.issuers["main"].issuer
    suite.write_text(format_suite(plan, issuer, "a.example", "gateway.yaml"))
    done = run("test", suite)
    assert (done.exit_code, done.stderr) == (0, ""), done.stdout


@pytest.mark.parametrize(
    ("url", "token", "line"),
    [
        (URLS[2], facts(aud=f"api://{GUID}"), f'app: "{GUID}" #'),
        (URLS[2], facts(aud=GUID), f'app: "{GUID}" #'),
        (URLS[5], facts(client_id="4d5e6f"), 'clients: ["4d5e6f"] #'),
        (URLS[6], facts(aud=["294612345678901234"]), 'project: "294612345678901234" #'),
        (URLS[9], facts(repository_owner_id="42", aud="a"), 'owner_id: "42" #'),
        (URLS[11], facts(email="j@a.example", aud="a"), 'accounts: ["j@a.example"] #'),
        (URLS[0], facts(aud="orders"), "audiences: [orders] #"),
    ],
)
def test_a_token_has_what_the_url_has_not(url: str, token: TokenFacts, line: str) -> None:
    lines, notes = entry(url, token)

    assert line in lines
    assert notes == ()


@pytest.mark.parametrize("url", [URLS[2], URLS[5], URLS[6], URLS[9], URLS[11]])
def test_an_example_is_called_one(url: str) -> None:
    lines, notes = entry(url, facts(aud=7), ("orders",))

    assert "# AN EXAMPLE: write " in lines
    assert all("is an example: write the" in note for note in notes)
    assert len(notes) == 1


def test_a_guessed_audience_is_called_one() -> None:
    lines, notes = entry(URLS[0])

    assert "# A GUESS: write what tokens for this API have in `aud`." in lines
    assert 'audiences: ["https://a.example"]' in lines
    assert len(notes) == 1


def test_named_audiences_come_before_those_of_the_token() -> None:
    lines, _ = entry(URLS[-1], facts(aud="orders"), ("mine",))

    assert "audiences: [mine] #" in lines


RSA = frozenset({"RS256", "RS512", "PS256"})


@pytest.mark.parametrize(
    ("keys", "token", "chosen"),
    [
        ([RSA], None, {"RS256"}),
        ([RSA], facts(), {"RS256"}),
        ([RSA], TokenFacts("PS256", "", {}), {"PS256"}),
        ([RSA], TokenFacts("none", "", {}), {"RS256"}),
        ([RSA, frozenset({"ES384"})], None, {"RS256", "ES384"}),
        ([frozenset({"EdDSA", "Ed25519"})], None, {"EdDSA"}),
        ([frozenset({"PS512"})], None, {"PS512"}),
    ],
)
def test_the_algorithms_are_one_for_each_key(
    keys: list[frozenset[str]], token: TokenFacts | None, chosen: set[str]
) -> None:
    assert choose_algorithms(keys, token) == chosen
