"""The machine: what the process may hold, whether its memory suffices, whether it was installed with the parts that it needs.

It reads limits and files of the kernel; it changes none of them.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import resource
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Final

import aiohttp

from sidecar.descriptors import needed
from sidecar.doctor.report import Finding, Verdict
from sidecar.listener import ListenError, refuse_slow_parser

if TYPE_CHECKING:
    from sidecar.plan import Plan

_MIB: Final = 1024 * 1024
# What docs/benchmarks.md promises at most: the process itself, and each connection that was used once.
_ITSELF_BYTES: Final = 75 * _MIB
_CONNECTION_BYTES: Final = 16 * 1024
# After drain.timeout: last answers with the linger behind them (3 s), last words of flights (2 s).
_FAREWELL_S: Final = 5.0
_CONTAINER: Final = ("KUBERNETES_SERVICE_HOST", "container")  # the second is set by podman, nspawn and others
_ROOT: Final = Path("/")


def look(plan: Plan) -> list[Finding]:
    """Return what was found on this machine."""
    return [parts(), descriptors(plan), memory(plan), grace(plan)]


def parts() -> Finding:
    """Look whether aiohttp has its C parser and the event loop of production is there."""
    said = f"Python {platform.python_version()}, aiohttp {aiohttp.__version__} with its C parser, {ssl.OPENSSL_VERSION}"
    try:
        refuse_slow_parser()
    except ListenError as error:
        return Finding("parts", Verdict.FAIL, str(error), "the sidecar refuses to start so: smuggling is parsed there")
    if importlib.util.find_spec("uvloop") is None:
        return Finding("parts", Verdict.FAIL, "uvloop is not installed", "install what requirements-run.lock names")
    return Finding("parts", Verdict.OK, said)


def descriptors(plan: Plan) -> Finding:
    """Compare the hard limit of file descriptors with what limits.connections needs."""
    wanted = needed(plan.limits.connections)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard == resource.RLIM_INFINITY or hard >= wanted:
        return Finding("descriptors", Verdict.OK, f"{plan.limits.connections} connections need {wanted}")
    fits = (hard - needed(0)) // (needed(1) - needed(0))
    remedy = (
        f"LimitNOFILE={wanted} in the unit, --ulimit nofile={wanted} for a container, ulimit -Hn {wanted} in a shell; or "
        f"lower limits.connections to {fits}"
    )
    what = f"{plan.limits.connections} connections need {wanted}, a process here may have {hard}"
    # With less than one for each caller even the refusal that limits.connections promises cannot be accepted.
    verdict = Verdict.FAIL if hard < plan.limits.connections else Verdict.WARN
    return Finding("descriptors", verdict, what, remedy)


def memory(plan: Plan, root: Path = _ROOT) -> Finding:
    """Compare what the settings allow with what this machine, or the group that we run in, has."""
    have, of = available_bytes(root)
    if have is None:
        return Finding(
            "memory", Verdict.OK, f"may take {_spoken(needed_bytes(plan))}; how much there is cannot be seen"
        )
    bodies = fixed_bytes(plan)
    what = (
        f"may take {_spoken(needed_bytes(plan))}: {_spoken(_ITSELF_BYTES)} itself, {_spoken(plan.limits.buffered_bytes)} of bodies, "
        f"{f'{_spoken(plan.kept_bytes)} of answers that are kept, ' if plan.kept_bytes else ''}"
        f"the rest for {plan.limits.connections} connections; {of} {_spoken(have)}"
    )
    remedy = "lower limits.buffered or limits.connections, or allow it more: over its limit the kernel kills it"
    if bodies > have:
        return Finding("memory", Verdict.FAIL, what, remedy)
    if needed_bytes(plan) > have:
        return Finding("memory", Verdict.WARN, what, remedy)
    return Finding("memory", Verdict.OK, what)


def needed_bytes(plan: Plan) -> int:
    """Return how much the settings let it take, in bytes."""
    return fixed_bytes(plan) + plan.limits.connections * _CONNECTION_BYTES


def fixed_bytes(plan: Plan) -> int:
    """Return how much of it is there whoever calls, in bytes: the process itself, bodies, answers that are kept."""
    return _ITSELF_BYTES + plan.limits.buffered_bytes + plan.kept_bytes


def available_bytes(root: Path = _ROOT) -> tuple[int | None, str]:
    """Return the smallest limit above us, and whose it is: control groups (both versions), then the machine."""
    limits = [(size, "its control group has") for size in _groups(root)]
    sizes = [line.split()[1] for line in _read(root / "proc/meminfo").splitlines() if line.startswith("MemTotal:")]
    limits += [(int(kib) * 1024, "this machine has") for kib in sizes]
    return min(limits, default=(None, ""), key=lambda limit: limit[0])


def grace(plan: Plan) -> Finding:
    """Say how long whoever stops it has to wait; from here nobody can see whether he does."""
    takes_s = leaves_within_s(plan)
    names = "terminationGracePeriodSeconds" if any(name in os.environ for name in _CONTAINER) else "TimeoutStopSec"
    what = (
        f"told to go, it takes up to {takes_s:g} s: {names} (or stop_grace_period, --stop-timeout) has to be no shorter"
    )
    return Finding("grace", Verdict.OK, what)


def leaves_within_s(plan: Plan) -> float:
    """Return the longest time from the signal to the end, in seconds."""
    return plan.drain.delay_s + plan.drain.timeout_s + _FAREWELL_S


def _groups(root: Path) -> list[int]:
    """Return the limits of our control group and of those above it."""
    found = []
    for line in _read(root / "proc/self/cgroup").splitlines():
        number, controllers, path = [*line.split(":", 2), "", ""][:3]
        if number == "0" and not controllers:
            base, name = root / "sys/fs/cgroup", "memory.max"
        elif "memory" in controllers.split(","):
            base, name = root / "sys/fs/cgroup/memory", "memory.limit_in_bytes"
        else:
            continue
        inside = base / path.strip("/")
        for folder in (inside, *inside.parents):
            limit = _read(folder / name).strip()  # "max" is no limit, and no number
            if limit.isdigit():
                found.append(int(limit))
            if folder == base:
                break
    return found


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""


def _spoken(size_bytes: int) -> str:
    return f"{size_bytes / _MIB:.0f} MiB"
