"""What the doctor sees of a machine: limits, memory in control groups of both kinds, the parts that were installed."""

from __future__ import annotations

import resource
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from sidecar.doctor import host
from sidecar.doctor.report import Verdict
from sidecar.model import Protocol
from sidecar.plan import BackendPlan, CachePlan, DrainPlan, LimitsPlan, OperationPlan, Plan

if TYPE_CHECKING:
    from pathlib import Path

MIB = 1024 * 1024
PLAN = Plan(limits=LimitsPlan(connections=10_000, buffered_bytes=256 * MIB))
NEEDED_MIB = 75 + 256 + 10_000 * 16 // 1024  # 487


def machine(root: Path, **files: str) -> Path:
    """Write files of /proc and /sys; `__` in a name stands for a slash."""
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def meminfo(mib: int) -> str:
    return f"MemTotal:       {mib * 1024} kB\nMemFree:  1 kB\n"


def group(root: Path, path: str, limit: str) -> Path:
    folder = root / "sys/fs/cgroup" / path
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "memory.max").write_text(f"{limit}\n")
    return root


def test_the_machine_without_groups(tmp_path: Path) -> None:
    """Only what the machine has counts."""
    root = machine(tmp_path, proc__meminfo=meminfo(1000))
    assert host.available_bytes(root) == (1000 * MIB, "this machine has")


def test_the_narrowest_group_counts(tmp_path: Path) -> None:
    """Version 2: a limit may stand at ours or at any group above; `max` is none."""
    root = machine(tmp_path, proc__meminfo=meminfo(4000), proc__self__cgroup="0::/system.slice/sidecar.service\n")
    group(root, "system.slice/sidecar.service", "max")
    assert host.available_bytes(root)[0] == 4000 * MIB
    group(root, "system.slice", str(600 * MIB))
    assert host.available_bytes(root) == (600 * MIB, "its control group has")
    group(root, "system.slice/sidecar.service", str(500 * MIB))
    assert host.available_bytes(root)[0] == 500 * MIB


def test_a_container_sees_its_group_as_the_root(tmp_path: Path) -> None:
    """With a namespace of its own the path is / and the limit stands there."""
    root = group(machine(tmp_path, proc__meminfo=meminfo(4000), proc__self__cgroup="0::/\n"), "", str(256 * MIB))
    assert host.available_bytes(root)[0] == 256 * MIB


def test_groups_of_version_1(tmp_path: Path) -> None:
    """The memory controller has its own tree; a limit that nobody set is larger than any machine."""
    root = machine(
        tmp_path,
        proc__meminfo=meminfo(4000),
        proc__self__cgroup="12:cpu,cpuacct:/a\n4:memory:/docker/abc\n",
        sys__fs__cgroup__memory__docker__abc__x="",
    )
    (root / "sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes").write_text(f"{300 * MIB}\n")
    assert host.available_bytes(root)[0] == 300 * MIB
    (root / "sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes").write_text("9223372036854771712\n")
    assert host.available_bytes(root)[0] == 4000 * MIB


def test_no_kernel_to_ask(tmp_path: Path) -> None:
    """Where there is no /proc it says that it cannot see, and does not fail."""
    found = host.memory(PLAN, tmp_path)
    assert found.verdict is Verdict.OK
    assert "cannot be seen" in found.what


@pytest.mark.parametrize(
    ("mib", "verdict"),
    [
        (NEEDED_MIB + 1, Verdict.OK),
        (NEEDED_MIB - 1, Verdict.WARN),
        (75 + 256, Verdict.WARN),
        (75 + 255, Verdict.FAIL),
    ],
)
def test_memory_is_compared_with_what_the_settings_allow(tmp_path: Path, mib: int, verdict: Verdict) -> None:
    """Bodies that cannot be held are a no-go; ten thousand connections at once are rarely all there."""
    found = host.memory(PLAN, machine(tmp_path, proc__meminfo=meminfo(mib)))
    assert found.verdict is verdict
    assert f"{NEEDED_MIB} MiB" in found.what
    assert ("limits.buffered" in found.remedy) is (verdict is not Verdict.OK)


def test_answers_that_are_kept_take_memory(tmp_path: Path) -> None:
    """Where any are kept."""
    line = OperationPlan(cache=CachePlan(ttl_s=1.0))
    backend = BackendPlan("t", Protocol.SOAP, "/t", (("", "http://h/x"),), operations=(line,))
    plan = replace(PLAN, backends=(backend,))
    assert host.needed_bytes(plan) == host.needed_bytes(PLAN) + PLAN.limits.cached_bytes
    found = host.memory(plan, machine(tmp_path, proc__meminfo=meminfo(10_000)))
    assert "64 MiB of answers that are kept" in found.what


@pytest.mark.parametrize(
    ("hard", "verdict"),
    [
        (resource.RLIM_INFINITY, Verdict.OK),
        (20_064, Verdict.OK),
        (20_063, Verdict.WARN),
        (10_000, Verdict.WARN),
        (9_999, Verdict.FAIL),
    ],
)
def test_descriptors(hard: int, verdict: Verdict, monkeypatch: pytest.MonkeyPatch) -> None:
    """What two for each connection need; with less than one for each the cap on connections is an empty promise."""
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, hard))
    found = host.descriptors(PLAN)
    assert found.verdict is verdict
    assert ("LimitNOFILE=20064" in found.remedy) is (verdict is not Verdict.OK)


def test_the_lower_cap_that_it_suggests_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever follows the remedy gets no second one."""
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 4096))
    remedy = host.descriptors(PLAN).remedy
    lower = int(remedy.rpartition(" ")[2])
    assert host.descriptors(Plan(limits=LimitsPlan(connections=lower))).verdict is Verdict.OK


def test_parts_are_those_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Versions where all is well; a slow parser or a loop that is missing is a no-go with the remedy."""
    assert host.parts().verdict is Verdict.OK
    assert "aiohttp 3." in host.parts().what
    from aiohttp import http_parser  # noqa: PLC0415 - the module whose parser is exchanged

    with monkeypatch.context() as patch:
        patch.setattr(http_parser, "HttpRequestParser", http_parser.HttpRequestParserPy)
        assert host.parts().verdict is Verdict.FAIL
        assert "pure-Python" in host.parts().what
    monkeypatch.setattr(host.importlib.util, "find_spec", lambda _: None)
    assert (host.parts().verdict, host.parts().what) == (Verdict.FAIL, "uvloop is not installed")


def test_grace_counts_last_words_and_names_who_must_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """The drain's two times and five seconds for last answers; in a pod the key of a pod is named."""
    plan = Plan(drain=DrainPlan(5, 20))
    for name in ("KUBERNETES_SERVICE_HOST", "container"):
        monkeypatch.delenv(name, raising=False)
    assert "up to 30 s: TimeoutStopSec" in host.grace(plan).what
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    assert "terminationGracePeriodSeconds" in host.grace(plan).what


def test_all_looks_at_a_machine() -> None:
    """Each is made once."""
    assert [found.check for found in host.look(PLAN)] == ["parts", "descriptors", "memory", "grace"]
