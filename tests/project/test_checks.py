"""`docs/checks.md`: a section for every code, each with examples that produce it."""

import json
import re
from pathlib import Path

import pytest

from gateway.settings.text.fault import Code
from tests.certificates import self_signed, serving
from tests.cli.config_files import run, write_config
from tests.cli.peers import closed_port, http_peer
from tests.keyring.keys import ec_jwk, jwks
from tests.project.console import Fence, find_fences
from tests.settings.tls_files import write_tls_files

PAGE = (Path(__file__).parents[2] / "docs" / "checks.md").read_text()
_PARTS = re.split(r"^#{2,3} (.+)$", PAGE, flags=re.MULTILINE)
SECTIONS = {
    heading: text
    for heading, text in zip(_PARTS[1::2], _PARTS[2::2], strict=True)
    if f"### {heading}\n" in PAGE
}
(BASE,) = [fence.body for fence in find_fences(PAGE) if fence.tag == "base"]
EXAMPLES = [(code, fence) for code, section in SECTIONS.items() for fence in find_fences(section)]


ONLINE = [code for code in SECTIONS if re.match("keys|revocations|upstream_un|introsp", code)]
OF_METADATA = [code for code in SECTIONS if re.match("login_|credentials_", code)]


KEYS = jwks(ec_jwk(kid="e"))


def without_examples(section: str) -> str:
    return re.sub(r"(<!--.*?-->\n)?```.*?```\n", "", section, flags=re.DOTALL).strip()


def completed(example: str, base: str = BASE) -> str:
    """Return *example* after the sections of *base* that it does not have itself."""
    own = set(re.findall(r"^(\w+):", example, re.MULTILINE))
    parts = re.split(r"^(?=\w)", base, flags=re.MULTILINE)
    return "".join(part for part in parts if part.partition(":")[0] not in own) + example


def test_the_suppressed_warnings_it_shows_are_suppressed(tmp_path: Path) -> None:
    [silenced] = [fence.body for fence in find_fences(PAGE) if fence.tag == "silenced"]

    done = run("check", write_config(tmp_path, completed(silenced)), "--format", "json")

    answer = json.loads(done.stdout)
    assert (answer["faults"], len(answer["silenced"])) == ([], 2)


def test_every_code_has_one_section_and_no_other_has() -> None:
    """In the order of the source, so that related codes are together."""
    assert re.findall(r"^### (.+)$", PAGE, re.MULTILINE) == [code.value for code in Code]


@pytest.mark.parametrize("code", SECTIONS)
def test_a_section_says_what_it_is_what_it_means_and_what_to_do(code: str) -> None:
    meaning, do = without_examples(SECTIONS[code]).split("\n\nDo: ")

    assert re.match(r"(Error|Warning|Error or warning)\. \S", meaning)
    assert do.strip()


def test_the_base_of_the_examples_holds_without_a_doubt(tmp_path: Path) -> None:
    done = run("check", write_config(tmp_path, BASE), "--strict")

    assert done.exit_code == 0


# Codes of suites only.
OF_SUITES = {Code.EXTENDS_CYCLE, Code.MISSING_EXPECTATION}


def test_the_output_it_shows_is_the_one_of_its_example(tmp_path: Path) -> None:
    [(code, shown)] = [
        (fence.tag.removeprefix("output of "), fence.body)
        for fence in find_fences(PAGE)
        if fence.tag.startswith("output of ")
    ]
    [example] = [fence for name, fence in EXAMPLES if name == code]
    path = write_config(tmp_path, completed(example.body))

    done = run("check", path)

    printed = (done.stdout + done.stderr).replace(str(path), path.name)
    assert f"$ gateway check {path.name}\n{printed}" == shown


def test_every_section_has_an_example() -> None:
    assert set(SECTIONS) - OF_SUITES == {code for code, _ in EXAMPLES}


def found(directory: Path, text: str, *options: str) -> tuple[set[str], set[str]]:
    """Return the codes and severities of the faults of the configuration *text*."""
    env = dict(re.findall(r"^# ([A-Z_]+)=(\S+)", text, re.MULTILINE))
    for name, content in re.findall(r"^# (\S+\.(?:yaml|txt)): (.+)$", text, re.MULTILINE):
        (directory / name).parent.mkdir(exist_ok=True)
        (directory / name).write_text(content)
    if ".pem" in text:
        write_tls_files(directory)
    if "two-keys.json" in text:
        (directory / "two-keys.json").write_bytes(jwks(ec_jwk(kid="a"), ec_jwk(use="enc")))
    done = run("check", write_config(directory, text), "--format", "json", *options, env=env)
    faults = json.loads(done.stdout)["faults"]
    return {fault["code"] for fault in faults}, {fault["severity"] for fault in faults}


OFFLINE = [(code, fence) for code, fence in EXAMPLES if code not in {*ONLINE, *OF_METADATA}]


@pytest.mark.parametrize(
    ("code", "example"), OFFLINE, ids=[f"{code}-{n}" for n, (code, _) in enumerate(OFFLINE)]
)
def test_an_example_gives_the_code_of_its_section_and_no_other(
    code: str, example: Fence, tmp_path: Path
) -> None:
    codes, severities = found(tmp_path, completed(example.body))

    assert codes == {code}
    assert severities <= kind(code)


@pytest.mark.parametrize("code", ONLINE)
def test_so_does_one_of_something_that_does_not_answer(code: str, tmp_path: Path) -> None:
    [example] = [fence.body for name, fence in EXAMPLES if name == code]
    with (
        http_peer(jwks(ec_jwk(kid="e"))) as keys,
        http_peer(b"", tls=serving(self_signed())) as stranger,
    ):
        base = BASE.replace("discovery: true", f"jwks_url: '{keys}'")
        base = base.replace("http://10.0.0.7:8000", keys)
        example = example.replace("http://127.0.0.1:8000", keys)
        text = completed(example.replace("https://127.0.0.1:8443", stranger), base)

        assert found(tmp_path, text, "--online") == ({code}, {"error"})


@pytest.mark.parametrize("code", OF_METADATA)
def test_so_does_one_of_an_issuer_where_nobody_can_log_in(code: str, tmp_path: Path) -> None:
    [example] = [fence.body for name, fence in EXAMPLES if name == code]
    nobody = f"http://127.0.0.1:{closed_port()}/token"
    metadata = {"issuer": "http://self", "jwks_uri": "http://self", **json.loads(KEYS)}
    complete = {**metadata, "authorization_endpoint": nobody, "token_endpoint": nobody}
    with (
        http_peer(json.dumps(complete).encode()) as unreachable,
        http_peer(json.dumps(metadata).encode()) as unusable,
        http_peer(b"") as service,
    ):
        example = example.replace("http://127.0.0.1:8001", unreachable)
        example = example.replace("http://127.0.0.1:8002", unusable)
        text = completed(example, BASE).replace("http://10.0.0.7:8000", service)

        assert found(tmp_path, text, "--online") == ({code}, {"error"})


def kind(code: str) -> set[str]:
    """Return the severities that the section names."""
    return set(SECTIONS[code].strip().partition(".")[0].lower().split(" or "))
