"""Where the sidecar is steered from: `control.Control` on the running app. Orders come in, facts go out.

Stands between the admin listener and the app, its configurations and its watch. It decides nothing: what an order may say has been checked
before, what it does the app does.
"""

from __future__ import annotations

import os
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final

from aiohttp import __version__ as aiohttp_version

from sidecar import __version__
from sidecar.concerns import concerns
from sidecar.control import Order, OrderError, Verdict
from sidecar.instant import rfc3339
from sidecar.policy.tags import EVERYTHING, of_operation, of_order
from sidecar.watch.metrics import BackendNow, ConfigNow, Now

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sidecar.admin.keeper import Keeper
    from sidecar.app import App
    from sidecar.plan import BackendPlan
    from sidecar.reload import Reloads

_OPERATION: Final = "operation:"  # how an order names all answers of one operation
_LEVELS: Final = ("ok", "strained", "down")


class Bridge:
    """`effective` gives the settings in force as facts; `go` begins the drain, as SIGTERM does, and `going` says
    whether it has begun; `file` is what the settings are called.
    """

    def __init__(
        self,
        app: App,
        reloads: Reloads[Any],
        keeper: Keeper,
        *,
        file: str,
        effective: Callable[[], list[dict[str, Any]]],
        go: Callable[[], None],
        going: Callable[[], bool],
    ) -> None:
        self._app, self._reloads, self._keeper = app, reloads, keeper
        self._file, self._effective, self._go = file, effective, go
        self._going = going
        self._began_s = app.clock.now()
        self.admin_urls: Callable[[], Sequence[str]] = tuple
        self.metrics_urls: Callable[[], Sequence[str]] = tuple

    async def carry_out(self, order: Order) -> Verdict:
        """See `control.Control.carry_out`."""
        if order.noun == "config" and self._going():
            raise OrderError("this sidecar is about to end: it takes no other configuration")
        match order.noun, order.verb:
            case "config", "reload":
                return await self._reloads.reload("order", order.actor)
            case "config", "use":
                return await self._reloads.use(order.arguments["id"], order.actor)
            case "limit", _:
                return self._keeper.carry_out(order, self.configured())
            case "cache", "purge":
                return self._purge(order.arguments["backend"], order.arguments["what"].strip())
            case "sidecar", "drain":
                self._go()
                drain = self._app.plan.drain
                return Verdict(
                    True, f"draining: gone within {drain.delay_s + drain.timeout_s:g} s and the time for last words"
                )
        raise OrderError(f"there is no order {order.noun} {order.verb}")

    def _purge(self, backend: str, what: str) -> Verdict:
        """Touch what is kept: soft, so that nobody has to ask at once for what everybody asks for."""
        operation = what.removeprefix(_OPERATION)
        tag = EVERYTHING if what == "all" else of_operation(operation) if operation != what else of_order(what)
        self._app.answers.touch(backend, (tag,))
        return Verdict(True, f"what is kept of {backend} under {what} is renewed as it is asked for")

    def configured(self) -> dict[str, int]:
        """Return the limits that the settings say, by backend."""
        return {backend.name: backend.limit for backend in self._app.plan.backends}

    def effective(self) -> list[dict[str, Any]]:
        """See `control.Control.effective`."""
        return self._effective()

    async def exposition(self) -> tuple[str, bytes]:
        """See `control.Control.exposition`."""
        return await self._app.watch.expose(self._now)

    def ready(self) -> bool:
        """See `control.Control.ready`."""
        return not self._app.listener.draining

    def status(self) -> dict[str, Any]:
        """See `control.Control.status`."""
        app, clock = self._app, self._app.clock
        now, wall = clock.now(), clock.wall()
        tally, seen = app.watch.tally, app.watch.glance(backend.name for backend in app.plan.backends)
        facts: dict[str, Any] = {
            "v": 1,
            "version": __version__,
            "aiohttp": aiohttp_version,
            "pid": os.getpid(),
            "server_time": rfc3339(wall),
            "uptime_s": int(now - self._began_s),
            "ready": self.ready(),
            "draining": app.listener.draining,
            "config": self._config(),
            "listeners": {
                "public": list(app.listener.urls),
                "admin": list(self.admin_urls()),
                "metrics": list(self.metrics_urls()),
            },
            "connections": {
                "open": app.listener.connections,
                "idle": app.listener.idle,
                "limit": app.plan.limits.connections,
                "dropped": tally.connections_dropped,
            },
            "buffered": {
                "bytes": app.memory.held_bytes,
                "limit_bytes": app.memory.limit_bytes,
                "peak_bytes": app.memory.peak_bytes,
            },
            "kept": self._kept(),
            "backends": [{**self._backend(each), **seen["backends"][each.name]} for each in app.plan.backends],
            "overrides": self._keeper.view(),
            "refusals": seen["refusals"],
            "states": seen["states"],
            "log": {"dropped": app.log_dropped},
        }
        counts = {"bugs": tally.bugs, **tally.events}
        crowd = app.crowds.warning()
        facts["warnings"] = [*concerns(facts, counts, open_to_all=self._open_to_all()), *([crowd] if crowd else [])]
        return facts

    def _kept(self) -> dict[str, Any]:
        """Return what is kept of answers."""
        view = self._app.answers.view()
        return {
            "answers": view.entries,
            "bytes": view.held_bytes,
            "limit_bytes": view.room_bytes,
            "evicted": view.evicted,
            "store": "memory" if self._app.plan.store is None else f"sqlite:{self._app.plan.store}",
        }

    def _config(self) -> dict[str, Any]:
        history = self._reloads.history()
        return {
            "id": history[-1]["id"],
            "file": self._file,
            "loaded_at": history[-1]["loaded_at"],
            "differs_from_disk": self._reloads.differs,
            "last_reload": self._reloads.last,
            "history": history,
        }

    def _backend(self, plan: BackendPlan) -> dict[str, Any]:
        app, name = self._app, plan.name
        view = app.slots.view(name)
        return {
            "name": name,
            "protocol": plan.protocol.value,
            "path": plan.path,
            "pressure": _LEVELS[app.pressure.level(name)],
            "limit": view.limit,
            "limit_configured": plan.limit,
            "in_flight": view.in_flight,
            "ghosts": view.ghosts,
            "queued": view.queued,
            "queue_size": plan.queue_size,
            "unasked": app.is_wary_of(name),
        }

    def _open_to_all(self) -> bool:
        admin = self._app.plan.admin
        if admin.unix is not None or not self.admin_urls():
            return False
        try:
            return not ip_address(admin.host).is_loopback
        except ValueError:
            return admin.host != "localhost"

    def _now(self) -> Now:
        """Return what the metrics look at."""
        app, reloads = self._app, self._reloads
        last = reloads.last
        return Now(
            backends=tuple(
                BackendNow(
                    plan.name,
                    view.limit,
                    plan.limit,
                    view.in_flight,
                    view.ghosts,
                    view.queued,
                    plan.queue_size,
                    app.pressure.level(plan.name),
                )
                for plan in app.plan.backends
                for view in (app.slots.view(plan.name),)
            ),
            connections=(app.listener.connections, app.listener.idle),
            buffered=(app.memory.held_bytes, app.memory.limit_bytes),
            config=ConfigNow(
                reloads.current.id,
                last is None or bool(last["ok"]),
                reloads.last_good_s,
                reloads.counts[True],
                reloads.counts[False],
            ),
            overrides=len(self._keeper.view()),
            draining=app.listener.draining,
            log_dropped=app.log_dropped,
            lag_s=app.watch.lag.largest_s,
            aiohttp=aiohttp_version,
        )
