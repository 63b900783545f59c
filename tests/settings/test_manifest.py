"""A Kubernetes manifest beside the settings: each contradiction with its place, a right one in peace, and what one needs to know."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from sidecar.settings import manifest
from sidecar.settings.load import Beside, load_all
from sidecar.settings.problem import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

    from sidecar.settings.loaded import Loaded
    from sidecar.settings.problem import Problem

SETTINGS = """\
listen: {host: 0.0.0.0, port: 8080}
admin: {host: 0.0.0.0, port: 8081, token: "${ADMIN_TOKEN}"}
public_url: https://a.example
drain: {delay: 5s, timeout: 60s}
limits: {connections: 1000, buffered: 128MiB}
backends: {t: {protocol: xmlrpc, url: http://h/x}}
"""
POD = """\
apiVersion: v1
kind: Pod
metadata: {name: shop}
spec:
  terminationGracePeriodSeconds: 75
  securityContext: {fsGroup: 65532}
  initContainers:
    - name: sidecar
      image: registry.example/sidecar:1.2
      restartPolicy: Always
      args: [run, /etc/sidecar/sidecar.yaml]
      env: [{name: ADMIN_TOKEN, valueFrom: {secretKeyRef: {name: sidecar, key: token}}}]
      ports: [{name: http, containerPort: 8080}, {name: admin, containerPort: 8081}]
      resources: {limits: {memory: 256Mi}}
      startupProbe: {httpGet: {path: /.sidecar/healthz, port: http}}
      livenessProbe: {httpGet: {path: /healthz, port: admin}}
      readinessProbe: {httpGet: {path: /.sidecar/readyz, port: 8080}}
      volumeMounts: [{name: keys, mountPath: /run/secrets/sidecar, readOnly: true}, {name: sockets, mountPath: /run/sidecar}]
  containers:
    - name: shop
      image: shop:3
  volumes:
    - {name: keys, secret: {secretName: sidecar, defaultMode: 0440}}
    - {name: sockets, emptyDir: {}}
"""
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
spec:
  template:
{}
"""


def loaded(folder: Path, settings: str = SETTINGS) -> Loaded:
    (folder / "sidecar.yaml").write_text(settings)
    return load_all(folder / "sidecar.yaml", Beside({"ADMIN_TOKEN": "0123456789abcdef"}))


def told(folder: Path, pod: str, settings: str = SETTINGS) -> list[Problem]:
    return manifest.compare(loaded(folder, settings), pod, "pod.yaml")


def test_a_right_one(tmp_path: Path) -> None:
    """Nothing to say, also where other documents stand beside it."""
    assert told(tmp_path, POD) == []
    assert told(tmp_path, "kind: Service\nspec: {ports: [{port: 1}]}\n---\n" + POD + "---\n- a list\n---\n") == []


@pytest.mark.parametrize("kind", ["Deployment", "CronJob"])
def test_controllers_hold_a_template(tmp_path: Path, kind: str) -> None:
    """However deep; places are in the manifest, keys say the way."""
    spec = POD[POD.index("spec:") :].replace("75", "60")
    template = "".join(f"    {line}\n" for line in spec.splitlines())
    whole = DEPLOYMENT.format(template)
    if kind == "CronJob":
        indented = "".join(f"    {line}\n" for line in whole[whole.index("spec:") :].splitlines())
        whole = f"kind: CronJob\nspec:\n  jobTemplate:\n{indented}"
    (problem,) = told(tmp_path, whole)
    assert problem.code == "E402"
    assert problem.key.endswith("spec.template.spec.initContainers[0].terminationGracePeriodSeconds")
    line = whole.splitlines()[problem.place.line - 1]
    assert line[problem.place.column - 1 :].startswith("terminationGracePeriodSeconds: 60")


@pytest.mark.parametrize(
    ("old", "new", "code", "said"),
    [
        ("Seconds: 75", "Seconds: 69", "E402", "killed after 69s, and must live for at least 70s"),
        ("  terminationGracePeriodSeconds: 75\n", "", "E402", "killed after 30s"),
        (
            "restartPolicy: Always",
            "restartPolicy: Always\n      lifecycle: {preStop: {sleep: {seconds: 6}}}",
            "E402",
            "6s of preStop",
        ),
        (
            "restartPolicy: Always",
            'restartPolicy: Always\n      lifecycle: {preStop: {exec: {command: [sh, -c, "sleep 10 && true"]}}}',
            "E402",
            "+ 10s of preStop",
        ),
        ("containerPort: 8080", "containerPort: 80", "E403", "nobody listens on 80"),
        ("memory: 256Mi", "memory: 128Mi", "E404", "128MiB of bodies, 1000 connections of 16KiB, and 75MiB for itself"),
        ("memory: 256Mi", "memory: 200M", "E404", "at least 219Mi"),
        (
            "path: /.sidecar/readyz, port: 8080",
            "path: /.sidecar/healthz, port: 8080",
            "E405",
            "ask for /.sidecar/readyz",
        ),
        ("path: /.sidecar/readyz, port: 8080", "path: /readyz, port: 8080", "E405", "ask for /.sidecar/readyz"),
        ("path: /healthz, port: admin", "path: /readyz, port: admin", "E405", "killed for not being ready"),
        ("path: /healthz, port: admin", "path: /healthz, port: 9000", "E405", "where nobody listens"),
        ("path: /healthz, port: admin", "path: /healthz, port: admin2", "E405", "asks port admin2"),
        ("port: http}", "port: http, scheme: HTTPS}", "E405", "write scheme: HTTP"),
        ("      env: [{name: ADMIN_TOKEN", "      env: [{name: TOKEN", "E407", "the variable ADMIN_TOKEN"),
        ("      image: registry.example/sidecar:1.2", "      image: proxy:1", "E401", "no pod in it runs the sidecar"),
    ],
)
def test_contradictions(tmp_path: Path, old: str, new: str, code: str, said: str) -> None:
    """Grace, ports, memory, probes, variables: each refused with what the settings need."""
    assert old in POD
    whole = POD.replace(old, new)
    (problem,) = [each for each in told(tmp_path, whole) if each.code == code]
    assert said in f"{problem.what} ({problem.remedy})"
    assert 1 <= problem.place.line <= len(whole.splitlines())


@pytest.mark.parametrize(
    ("settings", "code", "said"),
    [
        ("listen: {port: 8080}", "E403", "listen listens on the loopback"),
        ("listen: {port: 8080}", "E405", "comes from the node, and listen listens on the loopback"),
        ("admin: {port: 8081}", "E405", "use exec: sidecar health"),
    ],
)
def test_what_the_kubelet_does_not_reach(tmp_path: Path, settings: str, code: str, said: str) -> None:
    """A probe by HTTP comes from outside of the pod."""
    key = settings.partition(":")[0]
    changed = re.sub(rf"^{key}: .*$", settings, SETTINGS, flags=re.MULTILINE)
    assert said in " ".join(f"{each.what} {each.remedy}" for each in told(tmp_path, POD, changed) if each.code == code)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("      resources: {limits: {memory: 256Mi}}\n", "", "no memory limit"),
        ("      readinessProbe: {httpGet: {path: /.sidecar/readyz, port: 8080}}\n", "", "without a readiness probe"),
    ],
)
def test_warnings(tmp_path: Path, old: str, new: str, said: str) -> None:
    """What is no contradiction, and still ends in a night call."""
    (problem,) = told(tmp_path, POD.replace(old, new))
    assert (problem.code, problem.severity) == ("W413", "warning")
    assert said in problem.what


def test_an_ordinary_container_goes_too_early(tmp_path: Path) -> None:
    """The kubelet ends all containers at once, and native sidecars after the others. Alone in its pod it has nobody to wait for."""
    as_container = POD.replace("  initContainers:\n", "  containers:\n").replace("      restartPolicy: Always\n", "")
    together = as_container.replace("  containers:\n    - name: shop", "    - name: shop")
    (problem,) = told(tmp_path, together)
    assert problem.code == "W413"
    assert "restartPolicy: Always" in problem.remedy
    alone = together.replace("    - name: shop\n      image: shop:3\n", "")
    assert told(tmp_path, alone) == []


TOKEN_FILE = SETTINGS.replace('token: "${ADMIN_TOKEN}"', "token_file: FOLDER/token")


@pytest.fixture
def mounted(tmp_path: Path) -> tuple[str, str]:
    """Settings with a token file, and a pod that mounts its folder."""
    (tmp_path / "token").write_text("0123456789abcdef")
    return TOKEN_FILE.replace("FOLDER", str(tmp_path)), POD.replace("/run/secrets/sidecar", str(tmp_path))


def test_files_of_the_container_need_not_be_here(tmp_path: Path) -> None:
    """Whoever checks a manifest sits elsewhere: absolute names are looked for among the mounts, relative ones beside the settings."""
    (tmp_path / "sidecar.yaml").write_text(TOKEN_FILE.replace("FOLDER", "/run/secrets/sidecar"))
    found = load_all(tmp_path / "sidecar.yaml", Beside({}, elsewhere=True))
    assert manifest.compare(found, POD, "pod.yaml") == []
    for beside, name in ((Beside({}), "/run/secrets/sidecar"), (Beside({}, elsewhere=True), "secrets")):
        (tmp_path / "sidecar.yaml").write_text(TOKEN_FILE.replace("FOLDER", name))
        with pytest.raises(SettingsError, match="E302"):
            load_all(tmp_path / "sidecar.yaml", beside)


def test_files_that_are_mounted(tmp_path: Path, mounted: tuple[str, str]) -> None:
    """Readable for the group that fsGroup names, or for everybody, or by root."""
    settings, pod = mounted
    assert told(tmp_path, pod, settings) == []
    free = pod.replace("0440", "0444").replace("  securityContext: {fsGroup: 65532}\n", "")
    assert told(tmp_path, free, settings) == []
    root = pod.replace("{fsGroup: 65532}", "{runAsUser: 0}")
    assert told(tmp_path, root, settings) == []


@pytest.mark.parametrize(
    ("old", "new", "code", "said"),
    [
        ("  securityContext: {fsGroup: 65532}\n", "", "E406", "defaultMode is 0440, and there is no fsGroup"),
        ("{fsGroup: 65532}", "{runAsUser: 0, runAsNonRoot: true}", "E406", "only root can read"),
        ("defaultMode: 0440", "defaultMode: 256", "", ""),  # 0400 in decimal, and fsGroup gives it to the group
        ("{fsGroup: 65532}", "{runAsUser: 65532}", "E406", "there is no fsGroup"),
        ("mountPath: ", "mountPath: /elsewhere", "W413", "nothing is mounted there"),
    ],
)
def test_files_that_nobody_can_read(
    tmp_path: Path, mounted: tuple[str, str], old: str, new: str, code: str, said: str
) -> None:
    """A key that only root may read, and a process that is not root."""
    settings, pod = mounted
    found = told(tmp_path, pod.replace(old, new, 1), settings)
    assert [each.code for each in found] == ([code] if code else [])
    assert all(said in each.what for each in found)


def test_a_socket_on_a_read_only_root(tmp_path: Path) -> None:
    """It needs a volume that can be written."""
    settings = SETTINGS.replace(
        'admin: {host: 0.0.0.0, port: 8081, token: "${ADMIN_TOKEN}"}', "admin: {unix: /run/sidecar/a.sock}"
    )
    pod = POD.replace(
        "livenessProbe: {httpGet: {path: /healthz, port: admin}}", "securityContext: {readOnlyRootFilesystem: true}"
    )
    pod = pod.replace(", {name: admin, containerPort: 8081}", "")
    assert told(tmp_path, pod, settings) == []
    (problem,) = told(tmp_path, pod.replace(", {name: sockets, mountPath: /run/sidecar}", ""), settings)
    assert problem.code == "E406"
    assert "/run/sidecar/a.sock cannot be made" in problem.what


def test_variables_from_elsewhere(tmp_path: Path) -> None:
    """What envFrom brings nobody sees in the manifest."""
    pod = POD.replace(
        "env: [{name: ADMIN_TOKEN, valueFrom: {secretKeyRef: {name: sidecar, key: token}}}]",
        "envFrom: [{secretRef: {name: s}}]",
    )
    assert told(tmp_path, pod) == []


@pytest.mark.parametrize("source", ["a: [", "a: 'b", "", "- a", "kind: Pod", "kind: Pod\nspec: {containers: x}", "\0"])
def test_what_is_no_manifest(tmp_path: Path, source: str) -> None:
    """Told, with its place, and never with a traceback."""
    (problem,) = told(tmp_path, source)
    assert (problem.code, problem.place.file) == ("E401", "pod.yaml")


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1", 1),
        ("64Ki", 65536),
        ("1.5Gi", 1610612736),
        ("200M", 200_000_000),
        ("1T", 10**12),
        ("x", None),
        (None, None),
    ],
)
def test_quantities(text: str | None, size: int | None) -> None:
    """As the API of Kubernetes reads them."""
    assert manifest._bytes(text) == size


def test_what_a_manifest_needs_to_know(tmp_path: Path) -> None:
    """For people and for machines; a manifest made of it passes."""
    plan = loaded(tmp_path).plan
    facts, text = manifest.facts(plan), manifest.text(plan)
    assert facts["termination_grace_period_s"] == 70
    assert facts["memory_limit_bytes"] == (75 + 128) * 2**20 + 1000 * 16 * 1024
    assert [(port["name"], port["port"]) for port in facts["ports"]] == [("listen", 8080), ("admin", 8081)]
    assert "terminationGracePeriodSeconds: 70" in text
    assert "readinessProbe: {httpGet: {path: /.sidecar/readyz, port: 8080, scheme: HTTP}}" in text
    fits = POD.replace("75", "70").replace("256Mi", re.findall(r"memory: (\d+Mi)", text)[0])
    assert told(tmp_path, fits) == []


def test_answers_that_are_kept_take_memory(tmp_path: Path) -> None:
    """Where any are kept: then a pod needs so much more."""
    cached = SETTINGS.replace("http://h/x", "http://h/x, operations: {a: {safe: true, cache: {ttl: 1s}}}")
    needs = manifest.facts(loaded(tmp_path, cached).plan)["memory_limit_bytes"]
    assert needs == manifest.facts(loaded(tmp_path).plan)["memory_limit_bytes"] + 64 * 2**20
    (problem,) = told(tmp_path, POD, cached)
    assert "128MiB of bodies, 64MiB of answers that are kept, 1000 connections" in problem.what


@pytest.mark.parametrize(
    ("listen", "probe"),
    [
        ("listen: {port: 8080}", 'exec: {command: ["sidecar", "health", "--url", "http://127.0.0.1:8080", "--ready"]}'),
        ("listen: {unix: /run/a.sock}", 'exec: {command: ["sidecar", "health", "--unix", "/run/a.sock", "--ready"]}'),
    ],
)
def test_probes_inside_the_pod(tmp_path: Path, listen: str, probe: str) -> None:
    """Where the kubelet reaches nothing, the container asks itself."""
    text = manifest.text(loaded(tmp_path, re.sub(r"^listen: .*$", listen, SETTINGS, flags=re.MULTILINE)).plan)
    assert f"readinessProbe: {{{probe}}}" in text


def test_the_defaults_fit_each_other(tmp_path: Path) -> None:
    """A pod that says nothing lives as long as settings that say nothing of a drain need."""
    settings = re.sub(r"^drain: .*\n", "", SETTINGS, flags=re.MULTILINE)
    assert "drain" not in settings
    assert manifest.facts(loaded(tmp_path, settings).plan)["termination_grace_period_s"] == manifest._KUBELET_S
