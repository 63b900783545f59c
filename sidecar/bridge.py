"""Where the sidecar is steered from: `control.Control` on the running app. Orders come in, facts go out.

Stands between the admin listener and the app, its configurations and its watch. It decides nothing: what an order may say has been checked
before, what it does the app does.
"""

from __future__ import annotations

import os
from ipaddress import ip_address
from math import ceil
from typing import TYPE_CHECKING, Any, Final

from aiohttp import __version__ as aiohttp_version

from sidecar import __version__
from sidecar.admin.usher import Usher
from sidecar.concerns import concerns
from sidecar.control import Order, OrderError, Verdict
from sidecar.instant import rfc3339
from sidecar.model import Seat
from sidecar.policy.pauses import Kind
from sidecar.policy.room import REACHED
from sidecar.policy.tags import EVERYTHING, of_operation, of_order
from sidecar.watch import names
from sidecar.watch.metrics import BackendNow, ConfigNow, Now, RoomNow

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sidecar.admin.faults import Faults
    from sidecar.admin.keeper import Keeper
    from sidecar.admin.pausing import Pausing
    from sidecar.app import App
    from sidecar.hall.rooming import Rooming
    from sidecar.plan import BackendPlan
    from sidecar.policy.room import Room
    from sidecar.reload import Reloads

_OPERATION: Final = "operation:"  # how an order names all answers of one operation
LEARNT: Final = "learnt"  # what a limit goes back to after a number by hand: which one, nobody knows before
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
        faults: Faults,
        pausing: Pausing,
        rooming: Rooming,
        *,
        file: str,
        effective: Callable[[], list[dict[str, Any]]],
        go: Callable[[], None],
        going: Callable[[], bool],
    ) -> None:
        self._app, self._reloads, self._keeper, self._faults = app, reloads, keeper, faults
        self._file, self._effective, self._go = file, effective, go
        self._going, self._pausing, self._rooming = going, pausing, rooming
        self._usher = Usher(
            app.slots,
            lambda: [host.name for host in app.plan.hosts],
            app.watch.pseudonym,
            names.operation,
            lambda: app.plan.sensitive,
        )
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
            case "limit" | "observe" | "breaker", _:
                if (order.noun, order.verb) == ("breaker", "set"):
                    self._needs_breaker(order.arguments["backend"])
                return self._keeper.carry_out(order, self.configured())
            case "pause" | "message", _:
                return await self._pausing.carry_out(order)
            case "room" | "visitor", _:
                return await self._rooming.carry_out(order)
            case "fault", _:
                return self._faults.carry_out(order, self.configured())
            case "queue", _:
                return self._usher.carry_out(order)
            case "cache", "purge":
                return self._purge(order.arguments["backend"], order.arguments["what"].strip())
            case "sidecar", "drain":
                self._go()
                drain = self._app.plan.drain
                return Verdict(
                    True, f"draining: gone within {drain.delay_s + drain.timeout_s:g} s and the time for last words"
                )
        raise OrderError(f"there is no order {order.noun} {order.verb}")

    def _needs_breaker(self, name: str) -> None:
        """Refuse an order that nothing would carry out."""
        found = next((host for host in self._app.plan.hosts if host.name == name), None)
        if found is not None and found.breaker is None:
            raise OrderError(
                f"{name} has no breaker: its settings say breaker.mode: off. `sidecar limit set` holds its calls down"
            )

    def _purge(self, backend: str, what: str) -> Verdict:
        """Touch what is kept: soft, so that nobody has to ask at once for what everybody asks for."""
        operation = what.removeprefix(_OPERATION)
        tag = EVERYTHING if what == "all" else of_operation(operation) if operation != what else of_order(what)
        self._app.answers.touch(backend, (tag,))
        return Verdict(True, f"what is kept of {backend} under {what} is renewed as it is asked for")

    def _overrides(self) -> list[dict[str, Any]]:
        """Return what is otherwise than the settings' usual, the next to end first: changed by hand, or wrong on purpose."""
        return sorted((*self._keeper.view(), *self._faults.view()), key=lambda each: int(each["left_s"]))

    def configured(self) -> dict[str, int | str]:
        """Return the limits that the settings say, by backend; `LEARNT` where they let it be found."""
        return {plan.name: plan.limit if isinstance(plan.limit, int) else LEARNT for plan in self._app.plan.backends}

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
            "overrides": self._overrides(),
            "pauses": self._pausing.view(),
            "rooms": self._rooming.view(),
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
            "limit_configured": _configured(plan),
            "limiter": self._limiter(plan),
            "breaker": self._breaker(name),
            "in_flight": view.in_flight,
            "ghosts": view.ghosts,
            "queued": view.queued,
            "queue_size": plan.queue_size,
            "classes": self._classes(plan),
            "unasked": app.is_wary_of(name),
        }

    def _breaker(self, name: str) -> dict[str, Any] | None:
        """Return whether a backend, or which operations of it, are spared now; None where there is no breaker."""
        views = self._app.breakers.view(name)
        if not views:
            return None
        whole = views[None]
        return {
            "state": whole.state.value,
            "forced": None if whole.forced is None else whole.forced.value,
            "left_s": None if whole.left_s is None else ceil(whole.left_s),
            "refused": whole.refused,
            "observed": whole.observed,
            "operations": {name: view.state.value for name, view in views.items() if name is not None},
        }

    def _limiter(self, plan: BackendPlan) -> dict[str, Any]:
        """Return how the limit comes about; what is learnt is told while a number by hand stands in its place, too."""
        app, now, wall = self._app, self._app.clock.now(), self._app.clock.wall()
        learnt = app.slots.limits.find(plan.name)
        if learnt is None:
            return {"how": "fixed"}
        numbers, pinned = dict(learnt.numbers()), app.limits.pinned(plan.name)
        since = learnt.changes[-1].at if learnt.changes else None
        return {
            "how": "adaptive",
            "min": numbers["minimum"],
            "max": numbers["maximum"],
            "now": learnt.limit,
            "held": numbers["held"],
            "why": learnt.why.value,
            "since": None if since is None else rfc3339(wall - (now - since)),
            "ratio": numbers["ratio"],
            "pinned": None
            if pinned is None
            else {"at": pinned.end.value, "since": rfc3339(wall - (now - pinned.since))},
        }

    def _classes(self, plan: BackendPlan) -> list[dict[str, Any]]:
        """Return who waits, by class, and how long whoever came now would."""
        slots, found = self._app.slots, []
        for name, queued in slots.classes(plan.name).items():
            ahead = slots.outlook(Seat(plan.name, "", "", name, float("inf")))
            found.append({"class": name, "queued": queued, "eta_s": None if ahead is None else ahead.eta_s})
        return found

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
                    plan.limit_max,
                    view.in_flight,
                    view.ghosts,
                    tuple(app.slots.classes(plan.name).items()),
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
            overrides=len(self._overrides()),
            paused=tuple((str(each.target), each.scope.value) for each in app.pauses.view() if each.kind is Kind.PAUSE),
            rooms=tuple(_room_now(house.room) for house in app.hall.houses.values()),
            draining=app.listener.draining,
            log_dropped=app.log_dropped,
            lag_s=app.watch.lag.largest_s,
            aiohttp=aiohttp_version,
        )


def _room_now(room: Room) -> RoomNow:
    return RoomNow(
        room.rule.name,
        room.joined,
        room.waiting,
        room.called,
        len(room.passes),
        room.admission.target,
        room.pace.per_s_at(room.time.life) if room.pace.known else 0.0,
        tuple((name, room.reached[name]) for name in REACHED.values()),
    )


def _configured(plan: BackendPlan) -> int | str:
    """Return the limit of the settings as people read it: a number, or the range in which it is found."""
    return plan.limit if isinstance(plan.limit, int) else f"{plan.limit.minimum}..{plan.limit.maximum}"
