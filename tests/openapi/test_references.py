"""References are followed inside of the file, and nowhere else."""

import pytest

from tests.openapi.apis import faults_of, read, with_paths

RULE = "{get: {security: [{login: [read]}]}}"


def scopes_of(text: str) -> list[set[str]]:
    return [set(one.security.alternatives[0]) for one in read(text).operations]


@pytest.mark.parametrize(
    "reference", ["#/paths/~1a", "#/components/pathItems/a~1b", "#/x-shared/0", "#/paths/%7E1a"]
)
def test_a_path_may_refer_to_another_part_of_the_file(reference: str) -> None:
    text = with_paths(
        f"/a: {RULE}\n/b: {{$ref: '{reference}'}}", rest=f"x-shared: [{RULE}]\n"
    ).replace("components: {", f"components: {{pathItems: {{a/b: {RULE}}}, ")

    assert scopes_of(text) == [{"read"}, {"read"}]


@pytest.mark.parametrize(
    ("reference", "fault"),
    [
        ("other.yaml#/paths/a", "not_supported: `$ref` `other.yaml#/paths/a` leads out of this"),
        ("https://169.254.169.254/", "leads out of this file, and is not fetched: bundle all"),
        ("#/paths/~1c", "unknown_reference: `$ref` leads nowhere: `#/paths/~1c`"),
        ("#a", "unknown_reference: `$ref` leads nowhere: `#a`"),
        ("#/paths/~1b", "bad_value: `$ref` leads to another `$ref` more than 32 times, or in a"),
    ],
)
def test_a_reference_that_cannot_be_followed_is_a_fault(reference: str, fault: str) -> None:
    (only,) = faults_of(with_paths(f"/a: {RULE}\n/b: {{$ref: '{reference}'}}"))

    assert fault in only


def test_two_references_in_a_circle_are_a_fault() -> None:
    faults = faults_of(with_paths("/a: {$ref: '#/paths/~1b'}\n/b: {$ref: '#/paths/~1a'}"))

    assert len(faults) == 2
    assert all("in a circle" in fault for fault in faults)


def test_operations_beside_a_reference_are_a_fault() -> None:
    """OpenAPI 3.0 leaves undefined what they mean, so they could open or hide something."""
    (fault,) = faults_of(with_paths(f"/a: {RULE}\n/b: {{$ref: '#/paths/~1a', post: {{}}}}"))

    assert fault.startswith("api.yaml:5:29: not_supported: `post` beside `$ref`")


def test_a_merge_key_is_a_fault() -> None:
    (fault,) = faults_of(with_paths(f"/a: &a {RULE}\n/b: {{<<: *a}}"))

    assert "yaml_surprise: a merge key (<<), which is not supported" in fault


def test_what_is_no_table_is_a_fault() -> None:
    assert faults_of(with_paths("/a: []")) == [
        "api.yaml:4:7: wrong_type: expected a table: the operations of a path, by method"
    ]
