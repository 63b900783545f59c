"""One of the crowd before a waiting room: what he does next, and what he makes of the answer.

It stands in front of the road, on the crowd's wheel. It answers an errand to run and, from what came, when he does the next thing; it
sends nothing itself and keeps no clock. Some come to see and leave again, some put the telephone into a pocket, most wait, and buy.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping
    from random import Random

LEAVE_CHANCE: Final = 0.08  # at each look at his place: a third have gone when their turn comes
SLEEP_CHANCE: Final = 0.02  # at each look: he does not look again, and is passed over
PAYS: Final = 0.8  # of those who have got seats; the others give the pass back
AFTER_S: Final = 2.0  # where nobody said when
CARD: Final = {"sCCOwner": "A. Visitor", "sCCNumber": "4111111111111111", "iCCType": 1, "iCCMonth": 12, "iCCYear": 2030}
JSON: Final = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class Errand:
    """One request: of the room or of the box office, below its address."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""
    of_room: bool = True


@dataclass(frozen=True, slots=True)
class End:
    """How it ended for somebody."""

    word: str


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody takes from an answer."""

    state: str
    good: bool
    after_s: float
    visitor: str | None = None
    place: str | None = None
    token: str | None = None
    data: Any = None


def reply_of(headers: Mapping[str, str], body: bytes) -> Said:
    """Read an answer; raises ValueError where it is none."""
    told = orjson.loads(body)
    queue = told.get("queue") or {}
    waits = [(told.get("retry") or {}).get("after_s") or 0.0, (queue.get("next_poll_ms") or 0) / 1000]
    return Said(
        headers.get("Sidecar-State", "(no Sidecar-State)").partition(";")[0],
        told.get("category") == "ok",
        max(waits) or AFTER_S,
        queue.get("visitor"),
        queue.get("place"),
        headers.get("Sidecar-Pass"),
        told.get("data"),
    )


@dataclass(slots=True)
class Visitor:
    """Whoever is `admitted` goes through `steps`, the last one first."""

    address: str  # his own, as a web server in front would say it
    performance: int
    wants: int
    pays: bool
    word: str = "on_the_way"
    place: str | None = None
    token: str | None = None
    session: str | None = None
    seats: int = 0
    orders: int = 0
    stumbles: int = 0
    bored: bool = False
    steps: list[str] = field(default_factory=list)

    @classmethod
    def born(cls, rng: Random, number: int, performance: int) -> Visitor:
        """Return the visitor of that number."""
        address = f"10.{64 + (number >> 16 & 63)}.{number >> 8 & 255}.{number & 255}"
        return cls(address, performance, rng.randint(1, 2), rng.random() < PAYS)

    def errand(self) -> Errand | End:
        """Return what he does now."""
        if self.place is None:
            return Errand("POST", "/join", JSON, b"{}")
        held = {"Sidecar-Place": self.place}
        if self.bored:
            return Errand("POST", "/leave", held)
        if self.word == "called":
            return Errand("POST", "/claim", held)
        if self.token is None:
            return Errand("GET", "/place", held)
        return self._step({**JSON, "Sidecar-Pass": self.token}) if self.steps else End("served")

    def _step(self, headers: Mapping[str, str]) -> Errand:
        match self.steps[-1]:
            case "session":
                return _call("GetNewSessionKey", {"sIP": "192.0.2.7"}, headers)
            case "reserve":
                wish = {"sPriceType": "A", "iPerformanceNumber": self.performance, "iNumberOfSeats": self.wants}
                return _call("ReserveTickets", {"sWebSessionID": self.session, **wish, "iZone": 1}, headers)
            case "pay":
                return _call("Checkout", {"sSessionKey": self.session, **CARD}, headers)
        return Errand("POST", "/release", {"Sidecar-Place": self.place or ""})

    def heard(self, said: Said | None, rng: Random, stumbles_max: int) -> float | End:
        """Take an answer in; returns in how many seconds he does the next thing, or how it ended for him."""
        if said is None or not (said.good or said.state in ("sold_out", "sale_closed")):
            self.stumbles += 1
            after = AFTER_S if said is None else said.after_s
            return End("gave_up") if self.stumbles >= stumbles_max else after * (1.0 + 0.2 * rng.random())
        self.stumbles = 0
        if said.state in ("sold_out", "sale_closed"):
            return End("sold_out")
        if self.token is not None:
            return self._went(said, rng)
        self.place = said.place or self.place
        self.word = said.visitor or self.word
        return self._placed(said, rng)

    def _placed(self, said: Said, rng: Random) -> float | End:
        if said.token is not None:
            self.token, self.steps = said.token, ["give_back", "pay", "reserve", "session"]
            return 0.2 + rng.random()
        if self.word == "called":
            return 0.5 + 2.0 * rng.random()  # he reads it, and presses the button
        if self.word in ("left", "expired", "forfeited", "released"):
            return End(self.word)
        if self.word == "waiting":
            chance = rng.random()
            if chance < SLEEP_CHANCE:
                self.word = "asleep"
                return End("asleep")
            self.bored = chance < SLEEP_CHANCE + LEAVE_CHANCE
        return said.after_s

    def _went(self, said: Said, rng: Random) -> float | End:
        """One step of the purchase is done."""
        match self.steps.pop():
            case "session":
                self.session = said.data.get("GetNewSessionKeyResult")
            case "reserve":
                self.seats += int(said.data.get("ReserveTicketsResult") or 0)
                if not self.pays:
                    self.steps = ["give_back"]
            case "pay":
                self.orders += 1
                self.steps = []  # the purchase is over, and the pass with it
                return End("served")
            case _:
                return End("looked")
        return 0.3 + 2.0 * rng.random()


def _call(operation: str, args: Mapping[str, Any], headers: Mapping[str, str]) -> Errand:
    return Errand("POST", f"/json/{operation}", headers, orjson.dumps(args), of_room=False)
