"""The systemd unit: understood by systemd where it is here, hard, and in agreement with the settings that it starts."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from sidecar.cli import BAD_SETTINGS
from sidecar.descriptors import needed
from sidecar.doctor.host import leaves_within_s, needed_bytes
from sidecar.settings.load import load
from sidecar.settings.quantities import Span
from tests.house.tree import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from sidecar.plan import Plan

FOLDER = ROOT / "deploy" / "systemd"
UNIT = FOLDER / "sidecar.service"
DROP_INS = sorted((FOLDER / "sidecar.service.d").glob("*.conf"))
PROGRAM = "/opt/sidecar/bin/sidecar"
# What a process that needs sockets and nothing else of a machine gives up (systemd.exec(5)).
HARDENING = {
    "NoNewPrivileges": "yes",
    "CapabilityBoundingSet": "",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "ProtectProc": "invisible",
    "PrivateTmp": "yes",
    "PrivateDevices": "yes",
    "ProtectKernelTunables": "yes",
    "ProtectKernelModules": "yes",
    "ProtectControlGroups": "yes",
    "RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX",
    "RestrictNamespaces": "yes",
    "RestrictSUIDSGID": "yes",
    "LockPersonality": "yes",
    "MemoryDenyWriteExecute": "yes",
    "SystemCallArchitectures": "native",
    "LimitCORE": "0",
}


def read(path: Path) -> dict[str, list[str]]:
    """Return the directives of all sections, each with its values in order."""
    found: dict[str, list[str]] = {}
    for line in path.read_text().splitlines():
        if line.startswith(("#", "[")) or not line.strip():
            continue
        name, sign, value = line.partition("=")
        assert sign, f"{path.name}: {line!r} is no directive"
        found.setdefault(name.strip(), []).append(value.strip())
    return found


SERVICE = read(UNIT)


def only(name: str) -> str:
    (value,) = SERVICE[name]
    return value


def span_s(text: str) -> float:
    """Read a time of the unit."""
    return Span("1s", "1h").read(re.sub(r"min$", "m", text))


def mib(text: str) -> int:
    return int(text.removesuffix("M"))


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """What the settings beside the unit amount to, with the token that the unit hands on."""
    token = tmp_path / "admin-token"
    token.write_text("0123456789abcdef\n")
    return load(FOLDER / "sidecar.yaml", {"SIDECAR_ADMIN_TOKEN_FILE": str(token)})


def test_it_waits_for_ready_and_watches_the_loop() -> None:
    """Type=notify with a watchdog, and only the process itself may speak for it."""
    assert (only("Type"), only("NotifyAccess")) == ("notify", "main")
    assert 5 <= span_s(only("WatchdogSec")) <= 60


def test_a_reload_is_a_question_with_an_answer() -> None:
    """The command waits for the verdict, and shows the token that systemd holds for it."""
    assert only("ExecStart") == f"{PROGRAM} run /etc/sidecar/sidecar.yaml"
    assert only("ExecReload") == f"{PROGRAM} reload"
    assert only("LoadCredential") == "admin-token:/etc/sidecar/admin-token"
    assert "SIDECAR_ADMIN_TOKEN_FILE=%d/admin-token" in SERVICE["Environment"]


def test_the_settings_take_the_token_that_the_unit_hands_on(plan: Plan) -> None:
    """Its file is the one that the environment names."""
    assert plan.admin.token == "0123456789abcdef"
    assert "${SIDECAR_ADMIN_TOKEN_FILE" in (FOLDER / "sidecar.yaml").read_text()


def test_wrong_settings_are_not_started_again() -> None:
    """Everything else is, with a bound."""
    assert only("Restart") == "on-failure"
    assert str(BAD_SETTINGS) in only("RestartPreventExitStatus").split()
    assert int(only("StartLimitBurst")) > 0


def test_a_drain_is_not_cut(plan: Plan) -> None:
    """Whoever stops it waits longer than the settings let it take, last words included."""
    assert span_s(only("TimeoutStopSec")) > leaves_within_s(plan)
    for drop_in in DROP_INS:
        for value in read(drop_in).get("TimeoutStopSec", []):
            assert span_s(value) > leaves_within_s(plan)


def test_what_it_may_hold_suffices_for_the_settings(plan: Plan) -> None:
    """Memory and descriptors, with room to spare."""
    assert mib(only("MemoryMax")) * 1024 * 1024 > 1.2 * needed_bytes(plan)
    assert int(only("LimitNOFILE")) >= needed(plan.limits.connections)


@pytest.mark.parametrize(("name", "value"), HARDENING.items())
def test_hardening(name: str, value: str) -> None:
    """Each of them, as it is meant."""
    assert only(name) == value


def test_system_calls_are_those_of_a_service() -> None:
    """Without the privileged ones, and refused with an error that Python understands."""
    assert SERVICE["SystemCallFilter"] == ["@system-service", "~@privileged @resources"]
    assert only("SystemCallErrorNumber") == "EPERM"


def test_it_runs_as_nobody_who_can_log_in() -> None:
    """A user that exists while it runs; secrets are no one's but root's."""
    assert (only("DynamicUser"), only("User")) == ("yes", "sidecar")
    assert only("UMask") == "0077"
    text = "\n".join(path.read_text() for path in (UNIT, *DROP_INS, FOLDER / "sidecar.yaml"))
    assert not re.search(r"(?i)(token|password|secret)=\w{8,}", text)


def test_documents_and_files_agree() -> None:
    """Every file that the README installs is there, and where it says."""
    said = (FOLDER / "README.md").read_text()
    for name in re.findall(r"deploy/systemd/(\S+\.(?:service|conf|yaml))", said):
        assert (FOLDER / name).is_file(), name
    assert {"sidecar.service", "sidecar.yaml", "sidecar.service.d/10-local.conf"} <= set(
        re.findall(r"`([\w./-]+)`", said)
    )


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The unit and its drop-ins in a folder, with a program that is there: `verify` looks whether it can be started."""
    program = shutil.which("true") or "/bin/true"
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace(PROGRAM, program))
    (tmp_path / f"{UNIT.name}.d").mkdir()
    for drop_in in DROP_INS:
        shutil.copy(drop_in, tmp_path / f"{UNIT.name}.d")
    return unit


def analyze(*argv: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("systemd-analyze") or pytest.skip("no systemd-analyze here: the unit was read, not verified")
    return subprocess.run([program, *argv], capture_output=True, text=True, check=False, timeout=60)


def test_systemd_has_nothing_to_say(installed: Path) -> None:
    """No unknown directive, no value that it ignores; and it would have said so."""
    done = analyze("verify", "--man=no", str(installed))
    assert (done.returncode, done.stderr + done.stdout) == (0, "")
    installed.write_text(installed.read_text().replace("WatchdogSec=", "WatchDogSeconds="))
    assert "WatchDogSeconds" in analyze("verify", "--man=no", str(installed)).stderr


def test_systemd_finds_it_hardly_exposed(installed: Path) -> None:
    """`systemd-analyze security` gives 0 (nothing) to 10; a service without any hardening has 9.6."""
    done = analyze("security", "--offline=true", "--threshold=15", "--no-pager", str(installed))
    if "unrecognized" in done.stderr:
        pytest.skip("this systemd-analyze is older than 250: it cannot look at a unit that is not installed")
    assert done.returncode == 0, done.stdout[-500:] + done.stderr
