"""The pages in `docs/`: what they list exists, and everything is listed."""

import json
import re
import time
import tomllib
from pathlib import Path

import click
import pytest

from gateway.cli.main import VERBS, command
from gateway.decision.algorithms import ALGORITHMS
from gateway.decision.explaining.candidates import Fit
from gateway.decision.reason import Reason
from gateway.decision.tokens.memo import DEFAULT_CAPACITY
from gateway.http.reading import names
from gateway.http.reading.trace_context import SOME_FLAGS, SOME_SPAN, SOME_TRACE
from gateway.http.rehearsal import CLIENT, NOT_SHOWN, PSEUDONYM, REQUEST_ID
from gateway.lints.lint import lint
from gateway.settings.load import Loaded, load_settings
from gateway.settings.schema.identity import IdentityModel
from gateway.settings.schema.json_schema import make_schema
from gateway.settings.text.grants import Grant
from tests.cli.config_files import run
from tests.cli.explained import explain, write_world
from tests.project.console import find_fences

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def page(name: str) -> str:
    return (ROOT / "docs" / f"{name}.md").read_text()


def sections(text: str, mark: str) -> dict[str, str]:
    """Return the text under each heading that begins with *mark*."""
    parts = re.split(rf"^{mark} (.+)$", text, flags=re.MULTILINE)
    # A section ends where one of a higher level begins.
    higher = rf"^#{{1,{len(mark)}}} "
    bodies = (re.split(higher, body, flags=re.MULTILINE)[0] for body in parts[2::2])
    return dict(zip(parts[1::2], bodies, strict=True))


def rows(text: str) -> list[list[str]]:
    """Return the cells of all tables, without their headers."""
    lines = [line.strip("| ") for line in text.splitlines() if line.startswith("| ")]
    ruled = re.split(r"^\|-.*$", text, flags=re.MULTILINE)
    heads = {part.rstrip().splitlines()[-1].strip("| ") for part in ruled[:-1]}
    return [re.split(r" *\| *", line) for line in lines if line not in heads]


# --- links


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_link_leads_somewhere(path: Path) -> None:
    for target, anchor in re.findall(r"\]\(([^)#:\s]*)(?:#([^)\s]+))?\)", path.read_text()):
        linked = path.parent / target if target else path

        assert linked.exists(), target
        if anchor:
            assert anchor in anchors(linked), f"{target}#{anchor}"


def anchors(path: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", sorted((ROOT / "docs").glob("*.md")), ids=lambda path: path.name)
def test_every_page_is_listed_in_the_index(path: Path) -> None:
    assert path.name == "index.md" or f"]({path.name})" in page("index")


def test_the_index_can_be_reached_from_the_readme() -> None:
    assert "(docs/index.md)" in (ROOT / "README.md").read_text()


# --- reasons


REASONS = sections(page("reasons"), "##")
NOT_GIVEN = "Not given in this version"


def test_every_reason_has_its_section_with_its_status_in_the_order_of_the_code() -> None:
    assert list(REASONS) == [f"{reason.code} ({reason.status})" for reason in Reason]


@pytest.mark.parametrize("reason", list(Reason), ids=lambda reason: reason.code)
def test_a_section_says_what_it_means_its_causes_and_what_to_do(reason: Reason) -> None:
    """A reason that this version never gives has neither causes nor a remedy."""
    section = REASONS[f"{reason.code} ({reason.status})"]
    meaning, *points = re.split(r"^- ", section, flags=re.MULTILINE)

    assert meaning.strip()
    if NOT_GIVEN in meaning:
        assert points == []
        return
    assert [point.partition(": ")[0] for point in points] == ["Causes", "Do"]
    assert all(point.partition(": ")[2].strip() for point in points)


@pytest.mark.parametrize("reason", list(Reason), ids=lambda reason: reason.code)
def test_a_reason_is_said_to_be_given_exactly_where_some_module_gives_it(reason: Reason) -> None:
    # The first declares all reasons, the second writes the response of each.
    others = {"gateway/decision/reason.py", "gateway/http/writing/refusal.py"}
    modules = (ROOT / "gateway").rglob("*.py")
    sources = [path.read_text() for path in modules if str(path.relative_to(ROOT)) not in others]
    is_given = any(re.search(rf"\bReason\.{reason.name}\b", source) for source in sources)

    assert is_given == (NOT_GIVEN not in REASONS[f"{reason.code} ({reason.status})"])


# --- commands


def verbs(group: click.Command, words: str) -> dict[str, click.Command]:
    """Return every verb, by the words of its command line."""
    if not isinstance(group, click.Group):
        return {words: group}
    found: dict[str, click.Command] = {}
    with click.Context(group) as ctx:
        for name in group.list_commands(ctx):
            verb = group.get_command(ctx, name)
            assert verb is not None
            found |= verbs(verb, f"{words} {name}")
    return found


COMMANDS = sections(page("commands"), "###")
COMMON = {row[0].strip("`") for row in rows(sections(page("commands"), "##")["Common options"])}
ALL_VERBS = verbs(command, "gateway")


def test_every_verb_has_its_section_and_no_other() -> None:
    assert set(COMMANDS) == set(ALL_VERBS)


@pytest.mark.parametrize("words", list(ALL_VERBS))
def test_a_section_lists_the_options_of_its_verb(words: str) -> None:
    options = {
        spelling
        for parameter in ALL_VERBS[words].params
        if isinstance(parameter, click.Option)
        for spelling in parameter.opts
    }

    listed = {row[0].strip("`") for row in rows(COMMANDS[words])}
    assert {one for one in listed if one.startswith("-")} == options - COMMON


def test_every_verb_has_the_common_options() -> None:
    for verb in (command, *ALL_VERBS.values()):
        taken = {word for one in verb.get_params(click.Context(verb)) for word in one.opts}
        assert taken >= COMMON, verb.name


@pytest.mark.parametrize("words", list(ALL_VERBS))
def test_every_verb_can_print_json(words: str) -> None:
    assert "--json" in {word for one in ALL_VERBS[words].params for word in one.opts}


def test_the_manual_page_has_the_verbs_and_options_of_now() -> None:
    current = run("help", "man").stdout

    assert (ROOT / "man" / "gateway.1").read_text() == current, (
        "run `.venv/bin/gateway help man > man/gateway.1`"
    )


def test_the_paths_of_the_admin_port_are_listed() -> None:
    source = (ROOT / "gateway" / "admin" / "server.py").read_text()
    paths = re.findall(r'router.add_\w+\("([^"]+)"', source)  # some have two methods
    listed = rows(sections(page("commands"), "##")["The admin port"])

    assert [row[0].strip("`") for row in listed] == list(dict.fromkeys(paths))


def test_what_the_readme_calls_not_implemented_is_no_verb() -> None:
    readme = (ROOT / "README.md").read_text()
    missing = readme.partition("**Not implemented yet:**")[2].partition("\n\n")[0]

    assert missing
    assert not set(re.findall(r"`(\w+)`", missing)) & set(VERBS)


# --- explain


def test_every_member_of_an_explanation_is_described(tmp_path: Path) -> None:
    listed = [row[0].strip("`") for row in rows(sections(page("explain"), "##")["JSON"])]
    explained = explain(write_world(tmp_path), "GET", "http://a/healthz", "--format", "json")

    assert listed == list(json.loads(explained.stdout))


def test_every_fit_of_a_route_is_named() -> None:
    assert {fit.name.lower() for fit in Fit} <= set(re.findall(r"`(\w+)`", page("explain")))


def test_every_placeholder_is_named() -> None:
    listed = {row[0].strip("`") for row in rows(sections(page("explain"), "##")["The request"])}

    made = {one.decode() for one in (REQUEST_ID, PSEUDONYM, SOME_TRACE, SOME_SPAN, SOME_FLAGS)}
    assert listed == made | {CLIENT, NOT_SHOWN.decode()}


# --- http


def schema_default(key: str) -> str:
    table, _, name = key.removeprefix("upstreams.NAME.").rpartition(".")
    titles = {"limits": "LimitsModel", "timeouts": "TimeoutsModel", "": "UpstreamModel"}
    default = make_schema()["$defs"][titles[table]]["properties"][name].get("default")
    if default is None:
        return ""  # there is no limit
    return default if isinstance(default, str) else json.dumps(default)


def test_the_limits_have_the_defaults_of_the_configuration() -> None:
    listed = rows(sections(page("http"), "##")["Limits"])

    assert {key.strip("`"): default.strip("`") for _, key, default, _ in listed} == {
        key.strip("`"): schema_default(key.strip("`")) for _, key, _, _ in listed
    }


def test_every_limit_of_the_data_port_is_listed() -> None:
    listed = {row[1].strip("`") for row in rows(sections(page("http"), "##")["Limits"])}

    for title, prefix in (("LimitsModel", "limits"), ("TimeoutsModel", "timeouts")):
        assert {f"{prefix}.{key}" for key in make_schema()["$defs"][title]["properties"]} <= listed


def test_the_fields_said_to_be_dropped_are_and_no_dropped_field_is_unsaid() -> None:
    text = sections(page("http"), "##")["Forwarded request fields"]
    dropped = text.partition("Removed from requests:")[2].partition("\n### ")[0]
    said = {name.lower().encode() for name in re.findall(r"`([A-Z][\w-]+)`", dropped)}
    judged = names.RequestNames(frozenset())

    assert [name for name in said if not isinstance(judged[name], int)] == []
    assert said >= names._HOP_BY_HOP | names._OVERRIDES


def test_every_member_of_an_access_log_line_is_described() -> None:
    """The lines in the tutorial are real ones: its own tests compare them."""
    lines = re.findall(r'^\{"time":.+$', page("tutorial"), re.MULTILINE)
    listed = [row[0].strip("`") for row in rows(sections(page("access-log"), "##")["JSON"])]

    # Seven members that most lines lack: see the page.
    rare = {"trace_id", "would_deny", "iss", "login", "also", "grpc_status", "protocol"}
    usual = [name for name in listed if name not in rare]
    assert len(usual) == len(listed) - 7
    assert lines
    assert all(list(json.loads(line)) == usual for line in lines)


# --- examples


EXAMPLES = [
    (path.name, fence.body)
    for path in PAGES
    for fence in find_fences(path.read_text())
    # One with a name is one of several files, which the tests of its page write together.
    if fence.body.startswith("version: 1\n") and not fence.tag.endswith((".yaml", ".yml"))
]


@pytest.mark.parametrize(("name", "text"), EXAMPLES)
def test_a_whole_configuration_on_a_page_holds_without_a_doubt(
    name: str, text: str, tmp_path: Path
) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(text)
    env = dict(re.findall(r"^# ([A-Z_]+)=(\S+)", text, re.MULTILINE))

    loaded = load_settings(file, env)

    assert isinstance(loaded, Loaded), loaded
    assert lint(loaded, time.time()).warnings == ()


def test_pages_have_whole_configurations() -> None:
    assert {name for name, _ in EXAMPLES} >= {"README.md", "http.md"}


# --- tokens, identity, design


def test_every_algorithm_is_listed_with_its_kind_of_key() -> None:
    text = sections(page("tokens"), "##")["Issuer and algorithm"]
    listed = [name for row in rows(text) for name in re.findall(r"`([\w-]+)`", row[0])]

    assert sorted(listed) == sorted(ALGORITHMS)


def test_the_identity_headers_of_the_page_are_the_default_ones() -> None:
    text = sections(page("identity"), "##")["Headers"]
    listed = {header.strip("`"): claim.split("`")[1] for header, claim in rows(text)}

    assert listed == IdentityModel().headers


def test_the_floors_are_those_that_are_enforced() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    layers = project["tool"]["importlinter"]["contracts"][0]["layers"]
    listed = rows(sections(page("design"), "##")["Floors"])

    assert [set(re.findall(r"`(\w+)`", row[1])) for row in listed] == [
        set(re.split(r" [:|] ", layer)) for layer in layers
    ]


def test_the_rooms_are_those_that_are_enforced() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    enforced = {
        contract["containers"][0].removeprefix("gateway."): [
            set(re.split(r" [:|] ", layer)) for layer in contract["layers"]
        ]
        for contract in project["tool"]["importlinter"]["contracts"][1:]
        if contract["type"] == "layers"
    }
    described = {
        room.strip("`"): [set(re.findall(r"`(\w+)`", row[0])) for row in rows(text)]
        for room, text in sections(sections(page("design"), "##")["Rooms"], "###").items()
    }

    assert enforced
    assert described == enforced


def test_every_law_names_tests_that_exist() -> None:
    laws = rows(sections(page("design"), "##")["Laws"])

    assert laws
    for _, where in laws:
        files = re.findall(r"`([^`]+)`", where)
        assert files
        assert all((ROOT / file).is_file() for file in files)


def test_the_size_of_the_memo_is_the_one_described() -> None:
    assert f"{DEFAULT_CAPACITY:,}" in page("design")


# --- included files

INCLUDED = sections(page("configuration"), "##")["Included files"]


def test_the_example_of_included_files_holds_without_a_doubt(tmp_path: Path) -> None:
    files = {fence.tag: fence.body for fence in find_fences(INCLUDED) if fence.tag}
    for name, body in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(body)

    done = run("check", tmp_path / "gateway.yaml", "--strict")

    assert set(files) == {"gateway.yaml", "teams/orders.yaml"}
    assert (done.exit_code, done.stderr) == (0, "")


def test_every_grant_has_a_row_in_their_order() -> None:
    assert [row[0].strip("`") for row in rows(INCLUDED)] == [grant.value for grant in Grant]
