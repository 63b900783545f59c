"""Go or no-go before it starts: what settings cannot say, looked up on this machine and at the backends.

Stands beside the road, for whoever is about to start a sidecar. It changes nothing anywhere, executes nothing at a backend, says what
it has sent, and ends within a time that it knows beforehand, whatever the network does.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sidecar.doctor import backends, host, onsale, places, survival, web
from sidecar.doctor.report import Finding, Report, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from sidecar.doctor.crowd import Evening
    from sidecar.plan import Plan

__all__ = ["Report", "examine"]


def examine(
    plan: Plan,
    file: str,
    *,
    probe: bool = False,
    evening: Evening | None = None,
    wall: Callable[[], float] = time.time,
) -> Report:
    """Return what was found; `probe` asks XML-RPC backends for system.listMethods, `evening` is the on-sale that is expected, `wall` is
    what clocks are compared with.
    """
    began_s = time.monotonic()
    asked = backends.ask(plan.backends, probe=probe, wall=wall)  # it works in threads while the rest is looked at
    count = len(plan.backends)
    settings = Finding("settings", Verdict.OK, f"valid: {count} backend{'s' if count != 1 else ''}")
    findings = [settings, *host.look(plan), *places.look(plan, wall), *web.look(plan), *survival.look(plan)]
    if evening is not None:
        findings += onsale.look(plan, evening, wall())
    of_backends, sent = asked()
    return Report(file, (*findings, *of_backends), tuple(sent), time.monotonic() - began_s)
