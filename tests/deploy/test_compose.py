"""The compose file: what it mounts is there, what it names exists, and it is as hard and as patient as the settings want it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from ruamel.yaml import YAML

from sidecar.descriptors import needed
from sidecar.doctor.host import leaves_within_s, needed_bytes
from sidecar.settings.load import load
from sidecar.settings.quantities import Span
from tests.deploy.promql import promtool
from tests.house.tree import ROOT

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = ROOT / "deploy" / "compose"
FILE = FOLDER / "compose.yaml"
COMPOSE: dict[str, Any] = YAML(typ="safe").load(FILE.read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = [name for name, service in SERVICES.items() if service["image"] == "sidecar:local"]
PLAN = load(FOLDER / "settings" / "sidecar.yaml", {})


def volumes(service: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return the mounts as (outside, inside, mode)."""
    return [tuple(each.split(":")) for each in service.get("volumes", [])]  # type: ignore[misc] # three parts each, see below


def test_what_is_mounted_is_there_and_read_only() -> None:
    """A path that is not there would be made as a folder by docker, and root's."""
    for name, service in SERVICES.items():
        for outside, _, mode in volumes(service):
            assert (FOLDER / outside).exists(), (name, outside)
            assert mode == "ro"


def test_our_containers_are_of_our_image_and_hard() -> None:
    """Built from this project, without a capability, with nothing to write to and bounded memory."""
    assert set(OURS) == {"box-office", "sidecar"}
    for name in OURS:
        service = SERVICES[name]
        assert (FOLDER / service["build"] / "Dockerfile").is_file()
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert re.fullmatch(r"\d+m", service["mem_limit"])
    assert not {"privileged", "network_mode", "pid"} & {key for service in SERVICES.values() for key in service}


def test_nothing_is_published_but_on_this_machine() -> None:
    """A demo is nobody's business; the backend has no port at all, nor have admin and metrics."""
    published = {name: service.get("ports", []) for name, service in SERVICES.items()}
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)
    assert published["box-office"] == []
    assert published["sidecar"] == [f"127.0.0.1:8080:{PLAN.listen.port}"]


def test_its_settings_are_those_of_a_container() -> None:
    """It listens where other containers reach it, reads the folder that is mounted, and reloads what changes there."""
    assert PLAN.metrics is not None
    assert (PLAN.listen.host, PLAN.metrics.host, PLAN.admin.host) == ("0.0.0.0", "0.0.0.0", "127.0.0.1")
    assert PLAN.watch_files
    (mount,) = volumes(SERVICES["sidecar"])
    assert SERVICES["sidecar"]["command"] == ["run", f"{mount[1]}/sidecar.yaml"]


def test_backends_are_containers_of_this_file() -> None:
    """Their hosts are names of services, on the port that each is told to take."""
    for backend in PLAN.backends:
        for _, url in backend.endpoints:
            parts = urlsplit(url)
            entrypoint = SERVICES[str(parts.hostname)]["entrypoint"]
            assert entrypoint[entrypoint.index("--port") + 1] == str(parts.port)
            assert parts.hostname in SERVICES["sidecar"]["depends_on"]


def test_the_box_office_takes_these_arguments() -> None:
    """As the container starts it, but for help."""
    argv = [word for word in SERVICES["box-office"]["entrypoint"] if word.startswith("-")]
    module = SERVICES["box-office"]["entrypoint"][2]
    done = subprocess.run(
        [sys.executable, "-m", module, "--help"], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert [word for word in argv if word != "-m" and word not in done.stdout] == []


def test_a_drain_is_not_cut() -> None:
    """Docker waits longer than the settings let it take."""
    assert Span("1s", "1h").read(SERVICES["sidecar"]["stop_grace_period"]) > leaves_within_s(PLAN)


def test_what_it_may_hold_suffices() -> None:
    """Memory and descriptors, by the settings."""
    sidecar = SERVICES["sidecar"]
    assert int(sidecar["mem_limit"].removesuffix("m")) * 1024 * 1024 > 1.2 * needed_bytes(PLAN)
    assert sidecar["ulimits"]["nofile"] >= needed(PLAN.limits.connections)


def test_prometheus_scrapes_it_and_has_our_rules() -> None:
    """The target is the metrics listener, the job has the name that the rules know, the rules are mounted where they are looked for."""
    assert PLAN.metrics is not None
    config = YAML(typ="safe").load((FOLDER / "prometheus.yaml").read_text())
    (job,) = config["scrape_configs"]
    assert job["job_name"] == "sidecar"
    assert job["static_configs"] == [{"targets": [f"sidecar:{PLAN.metrics.port}"]}]
    assert 'up{job="sidecar"}' in (ROOT / "deploy" / "prometheus" / "alerts.yaml").read_text()
    inside = [each for _, each, _ in volumes(SERVICES["prometheus"])]
    assert set(config["rule_files"]) <= set(inside)
    assert SERVICES["prometheus"]["command"] == [f"--config.file={inside[0]}"]


def test_grafana_finds_our_dashboard() -> None:
    """The folder that its provider looks into is the one that is mounted, and its source is Prometheus."""
    provider = YAML(typ="safe").load((FOLDER / "grafana" / "dashboards.yaml").read_text())["providers"][0]
    mounts = {inside: outside for outside, inside, _ in volumes(SERVICES["grafana"])}
    assert (FOLDER / mounts[provider["options"]["path"]] / "sidecar.json").is_file()
    source = YAML(typ="safe").load((FOLDER / "grafana" / "datasource.yaml").read_text())["datasources"][0]
    assert urlsplit(source["url"]).hostname in SERVICES
    assert (source["type"], source["isDefault"]) == ("prometheus", True)


def test_promtool_takes_the_configuration(tmp_path: Path) -> None:
    """With the rules where they are here."""
    rules = ROOT / "deploy" / "prometheus" / "alerts.yaml"
    text = (FOLDER / "prometheus.yaml").read_text().replace("/etc/prometheus/alerts.yaml", str(rules))
    (tmp_path / "prometheus.yaml").write_text(text)
    done = promtool("check", "config", "prometheus.yaml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr + done.stdout


def test_compose_takes_the_file() -> None:
    """Where the plugin is installed; it needs no daemon for that."""
    docker = shutil.which("docker")
    if not docker or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("no `docker compose` here: the file was read, not parsed by it")
    done = subprocess.run(
        [docker, "compose", "--profile", "watch", "-f", str(FILE), "config", "--quiet"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
