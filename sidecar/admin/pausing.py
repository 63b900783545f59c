"""Orders to pause, to resume and to speak: carries them out, shows what is up, writes into the audit what has ended by itself.

Stands beside the keeper, which keeps what is changed until an end: a pause may have none, and outlives the process. What holds, and until
when, the store knows.
"""

from __future__ import annotations

from math import ceil, isinf
from secrets import token_hex
from typing import TYPE_CHECKING, Any, Final, Protocol

from sidecar.control import Order, OrderError, Verdict
from sidecar.durations import rough, spoken
from sidecar.instant import rfc3339, wall_of
from sidecar.model import Notice
from sidecar.policy.pauses import MOST, Kind, Scope, Sign, Target, What, target_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from sidecar.admin.audit import Audit
    from sidecar.ports import Clock

_ITSELF: Final = "sidecar"  # the actor of what ends by itself
_OVER: Final = "its end has come"


class Held(Protocol):
    """What holds signs: see `stores.pauses`."""

    told: Callable[[Sign], None] | None

    async def put(self, sign: Sign) -> str | None:
        """Put one up; None where too many are."""
        ...

    async def clear(self, kind: Kind, target: Target) -> tuple[Sign, str] | None:
        """Take one down; None where there is none."""
        ...

    def view(self) -> list[Sign]:
        """Return what is up."""
        ...


class Pausing:
    """One per process. `unwritable` is what `pauses` raises where nothing could be written down; its text is for people."""

    def __init__(self, pauses: Held, clock: Clock, audit: Audit, unwritable: type[Exception]) -> None:
        self._pauses, self._clock, self._audit, self._unwritable = pauses, clock, audit, unwritable
        pauses.told = self._note

    async def carry_out(self, order: Order) -> Verdict:
        """Do the `set` or `clear` of a pause or a message. Raises OrderError."""
        kind, target = Kind(order.noun), target_of(order.arguments["target"])
        assert target is not None, "reading has checked it"
        try:
            return await (self._clear(kind, target) if order.verb == "clear" else self._set(kind, target, order))
        except self._unwritable as error:
            what = "a pause that a restart would forget is none" if kind is Kind.PAUSE else "a restart would forget it"
            raise OrderError(f"{error}; {what}. To hold calls off meanwhile: sidecar breaker set") from None

    async def _set(self, kind: Kind, target: Target, order: Order) -> Verdict:
        sign = _sign(kind, target, order, self._clock.now())
        kept = await self._pauses.put(sign)
        if kept is None:
            raise OrderError(f"{MOST} pauses and messages are up already: clear one")
        text = f"{_does(sign)}, {self._ends(sign)}{_forgotten(kept)}"
        return Verdict(True, text, {kind.value: self._shown(sign)})

    async def _clear(self, kind: Kind, target: Target) -> Verdict:
        done = await self._pauses.clear(kind, target)
        if done is None:
            held = ", ".join(str(each.target) for each in self._pauses.view() if each.kind is kind) or "none"
            raise OrderError(f"there is no {kind} at {target} to clear; there is {held}")
        sign, kept = done
        return Verdict(True, f"{_over(sign)}{_forgotten(kept)}", {"ended": sign.id})

    def view(self) -> list[dict[str, Any]]:
        """Return what is up as the status shows it."""
        return [self._shown(each) for each in self._pauses.view()]

    def _note(self, sign: Sign) -> None:
        arguments = {"target": str(sign.target), "id": sign.id}
        self._audit.note(
            sign.kind.value, "clear", actor=_ITSELF, reason=_OVER, arguments=arguments, ok=True, text=_over(sign)
        )

    def _ends(self, sign: Sign) -> str:
        left_s = sign.left_s(self._clock.now(), self._clock.wall())
        if isinf(left_s):
            return f"until somebody ends it; a reminder every {spoken(sign.remind_s or 0)}"
        return f"for {rough(left_s)}"

    def _shown(self, sign: Sign) -> dict[str, Any]:
        now, wall, notice = self._clock.now(), self._clock.wall(), sign.notice
        left_s = sign.left_s(now, wall)
        ends = None if isinf(left_s) else max(0, ceil(left_s))
        return {
            "id": sign.id,
            "kind": sign.kind.value,
            "target": str(sign.target),
            "scope": sign.scope.value if sign.kind is Kind.PAUSE else None,
            "severity": notice.severity,
            "texts": dict(notice.texts),
            "next_update_at": None if notice.next_update is None else rfc3339(notice.next_update),
            "actor": sign.actor,
            "reason": sign.reason,
            "since": rfc3339(wall - (now - sign.since)),
            "until": None if ends is None else rfc3339(wall + left_s),
            "left_s": ends,
            "remind_s": sign.remind_s,
        }


def _sign(kind: Kind, target: Target, order: Order, now: float) -> Sign:
    said, name = order.arguments, f"{kind[0]}{token_hex(3)}"  # by chance: what people have read once is not shown again
    news = said["next_update"]
    notice = Notice(name, said["severity"], tuple(said["text"].items()), wall_of(news) if news else None)
    return Sign(
        name,
        kind,
        target,
        notice,
        now,
        Scope(said.get("scope", Scope.ENTRY)),
        now + order.for_s if order.for_s is not None and order.until is None else None,
        order.until,
        order.remind_s,
        order.actor,
        order.reason,
    )


def _does(sign: Sign) -> str:
    if sign.kind is Kind.MESSAGE:
        return f"{_at(sign.target)}: message {sign.id}"
    whom = "everybody" if sign.scope is Scope.ALL else "newcomers"
    return f"{_at(sign.target)}: paused for {whom}"


def _over(sign: Sign) -> str:
    if sign.kind is Kind.MESSAGE:
        return f"{_at(sign.target)}: message {sign.id} is gone"
    return f"{_at(sign.target)}: goes on, slowly at first"


def _at(target: Target) -> str:
    return "everything" if target.what is What.EVERYTHING else f"{target.what} {target.name}"


def _forgotten(kept: str) -> str:
    """Say what a restart does to what is written nowhere."""
    return f". A restart ends this: {kept}" if kept else ""
