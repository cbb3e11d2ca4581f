"""Every key of the schema changes some facet, whose judge tells what that means."""

import base64
import copy
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.settings.load import Loaded, load_settings
from gateway.settings.schema.json_schema import make_schema
from gateway.suites.differences.compare_general import compare_access, compare_limits
from gateway.suites.differences.compare_routes import RouteFacets, compare_routes
from gateway.suites.differences.facet import Change, Kind
from tests.assertion.callers import signing_pem
from tests.settings.tls_files import BELOW, write_tls_files

TABLE = yaml.safe_load(Path(__file__).with_name("every_setting.yaml").read_text())
GROUPS: Mapping[str, Mapping[str, Any]] = {group["name"]: group for group in TABLE["groups"]}
CASES = [(name, key) for name, group in GROUPS.items() for key in group["changes"]]

OPERATORS = {
    "equals": ("a", "b"),
    "not_equals": ("a", "b"),
    "in": (["a", "b"], ["a", "c"]),
    "contains": ("a", "b"),
    "matches": ("a*", "b*"),
    "at_least": (1, 2),
    "exists": (True, False),
}
HOLDERS = ("issuers.main.require.claims", "routes.1.require.claims", "routes.1.require.also.claims")
WAYS = ("dept", "all", "any", "not")
CLAIMS = [(holder, way, name) for holder in HOLDERS for way in WAYS for name in OPERATORS]


def key_of(name: str) -> str:
    """Return a key of 32 bytes in base64."""
    return base64.b64encode(sha256(name.encode()).digest()).decode()


SECRET = "a secret that is used by nobody but these tests, and long enough"
TEXTS = {
    "secret.txt": "a secret of a client",
    "other.txt": "another secret of a client",
    "session.key": key_of("s"),
    "other.key": key_of("o"),
    "hmac.txt": SECRET,
    "other_hmac.txt": SECRET[::-1],
    "redis.txt": "redis://10.0.0.5:6379/1",
    "other_redis.txt": "redis://10.0.0.6:6379/1",
    "proxy.txt": "http://10.0.0.2:3128",
    "other_proxy.txt": "http://10.0.0.3:3128",
    "fields.txt": "authorization=a",
    "other_fields.txt": "authorization=b",
    "tenants.txt": "a\nb\n",
    "fewer.txt": "a\n",
    "list.json": '{"revoked": [{"jti": "a"}]}',
    "empty.json": '{"revoked": []}',
    "one.json": '{"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "%s"}]}' % ("A" * 43),
    "two.json": '{"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "%s"}]}' % ("B" * 42 + "A"),
    "team.yaml": "routes:\n  - name: team\n    match: {hosts: [a.example], path: /team/x}\n"
    "    upstream: shop\n    public: true\n",
    "a.test.yaml": "version: 1\npersonas: {ann: {}}\n"
    "tests: [{name: a, request: GET https://api.example/, expect: {ann: allow}}]\n",
}
ENVIRON = {
    "ADMIN": SECRET,
    "SECRET": SECRET,
    "HMAC": SECRET,
    "OTHER_HMAC": SECRET[::-1],
    "KEY": key_of("k"),
    "OTHER_KEY": key_of("q"),
    "FIELDS": "authorization=a",
    "REDIS": "redis://10.0.0.5:6379/1",
    "OTHER_REDIS": "redis://10.0.0.6:6379/1",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("settings")
    write_tls_files(directory)
    BELOW.cert_pem.write_to_path(directory / "below.pem")
    for name, text in TEXTS.items():
        (directory / name).write_text(text)
    for name, algorithm in (("one.key", "ES256"), ("two.key", "EdDSA")):
        (directory / name).write_bytes(signing_pem(algorithm))
    return directory


def edited(document: Any, edits: Mapping[str, object]) -> Any:
    """Return *document* with each of *edits* at its place; None removes a key."""
    copied = copy.deepcopy(document)
    for key, value in edits.items():
        *path, last = key.split(".")
        node = copied
        for name in path:
            node = node[int(name)] if isinstance(node, list) else node.setdefault(name, {})
        if isinstance(node, list):
            node[int(last) : int(last) + 1] = [value]
        elif value is None:
            node.pop(last, None)
        else:
            node[last] = value
    return copied


def read(folder: Path, document: Any) -> Loaded:
    file = folder / "gateway.yaml"
    file.write_text(yaml.safe_dump(document, sort_keys=False))
    loaded = load_settings(file, ENVIRON)
    assert isinstance(loaded, Loaded), [
        f"{fault.place.line}: {fault.message}" for fault in loaded.faults
    ]
    return loaded


def compared(old: Loaded, new: Loaded) -> list[Change]:
    routes = compare_routes(RouteFacets(old), RouteFacets(new))
    return [*routes, *compare_access(old, new), *compare_limits(old, new)]


@pytest.fixture(scope="module")
def bases(folder: Path) -> dict[str, Loaded]:
    return {name: read(folder, document_of(name)) for name in GROUPS}


def document_of(name: str) -> Any:
    return edited(TABLE["base"], GROUPS[name].get("with", {}))


@pytest.mark.parametrize(("name", "key"), CASES, ids=lambda text: text.replace(" ", "-"))
def test_a_change_of_this_setting_means(
    name: str, key: str, folder: Path, bases: dict[str, Loaded]
) -> None:
    group = GROUPS[name]
    value, *kinds = group["changes"][key]
    other = dict([group["paired"][key]]) if key in group.get("paired", {}) else {}

    changed = read(folder, edited(document_of(name), {key: value, **other}))
    found, back = compared(bases[name], changed), compared(changed, bases[name])

    assert found, "no facet has this setting"
    told, told_back = (
        {kind.value for one in changes for kind in one.kinds} for changes in (found, back)
    )
    assert told == set(" ".join(kinds).split()), [(one.facet, one.kinds) for one in found]
    # What is stricter is laxer the other way round, and nothing that matters goes back unseen.
    assert told != {"closed"} or told_back & {"opened", "loosened"}
    assert bool(told) is bool(told_back)


@pytest.mark.parametrize(("holder", "way", "operator"), CLAIMS)
def test_a_claim_that_is_tested_otherwise_changes_a_facet(
    holder: str, way: str, operator: str, folder: Path
) -> None:
    """What it means is decided for each caller."""

    def testing(operand: object) -> Loaded:
        test = {operator: operand}
        rule: object = test if way == "dept" else [{"dept": test}, {"team": {"exists": True}}]
        return read(folder, edited(TABLE["base"], {holder: {way: rule}}))

    found = compared(*map(testing, OPERATORS[operator]))

    assert found
    assert not any(one.kinds for one in found)


def test_every_key_of_the_schema_is_in_the_table_or_cannot_matter() -> None:
    every = set(keys_of(make_schema()))
    parents = {key[:size] for key in every for size in range(1, len(key))}
    leaves = every - parents
    changed = {tuple(key.split(".")) for _, key in CASES}
    changed |= {
        (*holder.split("."), *(("dept", name) if way == "dept" else (way, name)))
        for holder, way, name in CLAIMS
    }
    reasons = {tuple(key.split(".")): reason for key, reason in TABLE["without"].items()}

    missing = {
        leaf
        for leaf in leaves
        if not any(leaf[:size] in reasons for size in range(1, len(leaf) + 1))
        and not any(_matches(leaf, key) for key in changed)
    }

    assert {".".join(leaf) for leaf in missing} == set()
    assert reasons.keys() <= every
    assert all(isinstance(reason, str) and reason for reason in reasons.values())
    unneeded = {leaf for leaf in reasons if any(_matches(leaf, key) for key in changed)}
    assert unneeded == set()


def test_what_routes_share_changes_each_of_them(folder: Path) -> None:
    def sharing(limit: str) -> Loaded:
        return read(folder, edited(TABLE["base"], {"defaults": {"limits": {"body": limit}}}))

    found = compared(sharing("1MiB"), sharing("2MiB"))

    own = {route["name"] for route in TABLE["base"]["routes"]}
    assert {one.name for one in found} == {*own, "team"}
    assert {kind for one in found for kind in one.kinds} == {Kind.LOOSENED}


def _matches(leaf: tuple[str, ...], key: tuple[str, ...]) -> bool:
    return len(leaf) == len(key) and all(
        known in {"*", one} or (known == "[]" and one.isdigit())
        for known, one in zip(leaf, key, strict=True)
    )


def keys_of(schema: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield the path of each key: `*` stands for a name, `[]` for an entry of a list."""
    yield from _walk(schema, schema, (), ())


def _walk(
    schema: Mapping[str, Any], node: Any, path: tuple[str, ...], seen: tuple[str, ...]
) -> Iterator[tuple[str, ...]]:
    if not isinstance(node, dict):
        return
    if "$ref" in node:
        if node["$ref"] not in seen:
            inner: Any = schema
            for name in node["$ref"].removeprefix("#/").split("/"):
                inner = inner[name]
            yield from _walk(schema, inner, path, (*seen, node["$ref"]))
        return
    for word in ("anyOf", "oneOf", "allOf"):
        for one in node.get(word, ()):
            yield from _walk(schema, one, path, seen)
    for name, one in node.get("properties", {}).items():
        yield (*path, name)
        yield from _walk(schema, one, (*path, name), seen)
    for one in (node.get("additionalProperties"), *node.get("patternProperties", {}).values()):
        yield from _walk(schema, one, (*path, "*"), seen)
    yield from _walk(schema, node.get("items"), (*path, "[]"), seen)
