"""The image without an engine: its command, as its user, on a read-only root."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.project.container import Container, container, exec_form
from tests.project.systemd_machine import may_make_namespaces

KEY = {
    "kty": "EC",
    "crv": "P-256",
    "kid": "one",
    "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
    "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
}
CONFIG = {
    "version": 1,
    "listen": "127.0.0.1:8080",
    "admin": "127.0.0.1:9901",
    "issuers": {
        "main": {"issuer": "https://a.example/", "jwks_file": "keys.json", "audiences": ["a"]}
    },
    "upstreams": {"a": {"servers": ["http://127.0.0.1:1"]}},
    "routes": [{"name": "a", "match": {"path_prefix": "/"}, "upstream": "a", "require": {}}],
}
ASK = """
import http.client
connection = http.client.HTTPConnection("127.0.0.1", 8080, timeout=30)
connection.request("GET", "/orders")
print(connection.getresponse().status)
"""

pytestmark = pytest.mark.skipif(
    not may_make_namespaces(), reason="no right to make namespaces, which stand for a container"
)


@pytest.fixture(scope="module", params=[1, 2], ids="{} workers".format)
def running(
    request: pytest.FixtureRequest, image: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Container]:
    """Run the image; in the end it must stop as an engine tells it to."""
    folder = tmp_path_factory.mktemp("container")
    folder.chmod(0o755)
    mounted = folder / "mounted"
    mounted.mkdir(0o755)
    (mounted / "gateway.yaml").write_text(yaml.safe_dump(CONFIG | {"workers": request.param}))
    (mounted / "keys.json").write_text(json.dumps({"keys": [KEY]}))
    command = [*exec_form("ENTRYPOINT"), "run", "/mnt/gateway.yaml"]
    with container(image, mounted, command, {}, folder / "said") as found:
        yield found
        assert found.stop() == 0


def test_the_command_of_the_image_is_the_one_that_runs_here_but_for_the_place_of_the_file() -> None:
    assert exec_form("CMD") == ["run", "/etc/gateway/gateway.yaml"]


def test_in_the_container_nothing_can_be_written_and_nobody_is_root(running: Container) -> None:
    """What the other tests rely on: without it they would prove nothing."""
    places = "/ /tmp /var/tmp /run /dev/shm /opt/gateway /mnt"
    script = f"id -u; for place in {places}; do touch $place/a 2>/dev/null && echo $place; done"

    assert running.run("sh", "-c", script).stdout == "65532\n"


def test_a_gateway_whose_admin_port_does_not_answer_is_not_healthy(running: Container) -> None:
    done = running.run("gateway", "healthcheck", "--url", "http://127.0.0.1:9902")

    assert done.returncode == 3


def test_it_serves_and_is_healthy(running: Container) -> None:
    answered = running.run("python", "-c", ASK)
    healthy = running.run(*exec_form("CMD(?= .*healthcheck)"))

    assert (answered.stdout, answered.stderr) == ("401\n", "")
    assert (healthy.returncode, healthy.stdout) == (0, "ready\n")
