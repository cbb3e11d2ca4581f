"""The pod of the manifests, without a cluster: probes, a changed ConfigMap, termination."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from tests.hanging import LIMIT_SECONDS
from tests.project.container import Container, container, exec_form
from tests.project.systemd_machine import may_make_namespaces
from tests.project.test_image import KEY
from tests.project.test_kubernetes import NO_KUSTOMIZE, TOKEN, built, pod_container

pytestmark = [
    NO_KUSTOMIZE,
    pytest.mark.skipif(
        not may_make_namespaces(), reason="no right to make namespaces, which stand for a pod"
    ),
]

ASK = """
import http.client, sys
_, port, path, token = sys.argv
connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=30)
connection.request("GET", path, headers={"Authorization": f"Bearer {token}"} if token else {})
answer = connection.getresponse()
print(answer.status, answer.read().decode())
"""


class Mounted:
    """A ConfigMap as the kubelet mounts it: renaming one link changes all files."""

    def __init__(self, folder: Path, files: dict[str, str]) -> None:
        folder.mkdir(0o755)
        self.folder = folder
        self._version = 0
        self.change(files)
        for name in files:
            (folder / name).symlink_to(f"..data/{name}")

    def change(self, files: dict[str, str]) -> None:
        self._version += 1
        version = self.folder / f"..version_{self._version}"
        version.mkdir(0o755)
        for name, text in files.items():
            (version / name).write_text(text)
        link = self.folder / "..data_tmp"
        link.symlink_to(version.name)
        link.rename(self.folder / "..data")


def files() -> dict[str, str]:
    """Return the files of the ConfigMap, with keys from a file and shorter times."""
    found = dict(built()["ConfigMap"]["data"])
    for was, here in (
        ("discovery: true", "jwks_file: keys.json"),
        ("watch: 5s", "watch: 100ms"),
        ("delay: 5s", "delay: 100ms"),
    ):
        assert was in found["gateway.yaml"]
        found["gateway.yaml"] = found["gateway.yaml"].replace(was, here)
    return found | {"keys.json": json.dumps({"keys": [KEY]})}


@pytest.fixture
def config_map(tmp_path: Path) -> Mounted:
    return Mounted(tmp_path / "mounted", files())


@pytest.fixture
def pod(image: Path, config_map: Mounted, tmp_path: Path) -> Iterator[Container]:
    (mount,) = pod_container()["volumeMounts"]
    arguments = [one.replace(mount["mountPath"], "/mnt") for one in pod_container()["args"]]
    command = [*exec_form("ENTRYPOINT"), *arguments]
    variables = {"GATEWAY_ADMIN_TOKEN": TOKEN}
    said = tmp_path / "said"
    with container(image, config_map.folder, command, variables, said) as found:
        yield found


def get(pod: Container, port: int, path: str, token: str = "") -> tuple[int, str]:
    done = pod.run("python", "-c", ASK, str(port), path, token)
    assert done.returncode == 0, done.stderr
    status, _, body = done.stdout.partition(" ")
    return int(status), body


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def count_of_reloads(pod: Container, outcome: str) -> bool:
    _, text = get(pod, 9901, "/metrics", TOKEN)
    return f'gateway_config_reloads_total{{outcome="{outcome}"}} 1.0\n' in text


def test_the_probes_are_answered_and_whatever_else_is_there_asks_for_the_token(
    pod: Container,
) -> None:
    for name in ("startup", "liveness", "readiness"):
        path = pod_container()[f"{name}Probe"]["httpGet"]["path"]
        assert get(pod, 9901, path)[0] == 200
    for path in ("/metrics", "/status"):
        assert get(pod, 9901, path)[0] == 401
        assert get(pod, 9901, path, TOKEN)[0] == 200
    assert get(pod, 8080, "/orders/7")[0] == 401
    assert pod.stop() == 0


def test_a_changed_config_map_is_taken_over_if_its_suite_passes(
    pod: Container, config_map: Mounted
) -> None:
    weaker, wider = files(), files()
    weaker["gateway.yaml"] = weaker["gateway.yaml"].replace(
        "require: {scopes: [orders:read]}", "public: true"
    )
    config = yaml.safe_load(wider["gateway.yaml"])
    config["routes"].append(
        {"name": "new", "match": {"path": "/new"}, "upstream": "orders", "require": {}}
    )
    wider["gateway.yaml"] = yaml.safe_dump(config)

    config_map.change(weaker)
    wait_until(lambda: count_of_reloads(pod, "tests_failed"))
    assert get(pod, 8080, "/orders/7")[0] == 401
    assert get(pod, 8080, "/new")[0] == 404

    config_map.change(wider)
    wait_until(lambda: count_of_reloads(pod, "applied"))
    assert get(pod, 8080, "/new")[0] == 401
