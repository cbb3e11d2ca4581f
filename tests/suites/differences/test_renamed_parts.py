"""Whatever only has another name is the same, and what was also changed is compared."""

from pathlib import Path

import pytest

from gateway.suites.differences.compare import Difference, Question, compare
from gateway.suites.differences.facet import Kind
from gateway.suites.differences.renamed_parts import find_renamed, with_old_names
from gateway.suites.simulation.persona import Persona
from tests.suites.differences.configs import both, difference, told
from tests.suites.worlds import AT, get

TEXT = """\
version: 1
issuers:
  main: {issuer: "https://login.example/", discovery: true, audiences: [orders]}
  other: {issuer: "https://other.example/", discovery: true, audiences: [orders]}
login:
  web: {issuer: main, origins: ["https://app.example"], client_id: a, client_secret: "${CI_SECRET}"}
revocations: {lost: {url: "https://lists.example/lost", issuers: [main]}}
rate_limits: {each: {rate: 10/1m, key: subject}}
upstreams: {shop: {servers: ["http://10.0.0.2:80"]}}
routes:
  - name: a
    match: {path: /a}
    upstream: shop
    login: web
    rate_limits: [each]
    require: {issuers: [main]}
  - {name: b, match: {path: /b}, upstream: shop, rate_limits: [each], require: {}}
"""


def renamed(old: str, new: str, text: str = TEXT) -> str:
    """Return TEXT with another name for a part, wherever it is named."""
    for before, after in ((f"{old}: {{", f"{new}: {{"), (f": [{old}]", f": [{new}]")):
        text = text.replace(before, after)
    return text.replace(f"login: {old}\n", f"login: {new}\n")


@pytest.mark.parametrize(
    ("old", "new", "subject"),
    [
        ("each", "every", "rate limit"),
        ("lost", "stolen", "revocation list"),
        ("web", "browser", "login"),
    ],
)
def test_a_part_by_another_name_is_the_same(
    old: str, new: str, subject: str, tmp_path: Path
) -> None:
    found = difference(tmp_path, renamed(old, new), TEXT)

    assert told([*found.changed, *found.limits]) == [(subject, new, "name", old, new)]
    [change] = [*found.changed, *found.limits]
    assert change.old is not None
    assert change.new is not None
    assert change.old.place.line == change.new.place.line > 1
    assert (found.cells, found.gaps, found.kinds) == ((), (), frozenset())


@pytest.mark.parametrize(
    ("new", "kinds"),
    [
        (renamed("each", "every").replace("10/1m", "11/1m"), {Kind.LOOSENED, Kind.CLOSED}),
        (renamed("lost", "stolen").replace("/lost", "/stolen"), {Kind.OPENED, Kind.CLOSED}),
        (renamed("lost", "stolen").replace("issuers: [main]}}\n", "issuers: [other]}}\n", 1),
         {Kind.OPENED, Kind.CLOSED}),
        (renamed("web", "browser").replace("app.example", "pages.example"), {Kind.OPENED}),
    ],
    ids=["a limit", "a list", "the issuers of a list", "a login"],
)  # fmt: skip
def test_what_is_changed_as_well_is_told(new: str, kinds: set[Kind], tmp_path: Path) -> None:
    assert kinds <= difference(tmp_path, new, TEXT).kinds


def test_a_name_that_two_parts_could_have_had_is_another_part(tmp_path: Path) -> None:
    limits = "{each: {rate: 10/1m, key: subject}, also: {rate: 10/1m, key: subject}}"
    old = TEXT.replace("{each: {rate: 10/1m, key: subject}}", limits)
    new = renamed("each", "every", old).replace("also: {", "too: {")

    assert not find_renamed(*both(tmp_path, new, old))
    assert Kind.LOOSENED in difference(tmp_path, new, old).kinds


def test_names_that_are_the_same_leave_everything_as_it_is(tmp_path: Path) -> None:
    before, after = both(tmp_path, TEXT.replace("10/1m", "9/1m"), TEXT)

    assert with_old_names(after, find_renamed(before, after)) is after


def test_personas_may_name_parts_by_their_new_names(tmp_path: Path) -> None:
    def compared(list_name: str, login: str) -> Difference:
        personas = [
            Persona("listed", "main", revoked=(list_name,)),
            Persona("browsing", "main", session=login),
        ]
        new = renamed("web", "browser", renamed("lost", "stolen"))
        question = Question(AT, personas, [get("/a"), get("/b")])
        return compare(*both(tmp_path, new, TEXT), question)

    assert compared("lost", "web").cells == compared("stolen", "browser").cells == ()
