"""How many calls a backend gets at once: a number that somebody load-tested, or one that is learnt (`adaptive`). Both answer alike."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class Sample(NamedTuple):
    """One attempt that has ended, as a limit learns from it.

    `seconds` from its beginning to the end of its reply. `epoch` and `in_flight` are as its lease was granted: the limiter's epoch then,
    and the calls at the backend, ghosts and itself included. `dropped`: a timeout, no connection, or a fault that speaks of overload;
    an error of the caller's, or a caller who hung up, is no sample.
    """

    operation: str
    seconds: float
    epoch: int
    in_flight: int
    dropped: bool = False


class Limiter(Protocol):
    """The limit of one backend."""

    @property
    def limit(self) -> int:
        """Calls at once, at least 1."""
        ...

    @property
    def epoch(self) -> int:
        """A number that grows with every change of the limit: what was begun under another one says nothing of this one."""
        ...

    def tell(self, now: float, sample: Sample, *, waiting: int) -> None:
        """Learn from an attempt; `waiting` calls stand in line at this moment. The limit may be another afterwards."""
        ...


class Fixed:
    """`limit: {fixed: N}`: learns nothing."""

    __slots__ = ("limit",)
    epoch = -1  # no limit that learns has it: what ran under a number by hand is no sample

    def __init__(self, limit: int) -> None:
        self.limit = limit

    def __repr__(self) -> str:
        return f"<Fixed {self.limit}>"

    def tell(self, now: float, sample: Sample, *, waiting: int) -> None:
        """Nothing changes a number that somebody has load-tested."""
