"""The Kubernetes manifests, built by kustomize, are valid, safe and consistent."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

import gateway
from gateway.settings.load import Loaded, load_settings
from gateway.settings.values.configuration import Settings

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "config" / "kubernetes"
NAME = "jwt-gateway"
GATEWAY = Path(sys.executable).with_name("gateway")
LABELS = {"app.kubernetes.io/name": NAME}
TOKEN = "a token of the admin port that is long enough"

# The oldest version that Kubernetes still maintains, and the newest with a schema.
VERSIONS = ["1.34", "1.35", "1.36", "1.37"]

NO_KUSTOMIZE = pytest.mark.skipif(
    shutil.which("kustomize") is None, reason="kustomize is not installed"
)
pytestmark = NO_KUSTOMIZE


@cache
def built() -> dict[str, dict[str, Any]]:
    """Return the objects that a cluster receives, by kind."""
    done = subprocess.run(
        ["kustomize", "build", str(FOLDER)], capture_output=True, check=True, timeout=60
    )
    return {one["kind"]: one for one in yaml.safe_load_all(done.stdout)}


def pod() -> dict[str, Any]:
    found: dict[str, Any] = built()["Deployment"]["spec"]["template"]["spec"]
    return found


def pod_container() -> dict[str, Any]:
    (found,) = pod()["containers"]
    assert isinstance(found, dict)
    return found


def ports() -> dict[str, int]:
    return {port["name"]: port["containerPort"] for port in pod_container()["ports"]}


@pytest.fixture
def mounted(tmp_path: Path) -> Path:
    """Return the directory that the pod sees: the files of the ConfigMap."""
    for name, text in built()["ConfigMap"]["data"].items():
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.fixture
def settings(mounted: Path) -> Settings:
    loaded = load_settings(mounted / "gateway.yaml", {"GATEWAY_ADMIN_TOKEN": TOKEN})
    assert isinstance(loaded, Loaded), loaded
    return loaded.settings


# --- valid


@pytest.mark.parametrize("version", VERSIONS)
def test_every_manifest_is_what_the_api_of_kubernetes_takes(version: str) -> None:
    """Strict: a key that the schema does not know is an error, too."""
    for manifest in built().values():
        kubernetes_validate.validate(manifest, version, strict=True)


def test_a_key_that_kubernetes_does_not_know_is_found() -> None:
    manifest = json.loads(json.dumps(built()["Deployment"]))
    manifest["spec"]["template"]["spec"]["terminationGracePeriod"] = 45

    with pytest.raises(kubernetes_validate.ValidationError, match="terminationGracePeriod"):
        kubernetes_validate.validate(manifest, VERSIONS[-1], strict=True)


def test_every_file_of_the_folder_is_used_or_is_named_as_an_option() -> None:
    kustomization = (FOLDER / "kustomization.yaml").read_text()

    assert all(
        path.name in kustomization for path in FOLDER.iterdir() if path.name != "kustomization.yaml"
    )


def test_nothing_is_bound_to_a_namespace_and_everything_bears_the_label() -> None:
    assert set(built()) >= {
        "Deployment",
        "Service",
        "ServiceAccount",
        "ConfigMap",
        "PodDisruptionBudget",
        "HorizontalPodAutoscaler",
        "NetworkPolicy",
    }
    for manifest in built().values():
        assert "namespace" not in manifest["metadata"]
        assert manifest["metadata"]["labels"] == LABELS


# --- the pod standard "restricted"
# https://kubernetes.io/docs/concepts/security/pod-security-standards/


def test_the_pod_may_run_where_only_restricted_pods_may() -> None:
    security, own = pod()["securityContext"], pod_container()["securityContext"]

    assert security["runAsNonRoot"] is True
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert own["allowPrivilegeEscalation"] is False
    assert own["capabilities"] == {"drop": ["ALL"]}
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod())
    assert not [port for port in pod_container()["ports"] if "hostPort" in port]
    assert all({"configMap", "secret"} & set(volume) for volume in pod()["volumes"])


def test_nothing_can_be_written_and_no_credentials_of_the_cluster_are_there() -> None:
    assert pod_container()["securityContext"]["readOnlyRootFilesystem"] is True
    assert all(mount["readOnly"] is True for mount in pod_container()["volumeMounts"])
    assert pod()["automountServiceAccountToken"] is False


def test_the_user_is_the_one_of_the_image() -> None:
    users = re.findall(r"^USER (\d+):(\d+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    security = pod()["securityContext"]

    assert users == [(str(security["runAsUser"]), str(security["runAsGroup"]))]


# --- the configuration in the ConfigMap


@pytest.mark.parametrize("command", [["check", "--strict"], ["test", "--config"]], ids=" ".join)
def test_the_configuration_holds_without_a_doubt_and_its_suite_passes(
    command: list[str], mounted: Path
) -> None:
    done = subprocess.run(
        [GATEWAY, *command, mounted / "gateway.yaml"],
        env={"GATEWAY_ADMIN_TOKEN": TOKEN},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r": valid$|^[1-9]\d* passed, in 1 suite$", done.stdout, re.MULTILINE)


def test_the_ports_are_those_that_the_gateway_listens_on(settings: Settings) -> None:
    """On all addresses: the cluster and the probes connect to that of the pod."""
    assert settings.admin is not None
    (listen,) = settings.listen
    assert listen.address.port == ports()["http"]
    assert settings.admin.address.port == ports()["admin"]
    assert listen.address.host == settings.admin.address.host == "0.0.0.0"


def test_what_others_can_reach_of_the_admin_port_asks_for_a_token(settings: Settings) -> None:
    (variable,) = pod_container()["env"]

    assert settings.admin is not None
    assert settings.admin.token == TOKEN
    assert variable["name"] == "GATEWAY_ADMIN_TOKEN"
    assert set(variable["valueFrom"]) == {"secretKeyRef"}


def test_a_pod_has_the_time_that_taking_leave_needs(settings: Settings) -> None:
    needed = settings.drain_delay_seconds + settings.drain_seconds

    assert pod()["terminationGracePeriodSeconds"] >= needed + 5


def test_connections_are_taken_until_the_readiness_probe_has_failed(settings: Settings) -> None:
    probe = pod_container()["readinessProbe"]

    assert settings.drain_delay_seconds > probe["periodSeconds"] * probe["failureThreshold"]


def test_a_changed_config_map_reaches_running_pods(settings: Settings) -> None:
    """A file that is mounted with `subPath` never changes, nor does a map with another name."""
    (mount,) = pod_container()["volumeMounts"]
    (volume,) = pod()["volumes"]

    assert settings.reload.watch_seconds is not None
    assert settings.reload.runs_suites is True
    assert "subPath" not in mount
    assert mount["name"] == volume["name"]
    assert volume["configMap"]["name"] == built()["ConfigMap"]["metadata"]["name"] == NAME
    assert pod_container()["args"] == ["run", f"{mount['mountPath']}/gateway.yaml"]


def test_a_pod_requests_a_core_for_each_worker(settings: Settings) -> None:
    resources = pod_container()["resources"]

    assert float(resources["requests"]["cpu"]) == settings.workers
    assert "cpu" not in resources["limits"]


# --- names, labels, ports: they agree


def test_whatever_selects_pods_selects_these() -> None:
    spec = {kind: manifest.get("spec", {}) for kind, manifest in built().items()}

    assert spec["Deployment"]["template"]["metadata"]["labels"] == LABELS
    assert spec["Service"]["selector"] == LABELS
    for kind, key in (
        ("Deployment", "selector"),
        ("PodDisruptionBudget", "selector"),
        ("NetworkPolicy", "podSelector"),
    ):
        assert spec[kind][key] == {"matchLabels": LABELS}
    for constraint in pod()["topologySpreadConstraints"]:
        assert constraint["labelSelector"] == {"matchLabels": LABELS}


def test_ports_are_named_as_the_container_names_them() -> None:
    probes = [pod_container()[f"{name}Probe"] for name in ("startup", "liveness", "readiness")]
    policy = built()["NetworkPolicy"]["spec"]
    let_in = [port["port"] for rule in policy["ingress"] for port in rule["ports"]]

    assert [probe["httpGet"]["path"] for probe in probes] == ["/livez", "/livez", "/readyz"]
    assert {probe["httpGet"]["port"] for probe in probes} == {"admin"}
    assert [port["targetPort"] for port in built()["Service"]["spec"]["ports"]] == ["http"]
    assert sorted(let_in) == ["admin", "http"]


def test_only_prometheus_reaches_the_admin_port() -> None:
    rules = built()["NetworkPolicy"]["spec"]["ingress"]

    for rule in rules:
        if "admin" in [port["port"] for port in rule["ports"]]:
            (source,) = rule["from"]
            assert "namespaceSelector" in source


def test_services_and_issuers_are_within_reach(settings: Settings) -> None:
    rules = built()["NetworkPolicy"]["spec"]["egress"]
    let_out = {port["port"] for rule in rules for port in rule["ports"]}
    servers = {server.port for up in settings.upstreams.values() for server in up.servers}

    assert servers | {53, 443} <= let_out


def test_the_autoscaler_scales_the_deployment_which_leaves_the_number_to_it() -> None:
    scaler, deployment = built()["HorizontalPodAutoscaler"]["spec"], built()["Deployment"]

    assert scaler["scaleTargetRef"] == {
        "apiVersion": deployment["apiVersion"],
        "kind": "Deployment",
        "name": deployment["metadata"]["name"],
    }
    assert "replicas" not in deployment["spec"]
    assert (
        built()["PodDisruptionBudget"]["spec"]["maxUnavailable"]
        < scaler["minReplicas"]
        < scaler["maxReplicas"]
    )


def test_the_optional_monitor_finds_pods_port_and_token() -> None:
    monitor = yaml.safe_load((FOLDER / "pod-monitor.yaml").read_text())["spec"]
    (endpoint,) = monitor["podMetricsEndpoints"]
    (variable,) = pod_container()["env"]

    assert monitor["selector"] == {"matchLabels": LABELS}
    assert endpoint["port"] in ports()
    assert {"targetLabel": "job", "replacement": "gateway"} in endpoint["relabelings"]
    assert 'job="gateway"' in (ROOT / "config" / "prometheus" / "alerts.yaml").read_text()
    assert endpoint["authorization"]["credentials"] == variable["valueFrom"]["secretKeyRef"]


def test_the_image_has_the_version_of_this_tree() -> None:
    assert pod_container()["image"] == f"registry.example.com/{NAME}:{gateway.__version__}"


def test_the_validator_is_locked() -> None:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]

    assert [name for name in groups["dev"] if name.startswith("kubernetes-validate")]
