"""One process's life: start, signals, reloads, the operators' listener beside the public one, and the end in order.

Stands above the app, which is the sidecar itself; it makes what the process has once: the handlers of signals, the keeper of overrides, the
beat for a service manager. It answers nobody.
"""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from sidecar import heap
from sidecar.admin.audit import Audit
from sidecar.admin.faults import Faults
from sidecar.admin.keeper import Keeper, breaking, observing
from sidecar.admin.listener import AdminListener
from sidecar.admin.pausing import Pausing
from sidecar.app import App
from sidecar.bridge import Bridge
from sidecar.descriptors import raise_limit
from sidecar.hall.rooming import Rooming
from sidecar.listener import ListenError
from sidecar.notify import Notifier
from sidecar.reload import Means, Reloads
from sidecar.settings.diff import diff
from sidecar.settings.sources import fingerprint
from sidecar.stores.orders import UnwritableError
from sidecar.tasks import spawn

if TYPE_CHECKING:
    from collections.abc import Callable

    from sidecar.control import Verdict
    from sidecar.plan import Plan
    from sidecar.settings.loaded import Loaded

# On top of delay and timeout: who reconnects, farewells, the last words of flights; docs/operations.md names the sum.
LAST_S: Final = 5.0


class Process:
    """Everything that `serve` puts together. `load` reads the settings' files again."""

    def __init__(self, loaded: Loaded, load: Callable[[], Loaded]) -> None:
        self.app = app = App(loaded.plan)
        self._loaded = loaded
        self._notifier = Notifier(os.environ)
        self._hups = asyncio.Lock()
        self.asked, self.hurried = asyncio.Event(), asyncio.Event()
        self._serving = self._hung_up = False
        self.audit = Audit(app.clock, app.watch)
        self.keeper = Keeper(app.clock, self.audit, app.limit, observing(app.observe), breaking(app.cut_off))
        self.reloads = Reloads(
            loaded,
            Means(
                load=load,
                fingerprint=lambda made: fingerprint(made.sources),
                diff=lambda before, after: [change.fact() for change in diff(before.effective, after.effective)],
                adopt=self._adopt,
            ),
            app.clock,
            app.watch,
            told=self._told,
        )
        self.bridge = Bridge(
            app,
            self.reloads,
            self.keeper,
            Faults(app.injections, app.clock, self.audit),
            Pausing(app.pauses, app.clock, self.audit, UnwritableError),
            Rooming(app.hall, app.by_hand, app.clock, self.audit, UnwritableError),
            file=loaded.file,
            effective=self._effective,
            go=self.asked.set,
            going=self.asked.is_set,
        )
        self.admin = AdminListener(
            loaded.plan.admin, loaded.plan.metrics, self.bridge, app.clock, app.watch, self.audit
        )
        self.bridge.admin_urls = lambda: self.admin.urls
        self.bridge.metrics_urls = lambda: self.admin.metrics_urls

    def _effective(self) -> list[dict[str, object]]:
        """Return the settings that are in force at this moment."""
        return self.reloads.current.facts()

    async def run(self) -> int:
        """Start, serve until told to go, go. Returns the exit code."""
        app = self.app
        self._hear_signals()
        raise_limit(app.plan.limits.connections, app.watch)
        try:
            await self._start()
        except OSError as error:
            # A ListenError says itself what to do.
            remedy = (
                {} if isinstance(error, ListenError) else {"remedy": "look at listen: and at the files that it names"}
            )
            app.log.event("cannot_listen", error=str(error), **remedy)
            app.close()
            return 1
        self._serving = True
        if self._hung_up:
            spawn(self._reload_on_hup(), "reload")
        following = spawn(self.reloads.follow(lambda: app.plan.watch_files), "settings")
        heap.settle()
        self._notifier.ready(f"serving at {' '.join(app.urls)}")
        await self.asked.wait()
        following.cancel()
        await self._go()
        self._notifier.close()
        app.close()
        return 0

    def _hear_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):  # who is told to go while he starts goes in order, too
            loop.add_signal_handler(number, self._on_signal)
        loop.add_signal_handler(signal.SIGHUP, self._on_hup)

    def _on_signal(self) -> None:
        (self.hurried if self.asked.is_set() else self.asked).set()

    def _on_hup(self) -> None:
        """Reload soon, and once for all who ask before it begins. Who starts has read the files perhaps before they changed."""
        asked, self._hung_up = self._hung_up, True
        if self._serving and not asked:
            spawn(self._reload_on_hup(), "reload")

    async def _reload_on_hup(self) -> None:
        async with self._hups:
            self._hung_up = False
            if not self.asked.is_set():  # who goes takes nothing new
                await self.reloads.reload("signal")

    async def _start(self) -> None:
        for warning in self._loaded.warnings:
            place = f"{self._loaded.file}:{warning.place.line}"
            self.app.log.event("settings_warning", code=warning.code, key=warning.key, text=warning.what, place=place)
        await self.app.start(id=self._loaded.id, file=self._loaded.file)
        try:
            await self.admin.start()
        except BaseException:
            await self.app.stop(at_once=True)
            raise
        self.app.log.event("admin", urls=list(self.admin.urls), metrics=list(self.admin.metrics_urls))

    async def _adopt(self, plan: Plan) -> None:
        """Take a plan; overrides stand, and go back to what it says."""
        await self.app.adopt(plan)
        self.keeper.reloaded(self.bridge.configured())
        self.admin.adopt(plan.admin)

    def _told(self, begins: bool, verdict: Verdict | None, by: str) -> None:
        """Say that a reload begins, or how it ended: to the service manager, and to the audit where no order was the cause."""
        if begins:
            self._notifier.reloading()
        elif verdict is not None:
            self._notifier.ready(verdict.text.partition("\n")[0])
            if by != "order":
                self.audit.note("config", "reload", actor=by, ok=verdict.ok, text=verdict.text)

    async def _go(self) -> None:
        drain = self.app.plan.drain
        self._notifier.stopping("draining", within_s=drain.delay_s + drain.timeout_s + LAST_S)
        stopping = spawn(self.app.stop(), "drain")
        hurry = spawn(self.hurried.wait(), "hurry")
        await asyncio.wait((stopping, hurry), return_when=asyncio.FIRST_COMPLETED)
        hurry.cancel()
        if not stopping.done():
            stopping.cancel()
            with suppress(asyncio.CancelledError):
                await stopping
            await self.app.stop(at_once=True)
        self.keeper.close()
        await self.admin.close()


async def serve(loaded: Loaded, load: Callable[[], Loaded]) -> int:
    """Run until SIGTERM or SIGINT; a second one hurries. SIGHUP reloads. Returns the exit code."""
    return await Process(loaded, load).run()
