"""What differs beside routes: issuers, identity, scopes, lists, resources, limits."""

from pathlib import Path

import pytest

from gateway.suites.differences.compare_general import compare_access
from gateway.suites.differences.facet import Kind
from tests.suites.differences.configs import BASE, changes, difference, edited, load, told
from tests.suites.worlds import ENVIRON

MAIN = "audiences: [orders], profile: rfc9068}"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (MAIN, MAIN.replace("orders", "unchecked").replace("[unchecked]", "unchecked"),
         ("audiences", "orders", "unchecked")),
        (MAIN, "audiences: [orders, x], profile: rfc9068}", ("audiences", "orders", "orders, x")),
        (MAIN, "audiences: [orders]}", ("profile", "rfc9068", "any")),
        (MAIN, "leeway: 5s, " + MAIN, ("leeway", "30 s", "5 s")),
        (MAIN, "mode: report, " + MAIN, ("mode", "enforce", "report")),
        (MAIN, "algorithms: [ES256, RS256], " + MAIN,
         ("algorithms", "ES256, EdDSA, RS256", "ES256, RS256")),
    ],
)  # fmt: skip
def test_each_setting_of_an_issuer_is_told(
    old: str, new: str, expected: tuple[str, ...], tmp_path: Path
) -> None:
    [change] = [one for one in changes(tmp_path, edited((old, new))) if one.subject == "issuer"]

    assert told([change]) == [("issuer", "main", *expected)]
    assert change.old is not None
    assert change.old.place.line == 3


def test_an_issuer_whose_name_another_one_takes_over_is_judged_by_other_keys(
    tmp_path: Path,
) -> None:
    name = "https://partner.example"
    gone = next(line for line in BASE.splitlines(keepends=True) if name in line)
    text = edited((gone, ""), (MAIN, f"also_issued_as: ['{name}'], audiences: [orders, shop]}}"))

    found = difference(tmp_path, text)

    assert (
        "issuer",
        "main",
        "iss",
        f"{name} is issued by partner",
        f"{name} is issued by main",
    ) in (told(list(found.changed)))
    assert Kind.KEYS in found.kinds


def test_a_name_that_passes_to_another_issuer_opens_nothing_but_changes_the_keys(
    tmp_path: Path,
) -> None:
    also = "also_issued_as: ['https://also.example'], "
    partner = "audiences: [orders, shop]}"
    old = edited((MAIN, also + "audiences: [orders, shop]}"))
    new = edited((MAIN, partner)).replace(
        f'"https://partner.example", discovery: true, {partner}',
        f'"https://partner.example", discovery: true, {also}{partner}',
    )

    found = difference(tmp_path, new, old)

    assert [one.new.text for one in found.changed if one.facet == "iss" and one.new] == [
        "https://also.example is issued by partner"
    ]
    # Any issuer will do for the other routes: nobody gets in there, or loses access.
    assert {cell.old.route for cell in found.cells} <= {"read-order"}
    assert not found.of(Kind.OPENED)


def test_where_keys_come_from_is_told(tmp_path: Path) -> None:
    text = edited(("discovery: true", 'jwks_url: "https://login.example/keys"'))

    assert told(changes(tmp_path, text)) == [
        (
            "issuer",
            "main",
            "keys",
            "discovery https://login.example/",
            "jwks_url https://login.example/keys",
        )
    ]


def test_an_issuer_by_another_name_is_the_same_one(tmp_path: Path) -> None:
    text = BASE.replace("  main:", "  login:").replace("[main]", "[login]")

    assert told(changes(tmp_path, text)) == [("issuer", "login", "name", "main", "login")]


def test_issuers_come_and_go(tmp_path: Path) -> None:
    text = BASE.replace("https://partner.example", "https://other.example")

    found = [one[:3] for one in told(changes(tmp_path, text)) if one[0] == "issuer"]

    assert found == [("issuer", "partner", ""), ("issuer", "partner", "")]


IDENTITY = "identity: {headers: {X-User: sub, X-Tenant: org.tenant}}\n"


def test_what_services_are_told_is_told(tmp_path: Path) -> None:
    found = told(changes(tmp_path, BASE + IDENTITY, BASE))

    assert ("identity", "", "x-user", "nothing", "the claim sub") in found
    assert ("identity", "", "x-gateway-subject", "the claim sub", "nothing") in found
    lower = BASE + IDENTITY.replace("X-User", "x-user")
    assert told(changes(tmp_path, lower, BASE + IDENTITY)) == []


def test_whether_the_token_goes_on_is_told(tmp_path: Path) -> None:
    text = BASE + "identity: {forward_token: true}\n"

    assert told(changes(tmp_path, text)) == [
        ("identity", "", "the token", "not forwarded", "forwarded")
    ]


def test_what_scopes_grant_in_the_end_is_compared(tmp_path: Path) -> None:
    """A hierarchy that is written step by step is the same hierarchy."""
    direct = edited(
        ("{admin: [read, write]}", "{admin: [read, write], boss: [admin, read, write]}")
    )
    steps = edited(("{admin: [read, write]}", "{admin: [read, write], boss: [admin]}"))
    less = edited(("{admin: [read, write]}", "{admin: [read]}"))

    assert told(changes(tmp_path, steps, direct)) == []
    assert ("scope_implies", "", "admin", "grants read, write", "grants read") in told(
        changes(tmp_path, less)
    )


LISTS = 'revocations: {gone: {url: "https://login.example/gone", issuers: [main]}}\n'


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("https://login.example/gone", "https://login.example/other", "location"),
        ("issuers: [main]", "issuers: [main, partner]", "issuers"),
        ("issuers: [main]", "issuers: [main], on_failure: allow", "on_failure"),
    ],
)
def test_revocation_lists_are_told(old: str, new: str, expected: str, tmp_path: Path) -> None:
    found = told(changes(tmp_path, BASE + LISTS.replace(old, new), BASE + LISTS))

    assert [one[:3] for one in found] == [("revocation list", "gone", expected)]


def test_lists_come_and_go(tmp_path: Path) -> None:
    found = told(changes(tmp_path, BASE + LISTS))

    assert [one[:4] for one in found] == [("revocation list", "gone", "", "-")]


RESOURCES = "resources: {api: {resource: 'https://a.example', scopes: [read, write]}}\n"


def test_resources_are_compared_by_what_is_published(tmp_path: Path) -> None:
    other = RESOURCES.replace("[read, write]", "[write, read]")
    less = RESOURCES.replace("[read, write]", "[read]")

    assert told(changes(tmp_path, BASE + other, BASE + RESOURCES)) == []
    assert told(changes(tmp_path, BASE + less, BASE + RESOURCES)) == [
        ("resource", "api", "scopes_supported", "read, write", "read")
    ]


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ("timeouts: {head: 5s}\n", ("limit", "", "timeouts.head", "10 s", "5 s")),
        ("limits: {head: 16KiB}\n", ("limit", "", "limits.head", "32768 bytes", "16384 bytes")),
        ("limits: {body: 1KiB}\n", ("limit", "", "limits.body", "unlimited", "1024 bytes")),
        ("limits: {body_rate: 1KiB}\n",
         ("limit", "", "limits.body_rate", "240 bytes/s", "1024 bytes/s")),
        ("limits: {read_rate: unlimited}\n",
         ("limit", "", "limits.read_rate", "240 bytes/s", "none")),
        ("limits: {fields: 50}\n", ("limit", "", "limits.fields", "80", "50")),
        ("limits: {connections_per_address: 50}\n",
         ("limit", "", "limits.connections_per_address", "unlimited", "50")),
        ("half_close: answer\n", ("limit", "", "half_close", "cancel", "answer")),
        ("http2: false\n", ("limit", "", "http2", "yes", "no")),
        ("underscore_names: keep\n", ("limit", "", "underscore_names", "drop", "keep")),
        ("trusted_proxies: [10.0.0.0/8]\n",
         ("limit", "", "trusted_proxies", "none", "10.0.0.0/8")),
        ("access_log: none\n", ("limit", "", "access_log", "stdout", "none")),
        ('tracing: {otlp: "http://127.0.0.1:4318/v1/traces"}\n',
         ("limit", "", "tracing", "none",
          "0.01 of all as jwt-gateway to http://127.0.0.1:4318/v1/traces, "
          "at most 100 on request per second")),
        ("access_log: {format: combined}\n",
         ("limit", "", "access_log.format", "json", "combined")),
        ("drain: 5s\n", ("limit", "", "drain", "30 s", "5 s")),
        ("drain: {delay: 5s, streams: 30s}\n",
         ("limit", "", "drain", "30 s",
          "30 s, 5 s after reporting not ready, streams within 30 s")),
        ("reload: {watch: 5s}\n", ("limit", "", "reload.watch", "never", "5 s")),
        ("admin: 127.0.0.1:9999\n", ("limit", "", "admin", "127.0.0.1:9901", "127.0.0.1:9999")),
        ("listen: 127.0.0.1:8081\n", ("limit", "", "listen", "0.0.0.0:8080", "127.0.0.1:8081")),
    ],
)  # fmt: skip
def test_limits_are_told_with_their_units(
    extra: str, expected: tuple[str, ...], tmp_path: Path
) -> None:
    assert told(changes(tmp_path, BASE + extra)) == [expected]


def test_waiting_for_services_and_keys_are_limits(tmp_path: Path) -> None:
    text = edited(
        ("site: {", "site: {connect_timeout: 1s, "),
        (MAIN, "keys: {fresh: 1m, unknown_kid_cooldown: 5s}, " + MAIN),
    )

    assert told(changes(tmp_path, text)) == [
        ("keys of the issuer", "main", "fresh", "300 s", "60 s"),
        ("keys of the issuer", "main", "unknown_kid_cooldown", "30 s", "5 s"),
        ("timeouts of the upstream", "site", "connect_timeout", "2 s", "1 s"),
    ]


def test_what_readiness_waits_for_is_a_limit_and_opens_nothing(tmp_path: Path) -> None:
    text = edited((MAIN, "required: false, " + MAIN))

    assert told(changes(tmp_path, text)) == [
        ("keys of the issuer", "main", "required", "true", "false")
    ]


def test_a_key_file_that_was_moved_is_the_same_and_one_that_was_changed_is_not(
    tmp_path: Path,
) -> None:
    text = edited(("discovery: true", "jwks_file: keys.json"))
    for folder, content in (("a", "{}"), ("b", "{}"), ("c", "{ }")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "keys.json").write_text(content)

    found = {folder: changes_of(tmp_path / "a", tmp_path / folder, text) for folder in ("b", "c")}

    assert found["b"] == []
    assert [one[2] for one in found["c"]] == ["keys"]


def changes_of(one: Path, other: Path, text: str) -> list[tuple[str, ...]]:
    return told(list(compare_access(load(one, text), load(other, text))))


def test_a_secret_is_compared_wherever_it_comes_from_and_never_shown(tmp_path: Path) -> None:
    secret, other = ENVIRON["CI_SECRET"], ENVIRON["CI_SECRET"][::-1]
    first, second = (
        load(tmp_path, BASE.replace("issuers:\n", f"issuers:\n  {CI % name}\n", 1), name, environ)
        for name, environ in (
            ("ONE", {"ONE": secret, "TWO": secret}),
            ("TWO", {"ONE": secret, "TWO": secret}),
        )
    )
    third = load(
        tmp_path,
        BASE.replace("issuers:\n", f"issuers:\n  {CI % 'ONE'}\n", 1),
        "three",
        {"ONE": other},
    )

    assert told(list(compare_access(first, second))) == []
    assert told(list(compare_access(first, third))) == [
        ("issuer", "ci", "keys", "a secret in ONE", "a secret in ONE")
    ]


CI = "ci: {issuer: ci, secret_env: %s, audiences: [orders]}"


TEAM = """\
issuers:
  team: {issuer: "https://team.example", discovery: true, audiences: [orders]}
routes:
  - name: team
    match: {path: /team/a, hosts: [a.b]}
    upstream: orders
    require: {}
"""


def including(*grants: str) -> str:
    may = f", may: [{', '.join(grants)}]" if grants else ""
    return f"{BASE}include: [{{files: team.yaml{may}}}]\n"


@pytest.mark.parametrize(
    ("old", "new", "told_as"),
    [
        (("issuers",), ("issuers-for-all",), ("may", "declare routes, issuers",
         "declare routes, issuers-for-all")),
        (("issuers", "environment"), ("issuers",), ("may", "declare routes, issuers, environment",
         "declare routes, issuers")),
        (("issuers", "files"), ("files", "issuers"), None),
        (("issuers], under: [/team/",), ("issuers], under: [/",), ("may",
         "declare routes, issuers, under /team/", "declare routes, issuers, under /")),
        (("issuers], hosts: [a.b, c.d",), ("issuers], hosts: [c.d, a.b",), None),
        (("issuers-for-all",), ("issuers", "issuers-for-all"), None),
    ],
)  # fmt: skip
def test_what_included_files_may_declare_is_told_where_it_is_granted(
    old: tuple[str, ...], new: tuple[str, ...], told_as: tuple[str, ...] | None, tmp_path: Path
) -> None:
    sides = []
    for name, grants in (("old", old), ("new", new)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "team.yaml").write_text(TEAM)
        sides.append(load(tmp_path / name, including(*grants)))

    found = [one for one in compare_access(*sides) if one.subject == "include"]

    assert told(found) == ([] if told_as is None else [("include", "team.yaml", *told_as)])
    for change in found:
        assert change.new is not None
        assert change.new.place.line == BASE.count("\n") + 1


def test_files_that_another_pattern_confines_no_longer_are_told_as_added(tmp_path: Path) -> None:
    (tmp_path / "team.yaml").write_text(TEAM[TEAM.index("routes") :])
    old = load(tmp_path, f"{BASE}include: [{{files: team.yaml, under: [/team/]}}]\n")
    new = load(tmp_path, f"{BASE}include: ['team.*']\n")

    found = [one for one in compare_access(old, new) if one.subject == "include"]

    assert [(one.word, one.name) for one in found] == [
        ("added", "team.*"),
        ("removed", "team.yaml"),
    ]
    assert [one.new.text for one in found if one.new] == ["may declare routes"]


def test_a_grant_of_a_file_that_was_not_included_is_told(tmp_path: Path) -> None:
    (tmp_path / "team.yaml").write_text(TEAM)
    old, new = load(tmp_path, BASE), load(tmp_path, including("issuers"))

    added = [one for one in compare_access(old, new) if one.subject == "include"]
    removed = [one for one in compare_access(new, old) if one.subject == "include"]

    assert [(one.word, one.name) for one in added + removed] == [
        ("added", "team.yaml"),
        ("removed", "team.yaml"),
    ]
    (tmp_path / "team.yaml").write_text(TEAM[TEAM.index("routes") :])
    assert not [
        one for one in compare_access(old, load(tmp_path, including())) if one.subject == "include"
    ]
