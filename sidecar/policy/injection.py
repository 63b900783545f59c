"""What is to go wrong at one backend on purpose: which calls, how, and until when. Every rule ends by itself, within the hour.

Asked by the faults stage for each attempt while a rule holds; told what to inject by settings and by orders. A request that may can ask for
a fault of its own, which ends with it. It distorts nothing itself, and nothing of it outlives the process. Latency and error by share and
header are those of Envoy's fault filter (`extensions/filters/http/fault/v3/fault.proto`), which knows no end.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase, translate
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from sidecar.durations import digits, seconds, spoken
from sidecar.model import Injected

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sidecar.model import RawHeaders

# A rehearsal takes minutes. What is forgotten is over before the shift is.
LONGEST_S: Final = 3600.0
# At one backend: what a person can keep in mind, and what each attempt may be compared with.
MOST: Final = 20
# Longer than any attempt waits by default; what comes later than its bound is a hang, however long.
LATENCY_MAX_S: Final = 300.0
# RFC 9110 section 15.5 and 15.6: the classes that are errors.
STATUS_LOW: Final = 400
STATUS_HIGH: Final = 599
FAULT: Final = "fault"  # how an error is written that is no HTTP status: the protocol's own
REQUEST: Final = "request"  # the id of what a request asks for itself; those of rules have a number
_ASKED: Final = f"a fault is one of latency=2s, error=503, error={FAULT}, reset and truncate"
_GIVE_OR_TAKE: Final = "~"
_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")  # a header's name: RFC 9110 section 5.6.2


class Kind(StrEnum):
    """What goes wrong."""

    LATENCY = "latency"  # the attempt begins later
    ERROR = "error"  # the backend says no: an HTTP status, or a fault of its protocol
    RESET = "reset"  # the connection breaks with the call sent
    TRUNCATE = "truncate"  # the reply ends half-way


@dataclass(frozen=True, slots=True)
class Fault:
    """What is to go wrong, for whom, for `for_s` seconds (above 0, at most `LONGEST_S`).

    `operation` is a glob over names. `share` (above 0, at most 1) is the part of the attempts that it hits. `header` is a name, lowered,
    and a glob over its value: only requests that carry it are meant. `latency_s` gives or takes up to `jitter_s`. `status` 0 is a fault of
    the protocol. Raises ValueError, with a sentence for people, for what nobody may ask for.
    """

    operation: str
    kind: Kind
    for_s: float
    share: float = 1.0
    header: tuple[str, str] | None = None
    latency_s: float = 0.0
    jitter_s: float = 0.0
    status: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.for_s <= LONGEST_S:
            raise ValueError(f"it must end within {spoken(LONGEST_S)}")
        if not 0 < self.share <= 1:
            raise ValueError("the share may be from above 0% to 100%")
        if self.kind is Kind.LATENCY and not 0 < self.latency_s + self.jitter_s <= LATENCY_MAX_S:
            raise ValueError(f"a latency may be from above 0s to {spoken(LATENCY_MAX_S)}, what it gives included")
        if not 0 <= self.jitter_s <= self.latency_s:
            raise ValueError("a latency cannot take more than it is")
        if self.status and not STATUS_LOW <= self.status <= STATUS_HIGH:
            raise ValueError(f"an error may have a status from {STATUS_LOW} to {STATUS_HIGH}")

    @property
    def text(self) -> str:
        """The fault as people read it."""
        what = self.kind.value
        if self.kind is Kind.LATENCY:
            what += f" {spoken(self.latency_s)}"
            what += f"{_GIVE_OR_TAKE}{spoken(self.jitter_s)}" if self.jitter_s else ""
        elif self.kind is Kind.ERROR:
            what += f" {self.status or FAULT}"
        part = "" if self.share == 1 else f", {digits(self.share * 100)}% of them"
        where = "" if self.header is None else f", where {self.header[0]} is {self.header[1]}"
        return f"{what} on {self.operation}{part}{where}"


def worded(kind: Kind, value: str) -> tuple[float, float, int]:
    """Return latency, jitter (seconds) and status of a value as people write it: `2s`, `2s~500ms`; `503`, `fault`; nothing else.

    Raises ValueError with a sentence that says what may be written.
    """
    if kind is Kind.LATENCY:
        latency, _, jitter = value.partition(_GIVE_OR_TAKE)
        try:
            return seconds(latency), seconds(jitter) if jitter else 0.0, 0
        except LookupError:
            raise ValueError("a latency is a duration as in 2s, or one that gives or takes, as in 2s~500ms") from None
    if kind is Kind.ERROR:
        if value not in ("", FAULT) and not (value.isascii() and value.isdecimal() and len(value) == 3):
            raise ValueError(f"an error is a status as in 503, or the word {FAULT}")
        return 0.0, 0.0, 0 if value in ("", FAULT) else int(value)
    if value:
        raise ValueError(f"{kind.value} takes no value")
    return 0.0, 0.0, 0


def asked(text: str, chance: Callable[[], float]) -> Injected:
    """Return what a request asks to be made of its own attempts: `latency=2s`, `error=503`, `error=fault`, `reset` or `truncate`.

    `chance` as in `Injections.ask`. Raises ValueError with a sentence that says what may be written.
    """
    name, _, value = text.strip().partition("=")
    try:
        kind = Kind(name)
    except ValueError:
        raise ValueError(_ASKED) from None
    latency_s, jitter_s, status = worded(kind, value)
    fault = Fault("*", kind, LONGEST_S, latency_s=latency_s, jitter_s=jitter_s, status=status)
    return Injected(REQUEST, kind, _delay_s(fault, chance), fault.status)


def header_of(text: str) -> tuple[str, str] | None:
    """Return name (lowered) and glob of `NAME=GLOB`, None where it is "" or is none."""
    name, _, glob = (part.strip() for part in text.partition("="))
    return (name.lower(), glob) if glob and _TOKEN.fullmatch(name) else None


@dataclass(frozen=True, slots=True)
class Injection:
    """A fault that holds from `since` to `until`, monotonic seconds; `by` says who wants it ("" the settings), and `reason` why."""

    id: str
    fault: Fault
    since: float
    until: float
    by: str = ""
    reason: str = ""


class Injections:
    """The pure policy of one backend. `holding` is what holds, in the order in which it was asked for: empty, and nobody has to ask."""

    __slots__ = ("_hits", "_most", "_number", "holding")

    def __init__(self, most: int = MOST) -> None:
        self._most, self._number = most, 0
        self._hits: dict[str, int] = {}
        self.holding: tuple[Injection, ...] = ()

    def __repr__(self) -> str:
        said = "; ".join(f"{each.id} {each.fault.text}, {self._hits[each.id]} hit" for each in self.holding)
        return f"<Injections {said or 'none'}>"

    def put(self, now: float, fault: Fault, by: str = "", reason: str = "") -> Injection | None:
        """Let a fault hold from now on; None where as many hold as may."""
        if len(self.holding) >= self._most:
            return None
        self._number += 1
        made = Injection(f"f{self._number}", fault, now, now + fault.for_s, by, reason)
        self._hits[made.id] = 0
        self.holding = (*self.holding, made)
        return made

    def clear(self, id: str = "") -> dict[Injection, int]:  # noqa: A002 - the word that status and orders use
        """End the one of that id, or all of them; return what has ended, and how many attempts it had hit."""
        return self._drop([each for each in self.holding if id in ("", each.id)])

    def expired(self, now: float) -> dict[Injection, int]:
        """Forget what has come to its end, and return it, as `clear` does."""
        return self._drop([each for each in self.holding if each.until <= now])

    def _drop(self, over: list[Injection]) -> dict[Injection, int]:
        self.holding = tuple(each for each in self.holding if each not in over)
        return {each: self._hits.pop(each.id) for each in over}

    def ask(
        self, now: float, names: Sequence[str], headers: RawHeaders, chance: Callable[[], float]
    ) -> Injected | None:
        """Return what is to become of an attempt at the operations `names`: by the first injection that means it and hits.

        `chance` gives a number from 0 to below 1; it is drawn where a share or a jitter needs it. A rule whose end has come hits nobody,
        whether or not anybody has looked at the clock since.
        """
        for each in self.holding:
            fault = each.fault
            if each.until <= now or not _means(fault, names, headers) or (fault.share < 1 and chance() >= fault.share):
                continue
            self._hits[each.id] += 1
            return Injected(each.id, fault.kind, _delay_s(fault, chance), fault.status)
        return None

    def on(self, now: float, names: Sequence[str]) -> list[Injection]:
        """Return what holds for the operations `names`, whoever asks for them."""
        return [each for each in self.holding if each.until > now and _names(each.fault, names)]

    def hits(self, id: str) -> int:  # noqa: A002 - as above
        """Return how many attempts an injection has hit; 0 where it does not hold any more."""
        return self._hits.get(id, 0)

    @property
    def next_end(self) -> float | None:
        """When the next one ends, monotonic seconds."""
        return min((each.until for each in self.holding), default=None)


def _names(fault: Fault, names: Sequence[str]) -> bool:
    match = _pattern(fault.operation)
    for name in names:  # noqa: SIM110 - asked for each fault in each attempt, where a generator takes as long as all the rest
        if match(name):
            return True
    return False


@lru_cache(maxsize=256)
def _pattern(glob: str) -> Callable[[str], object]:
    """Return what matches a glob; fnmatch itself looks its pattern up with twice the work."""
    return re.compile(translate(glob)).match


def _means(fault: Fault, names: Sequence[str], headers: RawHeaders) -> bool:
    if not _names(fault, names):
        return False
    if fault.header is None:
        return True
    wanted, glob = fault.header
    low = wanted.encode("latin-1")
    return any(name.lower() == low and fnmatchcase(value.decode("latin-1"), glob) for name, value in headers)


def _delay_s(fault: Fault, chance: Callable[[], float]) -> float:
    if not fault.jitter_s:
        return fault.latency_s
    return fault.latency_s + fault.jitter_s * (2 * chance() - 1)
