"""An included file declares routes, and what else it was granted where it is included."""

from pathlib import Path

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from gateway.settings.load import Loaded, Rejected, load_settings
from gateway.settings.text.disk import RecordingDisk, replay
from gateway.settings.text.fault import Code, Fault, Place
from gateway.settings.text.grants import Grant, Include, describe_grants, sort_grants
from tests.certificates import AUTHORITY, issued, write_pair
from tests.settings.configs import ENVIRON, SECRET, assert_found, config, faults, marked, outcome_of

ROUTE = "routes:\n  - {name: team, match: {path: /team}, upstream: orders, require: {}}\n"
BLOCK = """\
routes:
  - name: team
    match:
      path: ¦/${TOKEN}
    upstream: orders
    require: {}
"""
ISSUER = 'issuers:\n  team: {issuer: "https://team.example", KEYS, audiences: [team]}\n'
UPSTREAM = 'upstreams:\n  spare: {servers: ["https://10.0.0.9"]TLS}\n'
USING = "  - {name: spare, match: {path: /spare}, upstream: spare, public: true}\n"


def include(*grants: str, files: str = "teams/*.yaml") -> str:
    may = f", may: [{', '.join(grants)}]" if grants else ""
    return f"include: [{{files: {files}{may}}}]\n"


def write_team(directory: Path, text: str, name: str = "a.yaml") -> Path:
    teams = directory / "teams"
    teams.mkdir(exist_ok=True)
    (teams / name).write_text(text)
    return teams / name


def team_outcome(directory: Path, text: str, *grants: str) -> Loaded | Rejected:
    """Return what becomes of a configuration that includes *text* with *grants*."""
    write_team(directory, text)
    return outcome_of(directory, config(include(*grants)))


def team_faults(directory: Path, text: str, *grants: str) -> list[Fault]:
    outcome = team_outcome(directory, text, *grants)
    return list(outcome.warnings if isinstance(outcome, Loaded) else outcome.faults)


def assert_needs(directory: Path, text: str, grant: str, *others: str) -> None:
    """Hold that *text* is refused at its marks without *grant*, and is sound with it."""
    unmarked, places = marked(text)

    refused = team_faults(directory, unmarked, *others)
    granted = team_outcome(directory, unmarked, *others, grant)

    assert [(f.place.line, f.place.column, f.code.value) for f in refused] == [
        (*place, "not_granted") for place in places
    ], [str(fault) for fault in refused]
    assert all(Path(fault.place.file).name == "a.yaml" for fault in refused)
    assert all(grant in fault.message for fault in refused)
    assert isinstance(granted, Loaded), [str(fault) for fault in granted.faults]


# What an included file may do with a grant alone: the grant, others that it takes, the file.
NEEDS = [
    ("upstreams", "", "¦" + UPSTREAM.replace("TLS", "") + ROUTE + USING),
    ("issuers", "", "¦" + ISSUER.replace("KEYS", "discovery: true") + ROUTE),
    ("resources", "", "¦resources: {team: {resource: 'https://a.example/team'}}\n" + ROUTE),
    (
        "identity",
        "",
        ROUTE.replace("require: {}", "require: {}, ¦identity: {headers: {X-A: sub}}"),
    ),
    (
        "identity",
        "issuers",
        ISSUER.replace("KEYS", "discovery: true, ¦identity: {headers: {X-Gateway-Issuer: false}}")
        + ROUTE,
    ),
    ("environment", "", ROUTE.replace("/team", "¦'/${TOKEN}'")),
    ("environment", "", BLOCK),
    (
        "environment",
        "",
        ROUTE.replace(
            "require: {}", "require: {}, rewrite: {request_headers: {set: {X-A: ¦'a ${SECRET}'}}}"
        ),
    ),
    ("environment", "issuers", ISSUER.replace("KEYS", "secret_env: ¦SECRET") + ROUTE),
    ("files", "issuers", ISSUER.replace("KEYS", "jwks_file: ¦../main.json") + ROUTE),
    ("files", "issuers", ISSUER.replace("KEYS", "pem_file: ¦/etc/hostname") + ROUTE),
    ("files", "issuers", ISSUER.replace("KEYS", "jwks_file: ¦linked.json") + ROUTE),
    ("files", "issuers", ISSUER.replace("KEYS", "jwks_file: ¦linked/main.json") + ROUTE),
    (
        "files",
        "issuers",
        ISSUER.replace("KEYS", "discovery: true, tls: {ca: ¦../ca.pem}") + ROUTE,
    ),
    ("files", "upstreams", UPSTREAM.replace("TLS", ", tls: {ca: ¦../ca.pem}") + ROUTE + USING),
    (
        "files",
        "upstreams",
        UPSTREAM.replace("TLS", ", tls: {certificate: ¦../client.pem, key: ¦../client.key}")
        + ROUTE
        + USING,
    ),
]


@pytest.mark.parametrize(("grant", "others", "text"), NEEDS)
def test_what_is_not_granted_is_refused_at_its_line_with_the_grant_that_it_needs(
    grant: str, others: str, text: str, tmp_path: Path
) -> None:
    write_files(tmp_path)

    assert_needs(tmp_path, text, grant, *others.split())


def write_files(directory: Path) -> None:
    """Write what lies beside the main file, and links to it from the directory of the teams."""
    (directory / "main.json").write_text('{"keys": []}')
    AUTHORITY.cert_pem.write_to_path(directory / "ca.pem")
    usage = ExtendedKeyUsageOID.CLIENT_AUTH
    write_pair(directory, issued("gateway.example", usage=usage), "client")
    teams = directory / "teams"
    teams.mkdir()
    (teams / "linked.json").symlink_to("../main.json")
    (teams / "linked").symlink_to("..", target_is_directory=True)


def test_a_plain_entry_grants_routes_alone(tmp_path: Path) -> None:
    write_team(tmp_path, ROUTE)

    assert isinstance(outcome_of(tmp_path, config("include: [teams/*.yaml]\n")), Loaded)

    write_team(tmp_path, ROUTE + UPSTREAM.replace("TLS", ""))
    [fault, _] = faults(tmp_path, config("include: [teams/*.yaml]\n"))
    assert (fault.code, fault.place.line) == ("not_granted", 3)


def test_every_fault_says_what_to_write_and_where(tmp_path: Path) -> None:
    [fault, *_] = team_faults(tmp_path, UPSTREAM.replace("TLS", "") + ROUTE, "issuers")

    place = f"{tmp_path / 'gateway.yaml'}:11:11"
    assert fault.message == (
        "this file may not declare upstreams: to allow it, write"
        f" `{{files: teams/*.yaml, may: [upstreams, issuers]}}` in `include` ({place})"
    )


def test_all_that_is_not_granted_is_told_at_once(tmp_path: Path) -> None:
    text = (
        ISSUER.replace("KEYS", "secret_env: SECRET")
        + UPSTREAM.replace("TLS", ", tls: {ca: ../x.pem}")
        + "resources: {team: {resource: 'https://a.example/${TOKEN}'}}\n"
        + "identity: {}\n"
        + ROUTE
    )

    found = team_faults(tmp_path, text)

    assert [(f.place.line, f.code.value) for f in found if f.severity.value == "error"] == [
        (1, "not_granted"),
        (2, "not_granted"),
        (3, "not_granted"),
        (4, "not_granted"),
        (5, "not_granted"),
        (5, "not_granted"),
        (6, "unknown_key"),
    ]


# The text of a file without the environment, and whether a reference stands in it.
REFERENCES = [
    ("# ${SECRET}\n", False),
    ("# ${SECRET\n", False),
    ("X-A: '$${SECRET}'", False),
    ("X-A: $SECRET", False),
    ("X-A: '${SECRET}'", True),
    ('X-A: "${SECRET}"', True),
    ("X-A: '$${A} ${SECRET}'", True),
    ("X-A: '$$${SECRET}'", False),
    ("X-A: '${NOT_SET_ANYWHERE}'", True),
]


@pytest.mark.parametrize(("text", "is_refused"), REFERENCES)
def test_a_reference_is_refused_wherever_it_would_be_replaced(
    text: str, is_refused: bool, tmp_path: Path
) -> None:
    edit = f"rewrite: {{request_headers: {{set: {{{text}}}}}}}"
    route = ROUTE + text if text.startswith("#") else ROUTE.replace("{}}", f"{{}}, {edit}}}")

    outcome = team_outcome(tmp_path, route)

    assert isinstance(outcome, Rejected) is is_refused
    if isinstance(outcome, Rejected):
        assert [fault.code for fault in outcome.faults] == [Code.NOT_GRANTED]


@pytest.mark.parametrize("name", ["SECRET", "NOT_SET_ANYWHERE"])
def test_a_file_does_not_learn_whether_a_variable_is_set(name: str, tmp_path: Path) -> None:
    texts = (
        ROUTE.replace("/team", f"'/${{{name}}}'"),
        ISSUER.replace("KEYS", f"secret_env: {name}"),
    )

    for text in texts:
        found = [f for f in team_faults(tmp_path, text, "issuers") if f.severity.value == "error"]
        assert [fault.code for fault in found] == [Code.NOT_GRANTED]
        assert name not in found[0].message
        assert SECRET not in found[0].message


def test_a_file_beside_the_included_one_needs_no_grant(tmp_path: Path) -> None:
    """Kubernetes shows a ConfigMap as links to links, all of them in its own directory."""
    data = tmp_path / "teams" / "..2026"
    data.mkdir(parents=True)
    (tmp_path / "teams" / "..data").symlink_to("..2026", target_is_directory=True)
    for name, text in (
        ("keys.json", '{"keys": []}'),
        ("a.yaml", ISSUER.replace("KEYS", "jwks_file: keys.json") + ROUTE),
    ):
        (data / name).write_text(text)
        (tmp_path / "teams" / name).symlink_to(f"..data/{name}")

    outcome = outcome_of(tmp_path, config(include("issuers")))

    assert isinstance(outcome, Loaded), outcome


@pytest.mark.parametrize("name", ["loop", "'a\\0b'", "x" * 5000])
def test_a_name_that_leads_nowhere_is_a_fault(name: str, tmp_path: Path) -> None:
    (tmp_path / "teams").mkdir()
    (tmp_path / "teams" / "loop").symlink_to("loop")

    found = team_faults(tmp_path, ISSUER.replace("KEYS", f"jwks_file: {name}") + ROUTE, "issuers")

    assert {fault.code for fault in found} <= {
        Code.NOT_GRANTED,
        Code.MISSING_FILE,
        Code.BAD_VALUE,
    }
    assert found


# A fault code, and a configuration with a mark where the fault must point.
MISTAKES = [
    ("empty_list", config("include: [{files: teams/a.yaml, may: ¦[]}]\n")),
    ("bad_value", config("include: [{files: teams/a.yaml, may: [¦upstream]}]\n")),
    ("bad_value", config("include: [{files: teams/a.yaml, may: [¦routes]}]\n")),
    ("wrong_type", config("include: [{files: teams/a.yaml, may: ¦upstreams}]\n")),
    ("wrong_type", config("include: [{files: teams/a.yaml, may: [¦1]}]\n")),
    ("duplicate_value", config("include: [{files: teams/a.yaml, may: [files, ¦files]}]\n")),
    ("missing_key", config("include: [¦{may: [files]}]\n")),
    ("unknown_key", config("include: [{files: teams/a.yaml, ¦mya: [files]}]\n")),
    ("bad_value", config("include: [{files: ¦'', may: [files]}]\n")),
    ("wrong_type", config("include: [{files: ¦[a.yaml], may: [files]}]\n")),
    ("unmatched_include", config("include: [{files: ¦teams/b*.yaml, may: [files]}]\n")),
    ("missing_file", config("include: [{files: ¦teams/b.yaml, may: [files]}]\n")),
    (
        "conflicting_keys",
        config("include: [teams/*.yaml, {files: ¦teams/a.yaml, may: [upstreams]}]\n"),
    ),
]


@pytest.mark.parametrize(("codes", "text"), MISTAKES)
def test_each_mistake_about_grants_is_found_at_its_place_and_nothing_else_is(
    codes: str, text: str, tmp_path: Path
) -> None:
    write_team(tmp_path, ROUTE)

    assert_found(tmp_path, codes, text)


def test_a_word_that_is_nearly_a_grant_is_suggested(tmp_path: Path) -> None:
    write_team(tmp_path, ROUTE)

    [fault] = faults(tmp_path, config(include("isuers-for-all")))

    assert fault.message.endswith("did you mean `issuers-for-all`?")


@pytest.mark.parametrize("grants", [("upstreams", "files"), ("files", "upstreams")])
def test_a_file_may_be_included_twice_with_the_same_grants(
    grants: tuple[str, ...], tmp_path: Path
) -> None:
    write_team(tmp_path, ROUTE)
    both = f"{include('upstreams', 'files')[:-2]}, {include(*grants, files='teams/a.yaml')[10:]}"

    assert isinstance(outcome_of(tmp_path, config(both)), Loaded)


def test_a_link_to_a_file_of_wider_grants_is_a_fault(tmp_path: Path) -> None:
    """Whoever writes in the directory of one entry widens and narrows no other."""
    trusted = tmp_path / "trusted"
    trusted.mkdir()
    (trusted / "b.yaml").write_text(UPSTREAM.replace("TLS", "") + USING.join(["routes:\n", ""]))
    write_team(tmp_path, ROUTE)
    (tmp_path / "teams" / "z.yaml").symlink_to("../trusted/b.yaml")
    entries = ["teams/*.yaml", "{files: trusted/*.yaml, may: [upstreams]}"]

    for order in (entries, entries[::-1]):
        found = faults(tmp_path, config(f"include: [{', '.join(order)}]\n"))
        assert Code.CONFLICTING_KEYS in {fault.code for fault in found}


def test_no_alias_or_merge_brings_in_what_is_not_granted(tmp_path: Path) -> None:
    text = "x: &x {spare: {servers: ['http://a']}}\n<<: {upstreams: *x}\nupstreams: *x\n" + ROUTE

    found = team_faults(tmp_path, text)

    assert {fault.place.line for fault in found if fault.code == Code.YAML_SURPRISE} >= {1, 2, 3}


def test_an_included_file_includes_no_other(tmp_path: Path) -> None:
    write_team(tmp_path, UPSTREAM.replace("TLS", ""), "more.txt")

    found = team_faults(
        tmp_path, "include: [{files: more.txt, may: [upstreams]}]\n" + ROUTE, "upstreams"
    )

    assert [(fault.place.line, fault.code) for fault in found] == [(1, Code.UNKNOWN_KEY)]


def test_a_file_silences_no_warning_without_a_grant(tmp_path: Path) -> None:
    """What `check` says of a team's route would otherwise be for the team alone to judge."""
    text = ROUTE.replace(
        "require: {}}", "require: {}, mode: report}  # gateway: allow report_only because I say so"
    )

    found = team_faults(tmp_path, text)
    granted = team_faults(tmp_path, text, "silences")

    assert sorted(fault.code for fault in found) == [Code.BAD_SILENCE, Code.REPORT_ONLY]
    assert "may: [silences]" in next(f for f in found if f.code == Code.BAD_SILENCE).message
    assert granted == []


def test_the_pattern_is_shown_as_it_is_written(tmp_path: Path) -> None:
    """What the environment says is not for those who see the fault."""
    write_team(tmp_path, UPSTREAM.replace("TLS", ""))
    text = config("include: ['${PLACE}/*.yaml']\n")

    outcome = outcome_of(tmp_path, text, {**ENVIRON, "PLACE": "teams"})

    assert isinstance(outcome, Rejected)
    assert '{files: "${PLACE}/*.yaml", may: [upstreams]}' in outcome.faults[0].message


def test_a_wider_grant_implies_the_narrower_one() -> None:
    place = Place("gateway.yaml", 1, 1)
    everyone = Include("a", frozenset({Grant.ISSUERS_FOR_ALL, Grant.RESOURCES_FOR_ALL}), place)

    assert {grant for grant in Grant if everyone.allows(grant)} == {
        Grant.ISSUERS,
        Grant.ISSUERS_FOR_ALL,
        Grant.RESOURCES,
        Grant.RESOURCES_FOR_ALL,
    }
    assert not Include("a", frozenset({Grant.ISSUERS}), place).allows(Grant.ISSUERS_FOR_ALL)
    assert sort_grants(Grant) == [
        Grant.UPSTREAMS,
        Grant.ISSUERS_FOR_ALL,
        Grant.RESOURCES_FOR_ALL,
        Grant.IDENTITY,
        Grant.ENVIRONMENT,
        Grant.FILES,
        Grant.SILENCES,
    ]
    assert describe_grants(Include("a", frozenset(), place)) == "routes"
    granted = Include(
        "a", frozenset({Grant.FILES, Grant.UPSTREAMS}), place, ("a.example",), ("/a/", "/b/")
    )
    assert describe_grants(granted) == "routes, upstreams, files, under /a/ or /b/, for a.example"


def test_what_a_record_of_the_disk_answers_gives_the_same(tmp_path: Path) -> None:
    """Workers load what their supervisor has read, with the same grants."""
    write_files(tmp_path)
    write_team(tmp_path, '{"keys": []}', "own.json")
    write_team(tmp_path, ISSUER.replace("KEYS", "jwks_file: own.json") + ROUTE)
    main = tmp_path / "gateway.yaml"
    main.write_text(config(include("issuers")))
    disk = RecordingDisk()
    before = load_settings(main, {}, disk)
    assert isinstance(before, Loaded), before
    for path in (tmp_path / "teams").iterdir():
        path.unlink()

    again = load_settings(main, {}, replay(disk.record))

    assert isinstance(again, Loaded), again
    assert again.includes == before.includes
    assert again.settings.digest == before.settings.digest
    assert [one.issuers for one in again.settings.policy.routes.routes] == [
        one.issuers for one in before.settings.policy.routes.routes
    ]
