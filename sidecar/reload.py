"""The configurations of one run: the one in force, the last good ones, and how each try to change them ended.

Stands between whoever asks for a reload (a signal, an order, a changed file) and the app, which takes a plan whole or not at all. A try
always ends in a verdict, told to the asker and kept; a configuration that cannot be taken changes nothing. Files are read in a thread:
the loop goes on.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar

from sidecar.aside import aside
from sidecar.control import OrderError, Verdict
from sidecar.instant import rfc3339
from sidecar.settings.problem import SettingsError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from sidecar.plan import Plan
    from sidecar.ports import Clock, Log

GOOD: Final = 5  # configurations that one can go back to
WATCH_S: Final = 2.0  # kubelet swaps a ConfigMap's symlink at any moment; inotify misses it, and mtimes lie
LOOK_S: Final = 15.0  # how soon it is seen that the files are no longer what runs, where nobody asked to follow them
READ_S: Final = (
    30.0  # 500 backends take seconds; what takes longer waits for a disk that does not answer, or for a pipe
)
_TURN_S: Final = (
    0.001  # how long the reading thread may keep the interpreter from the loop; the usual 5 ms would be felt
)
_TOLD: Final = 5  # errors of a rejected file that a log line names


class Configuration(Protocol):
    """What a settings file amounts to."""

    @property
    def plan(self) -> Plan:
        """What the app takes."""
        ...

    @property
    def id(self) -> str:
        """What people call it by: a hash over its files and the variables in them."""
        ...

    @property
    def fingerprint(self) -> str:
        """A hash over its files as they were read."""
        ...


C = TypeVar("C", bound=Configuration)


@dataclass(frozen=True, slots=True)
class Means(Generic[C]):
    """What the app hands in: `load` reads the files and raises SettingsError; `fingerprint` hashes those of a configuration, or of a try
    that failed, as they are now; `diff` tells what changes between two, as facts; `adopt` takes a plan or raises, and then has changed
    nothing.
    """

    load: Callable[[], C]
    fingerprint: Callable[[C | SettingsError], str]
    diff: Callable[[C, C], list[dict[str, object]]]
    adopt: Callable[[Plan], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class _Good(Generic[C]):
    configuration: C
    at_s: float  # wall time when it was taken


class Reloads(Generic[C]):
    """One run's. Tries come one after the other; `told` hears when one begins (True) and of each verdict, with who caused it."""

    def __init__(
        self,
        first: C,
        means: Means[C],
        clock: Clock,
        log: Log,
        told: Callable[[bool, Verdict | None, str], None] | None = None,
    ) -> None:
        self._means, self._clock, self._log = means, clock, log
        self._told = told or _nobody
        self._good = [_Good(first, clock.wall())]
        self._lock = asyncio.Lock()
        self._seen = first.fingerprint  # of the files, when they were last acted upon
        self._failed: C | SettingsError | None = None  # the last try, where nothing came of it
        self.last: dict[str, Any] | None = None
        self.last_good_s = clock.wall()
        self.counts = {True: 0, False: 0}
        self.differs = False  # the files are no longer what runs

    @property
    def current(self) -> C:
        """The one in force."""
        return self._good[-1].configuration

    def history(self) -> list[dict[str, Any]]:
        """Return the good ones, the newest last, as facts."""
        return [
            {"id": good.configuration.id, "loaded_at": rfc3339(good.at_s), "current": good is self._good[-1]}
            for good in self._good
        ]

    async def reload(self, by: str, actor: str = "") -> Verdict:
        """Read the files and take what they say; `by` is signal, order or watch."""
        async with self._lock:
            self._told(True, None, by)
            try:
                with _shared_interpreter():
                    new = await aside(self._means.load, READ_S)
            except SettingsError as error:
                # What it read or looked for counts from here on: the file to be mended may be one that it has just named.
                self._failed, self._seen, self.differs = error, await self._look_at(error), True
                return self._rejected(by, actor, "settings", error.text(), error.facts())
            except TimeoutError:
                what = f"the settings could not be read within {READ_S:g} s: look at the disk that they and what they name lie on"
                return self._rejected(by, actor, "failed", what, [])
            except Exception as bug:  # noqa: BLE001 - the old configuration runs on, and whoever asked is told
                self._log.event("bug", where="reload", error=bug)
                return self._rejected(by, actor, "failed", "the sidecar failed while it read the settings", [])
            verdict = await self._take(new, by, actor)
            # Taken or not, it is what the files say, and they are what is followed: else the same content would be tried for ever.
            self._failed, self._seen, self.differs = None if verdict.ok else new, new.fingerprint, not verdict.ok
            return verdict

    async def use(self, name: str, actor: str = "") -> Verdict:
        """Go back to a good configuration by its id, or by the beginning of it. Raises OrderError where it means none or several."""
        async with self._lock:
            known = {good.configuration.id: good.configuration for good in self._good}
            found = [each for id_, each in known.items() if name and id_.startswith(name)]
            if len(found) != 1:
                what = "several configurations begin" if found else "no good configuration begins"
                raise OrderError(f"{what} with {name!r}; these are kept: {', '.join(reversed(known))}")
            verdict = await self._take(found[0], "order", actor)
            if verdict.ok:
                # The files stay as they are, and are no reason to reload until they change: seen as this one looks at them.
                self._failed, self._seen = None, await self._look_at(self.current)
                self.differs = self._seen != self.current.fingerprint
            return verdict

    async def _look_at(self, what: C | SettingsError) -> str:
        """Return the hash over its files now, "" where they cannot be read to their end."""
        try:
            return await aside(lambda: self._means.fingerprint(what), READ_S)
        except TimeoutError:
            return ""

    async def _take(self, new: C, by: str, actor: str) -> Verdict:
        before = self.current
        try:
            with _shared_interpreter():
                changes = await aside(lambda: self._means.diff(before, new), READ_S)
        except Exception as bug:  # noqa: BLE001 - as below
            self._log.event("bug", where="reload", error=bug)
            return self._rejected(by, actor, "failed", "the sidecar failed while it compared the configurations", [])
        try:
            await self._means.adopt(new.plan)
        except Exception as error:  # noqa: BLE001 - whatever it is: the old configuration runs on, and whoever asked is told
            restart = [change for change in changes if change["effect"] == "restart"]
            code = "restart" if restart else "failed"
            if not isinstance(error, (OSError, RuntimeError)):
                self._log.event("bug", where="reload", error=error)
                return self._rejected(
                    by, actor, code, "the sidecar failed while it took the new configuration", [], changes
                )
            return self._rejected(by, actor, code, str(error), [], changes)
        self._good = [good for good in self._good if good.configuration.id != new.id][-(GOOD - 1) :]
        self._good.append(_Good(new, self._clock.wall()))
        self.last_good_s = self._clock.wall()
        resets = sorted({str(change["key"]) for change in changes if change["effect"] == "resets"})
        text = f"configuration {new.id} is in force: {_counted(len(changes), 'change')}"
        if resets:
            text += f"; begun anew: {', '.join(resets)}"
        verdict = self._ended(ok=True, by=by, actor=actor, code="ok", id=new.id, text=text, errors=[], changes=changes)
        self._log.event("config_reloaded", id=new.id, by=by, actor=actor, changes=len(changes), resets=resets)
        return verdict

    def _rejected(
        self,
        by: str,
        actor: str,
        code: str,
        text: str,
        errors: list[dict[str, object]],
        changes: list[dict[str, object]] | None = None,
    ) -> Verdict:
        said = [f"{each['file']}:{each['line']}:{each['column']} {each['key']}: {each['message']}" for each in errors]
        told = said[:_TOLD] or [text]
        self._log.event(
            "config_rejected",
            by=by,
            actor=actor,
            problems=len(said) or 1,
            told=told,
            remedy="the configuration from before runs on; mend the file and reload, `sidecar check` tells all of it",
        )
        return self._ended(
            ok=False, by=by, actor=actor, code=code, id=None, text=text, errors=errors, changes=changes or []
        )

    def _ended(self, *, ok: bool, text: str, **facts: Any) -> Verdict:
        self.counts[ok] += 1
        self.last = {"at": rfc3339(self._clock.wall()), "ok": ok, "text": text, **facts}
        verdict = Verdict(ok, text, self.last)
        self._told(False, verdict, facts["by"])
        return verdict

    async def follow(self, watching: Callable[[], bool]) -> None:
        """See for ever whether the files have changed, and, while `watching` says so, reload once for each content that they have."""
        while True:
            await asyncio.sleep(WATCH_S if watching() else LOOK_S)
            looked_at = self._failed or self.current
            now = await self._look_at(looked_at)
            if now == "" or looked_at is not (self._failed or self.current):
                continue  # nobody can tell, or somebody was faster
            self.differs = self._failed is not None or now != self.current.fingerprint
            if now != self._seen and watching():
                self._seen = now
                await self.reload("watch")


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}" if count else f"no {noun}"


@contextmanager
def _shared_interpreter() -> Iterator[None]:
    """Let a thread that computes hand the interpreter over sooner, for as long as it does."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(_TURN_S)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def _nobody(begins: bool, verdict: Verdict | None, by: str) -> None:
    """Nobody wants to hear of it."""
    del begins, verdict, by
