"""The Kubernetes component and its example: a native sidecar, hard, patient enough, and in agreement with the settings it mounts.

Read as files everywhere; built by `kubectl kustomize` where kubectl is installed. No cluster is asked: `--dry-run=client` would need one.
"""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from ruamel.yaml import YAML

from sidecar.doctor.host import leaves_within_s, needed_bytes
from sidecar.settings.load import load
from tests.house.tree import ROOT, files

if TYPE_CHECKING:
    from pathlib import Path

    from sidecar.plan import Plan

FOLDER = ROOT / "deploy" / "kubernetes"
EXAMPLE = FOLDER / "example"


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = YAML(typ="safe").load(path.read_text())
    return found


PATCH = read(FOLDER / "component" / "sidecar.yaml")["spec"]["template"]["spec"]
(SIDECAR,) = PATCH["initContainers"]
DEPLOYMENT = read(EXAMPLE / "deployment.yaml")
POD = DEPLOYMENT["spec"]["template"]["spec"]
OVERLAY = read(EXAMPLE / "kustomization.yaml")


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """The settings of the example, with a token in place of the mounted one."""
    token = tmp_path / "admin-token"
    token.write_text("0123456789abcdef\n")
    return load(EXAMPLE / "sidecar.yaml", {"SIDECAR_ADMIN_TOKEN_FILE": str(token)})


def mib(text: str) -> int:
    return int(text.removesuffix("Mi"))


def port(name: str) -> int:
    return int(next(each["containerPort"] for each in SIDECAR["ports"] if each["name"] == name))


def test_it_is_a_native_sidecar() -> None:
    """An init container that stays: well before the application starts, there until it has gone."""
    assert SIDECAR["restartPolicy"] == "Always"
    assert "containers" not in PATCH
    startup = SIDECAR["startupProbe"]
    assert startup["httpGet"] == {"path": "/.sidecar/healthz", "port": "public"}
    assert startup["periodSeconds"] * startup["failureThreshold"] >= 30


def test_probes_ask_the_public_listener(plan: Plan) -> None:
    """What callers meet; ready is known to be over before the drain stops to wait for that."""
    ready = SIDECAR["readinessProbe"]
    assert ready["httpGet"] == {"path": "/.sidecar/readyz", "port": "public"}
    assert ready["periodSeconds"] * ready["failureThreshold"] + 1 < plan.drain.delay_s
    assert SIDECAR["livenessProbe"]["httpGet"]["path"] == "/.sidecar/healthz"
    live = SIDECAR["livenessProbe"]
    assert live["periodSeconds"] * live["failureThreshold"] >= 30


def test_it_is_hard() -> None:
    """Nobody's id, nothing to write to, no capability, no privilege to gain; no token of the cluster in the pod."""
    assert SIDECAR["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 65532,
        "runAsGroup": 65532,
        "readOnlyRootFilesystem": True,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert POD["automountServiceAccountToken"] is False


def test_memory_suffices_and_no_core_is_taken_away(plan: Plan) -> None:
    """A limit of CPU would hold the loop for the rest of each period."""
    limits = SIDECAR["resources"]["limits"]
    assert set(limits) == {"memory"}
    assert mib(limits["memory"]) * 1024 * 1024 > 1.2 * needed_bytes(plan)
    assert set(SIDECAR["resources"]["requests"]) == {"cpu", "memory"}


def test_the_pod_waits_for_application_and_drain(plan: Plan) -> None:
    """The sidecar is told when the application has gone: their times add up."""
    (application,) = POD["containers"]
    stops_s = float(next(each["value"] for each in application["env"] if each["name"] == "STOP_WITHIN_S"))
    assert POD["terminationGracePeriodSeconds"] > stops_s + plan.drain.delay_s + plan.drain.timeout_s + 5
    assert POD["terminationGracePeriodSeconds"] > stops_s + leaves_within_s(plan)


def test_its_ports_are_those_of_the_settings(plan: Plan) -> None:
    """Public and metrics on the pod's address, admin on its loopback and in no list."""
    assert plan.metrics is not None
    assert (plan.listen.host, plan.listen.port) == ("0.0.0.0", port("public"))
    assert (plan.metrics.host, plan.metrics.port) == ("0.0.0.0", port("metrics"))
    assert plan.admin.host == "127.0.0.1"
    named = {each["containerPort"] for each in SIDECAR["ports"]}
    assert plan.admin.port not in named
    (application,) = POD["containers"]
    assert {
        "name": "TICKETS_URL",
        "value": f"http://127.0.0.1:{plan.listen.port}{plan.backends[0].path}",
    } in application["env"]


def test_settings_and_token_are_mounted_as_folders(plan: Plan) -> None:
    """A folder is swapped when its ConfigMap changes, a file is not; and somebody looks whether it was."""
    assert plan.watch_files
    mounts = {each["name"]: each["mountPath"] for each in SIDECAR["volumeMounts"]}
    assert not any("subPath" in each for each in SIDECAR["volumeMounts"])
    assert all(each["readOnly"] for each in SIDECAR["volumeMounts"])
    volumes = {each["name"]: each for each in PATCH["volumes"]}
    assert volumes["sidecar-settings"]["configMap"]["name"] == OVERLAY["configMapGenerator"][0]["name"]
    assert volumes["sidecar-admin"]["secret"]["secretName"] == OVERLAY["secretGenerator"][0]["name"]
    assert SIDECAR["args"] == ["run", f"{mounts['sidecar-settings']}/sidecar.yaml"]
    token = f"{mounts['sidecar-admin']}/admin-token"
    assert SIDECAR["env"] == [{"name": "SIDECAR_ADMIN_TOKEN_FILE", "value": token}]
    assert f"${{SIDECAR_ADMIN_TOKEN_FILE:-{token}}}" in (EXAMPLE / "sidecar.yaml").read_text()
    assert oct(volumes["sidecar-admin"]["secret"]["defaultMode"]) == "0o444"


def test_names_stay_so_that_a_change_is_a_reload() -> None:
    """Under a new name each change of the settings would replace the pods."""
    for generator in (*OVERLAY["configMapGenerator"], *OVERLAY["secretGenerator"]):
        assert generator["options"] == {"disableNameSuffixHash": True}


def test_no_token_is_kept_here() -> None:
    """Whoever deploys makes one; git does not see it."""
    assert not any(path.name == "admin-token" for path in files())
    assert "/deploy/kubernetes/example/admin-token" in (ROOT / ".gitignore").read_text().split()


def test_the_backend_never_gets_more_than_was_meant(plan: Plan) -> None:
    """Limits are a pod's: none comes before another has gone, and one at a time may be taken by whoever empties a node."""
    spec = DEPLOYMENT["spec"]
    assert spec["strategy"]["rollingUpdate"] == {"maxSurge": 0, "maxUnavailable": 1}
    assert spec["replicas"] * plan.backends[0].limit == 16
    budget = read(EXAMPLE / "disruption.yaml")["spec"]
    assert budget["minAvailable"] == spec["replicas"] - 1
    assert not any(
        "autoscal" in path.read_text().lower() for path in EXAMPLE.glob("*.yaml") if path.name != "deployment.yaml"
    )


def test_labels_meet() -> None:
    """Service, budget and policy select the pods; the component selects the Deployment."""
    labels = DEPLOYMENT["spec"]["template"]["metadata"]["labels"]
    selectors = [
        DEPLOYMENT["spec"]["selector"]["matchLabels"],
        read(EXAMPLE / "service.yaml")["spec"]["selector"],
        read(EXAMPLE / "disruption.yaml")["spec"]["selector"]["matchLabels"],
        read(EXAMPLE / "network.yaml")["spec"]["podSelector"]["matchLabels"],
    ]
    assert all(selector == labels for selector in selectors)
    (patch,) = read(FOLDER / "component" / "kustomization.yaml")["patches"]
    name, _, value = patch["target"]["labelSelector"].partition("=")
    assert DEPLOYMENT["metadata"]["labels"][name] == value
    assert (FOLDER / "component" / patch["path"]).is_file()


def test_nobody_outside_reaches_orders(plan: Plan) -> None:
    """The policy lets in what is named, and the admin port is not; metrics are for the scraper's namespace alone."""
    assert plan.metrics is not None
    policy = read(EXAMPLE / "network.yaml")["spec"]
    assert policy["policyTypes"] == ["Ingress"]
    ports = [{each["port"] for each in rule["ports"]} for rule in policy["ingress"]]
    assert plan.admin.port not in set().union(*ports)
    assert [found for found in ports if plan.metrics.port in found] == [{plan.metrics.port}]
    assert all(rule["from"] for rule in policy["ingress"])
    assert read(EXAMPLE / "service.yaml")["spec"]["ports"][0]["targetPort"] == "public"


def test_the_overlay_names_files_that_are_there() -> None:
    """All but the token."""
    for name in OVERLAY["resources"]:
        assert (EXAMPLE / name).is_file()
    for name in OVERLAY["components"]:
        assert (EXAMPLE / name / "kustomization.yaml").is_file()
    assert OVERLAY["configMapGenerator"][0]["files"] == ["sidecar.yaml"]


def test_kustomize_puts_it_together(tmp_path: Path) -> None:
    """One Deployment with the sidecar in it, the ConfigMap with the settings to the byte; without a token nothing is built."""
    kubectl = shutil.which("kubectl") or pytest.skip("no kubectl here: the files were read, nothing was built")
    shutil.copytree(FOLDER, tmp_path / "kubernetes")
    argv = [kubectl, "kustomize", str(tmp_path / "kubernetes" / "example")]
    refused = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    assert refused.returncode != 0
    assert "admin-token" in refused.stderr
    (tmp_path / "kubernetes" / "example" / "admin-token").write_text("0123456789abcdef\n")
    built = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    assert (built.returncode, built.stderr) == (0, "")
    found = {each["kind"]: each for each in YAML(typ="safe").load_all(built.stdout)}
    kinds = {"ConfigMap", "Deployment", "NetworkPolicy", "PodDisruptionBudget", "Secret", "Service"}
    assert set(found) == kinds
    assert {each["metadata"]["namespace"] for each in found.values()} == {OVERLAY["namespace"]}
    assert found["ConfigMap"]["data"] == {"sidecar.yaml": (EXAMPLE / "sidecar.yaml").read_text()}
    pod = found["Deployment"]["spec"]["template"]["spec"]
    (sidecar,) = pod["initContainers"]
    assert sidecar == {**SIDECAR, "image": "registry.example/sidecar:0.1.0"}
    assert [each["name"] for each in pod["containers"]] == ["shop"]
    assert pod["volumes"] == PATCH["volumes"]
    assert pod["terminationGracePeriodSeconds"] == POD["terminationGracePeriodSeconds"]
