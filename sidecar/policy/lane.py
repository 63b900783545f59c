"""One lane of a waiting room: who stands where, who is there, whose turn it is. No object per visitor.

A visitor is a number, given as he came. His word is one byte by that number; whether he is there is a bit by his position, which is his
number before the draw and his rank after it. Whoever is there and still in line is eligible; the lowest position is called first, so nobody
who is eligible is overtaken, and who is away is skipped and keeps his position.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import deque
from heapq import heappop, heappush, heapreplace
from typing import TYPE_CHECKING, Final, NamedTuple

from sidecar.policy.draw import Draw
from sidecar.policy.presence import Carrying, Presence
from sidecar.policy.visitors import CODE_OF, WHYS, WORD_OF, Code, Event, Why, Word, after

if TYPE_CHECKING:
    from collections.abc import Iterable

# Two of them, as the table says: the first costs a place nothing.
MISSES: Final = 2
_CODE_BITS: Final = 3
_CODE: Final = 0b111
_WITHOUT_WHY: Final = (Code.IN_LINE, Code.CALLED, Code.ADMITTED)
# Where the frontier was, once in so many seconds: to tell how long ago it passed somebody.
_MARK_S: Final = 30.0
# Bytes of words are added so many at a time: a million are no pause.
_GROWTH: Final = 64 * 1024
_PAGE_SHIFT: Final = 12  # pages of words, as a store keeps them: 4096
_FRONTIERS_S: Final = 7200.0  # nobody is away longer whose place is not lost
_OUT: Final = re.compile(rb"[^\x00]")


class Missed(NamedTuple):
    """Somebody who did not come when he was called, what he is now, and when he had been called."""

    seq: int
    word: Word
    called_at: float


class Lane:
    """`number` names it in places. Times are `sale` seconds of the room (see `roomtime`)."""

    __slots__ = (
        "_calls",
        "_carrying",
        "_dirty",
        "_draw",
        "_frontiers",
        "_heard",
        "_looked_at",
        "_sale",
        "_words",
        "called",
        "called_at",
        "frontier",
        "gaps",
        "joined",
        "name",
        "number",
        "presence",
    )

    def __init__(self, name: str, number: int) -> None:
        self.name, self.number = name, number
        self.joined = 0  # the number that the next one gets
        # Numbers below it that nobody has, as far as is known, each from one and up to another: after a crash none may be given twice.
        self.gaps: list[tuple[int, int]] = []
        self._draw: Draw | None = None
        self._looked_at = (-1, -1)  # who was looked at last, and where he stands: a poll asks for it five times
        self._carrying: Carrying | None = None
        self.presence = Presence()
        self._words = bytearray()
        self._dirty: set[int] = set()  # pages of words that a store has not seen
        self.called: dict[int, float] = {}  # until when
        self.called_at: dict[int, float] = {}  # since when
        self._calls: list[tuple[float, int]] = []  # a heap of those who are called, at the end of the call or before it
        self.frontier = 0  # positions below it have been called or passed
        self._frontiers: deque[tuple[float, int]] = deque()
        self._heard: dict[int, float] = {}  # when whoever the frontier has passed was last heard of
        self._sale = 0.0

    def __repr__(self) -> str:
        drawn = "no draw yet" if self._draw is None else f"{self._draw.drawn} drawn"
        return f"<Lane {self.name}: {self.joined} joined, {drawn}, {self.eligible} eligible, frontier {self.frontier}>"

    # --- who

    @property
    def drawn(self) -> int | None:
        """How many took part in the draw, None before it."""
        return None if self._draw is None else self._draw.drawn

    @property
    def draw(self) -> Draw | None:
        """The draw, None before it."""
        return self._draw

    @property
    def eligible(self) -> int:
        """How many are there and in line."""
        return self.presence.count

    def position(self, seq: int) -> int:
        """Return where somebody stands: by his number before the draw, by his rank after it."""
        if self._draw is None:
            return seq
        if self._looked_at[0] != seq:
            self._looked_at = (seq, self._draw.rank(seq))
        return self._looked_at[1]

    def seq_at(self, position: int) -> int:
        """Return who stands there."""
        return position if self._draw is None else self._draw.seq(position)

    def knows(self, seq: int) -> bool:
        """Say whether that number has been given."""
        return 0 <= seq < self.joined

    def word(self, seq: int) -> Word:
        """Return what somebody is."""
        code = self._words[seq] & _CODE
        if code:
            return WORD_OF[code]
        if self._draw is None:
            return Word.LOBBY
        return Word.WAITING if self.presence.is_present(self.position(seq)) else Word.PARKED

    def stand(self, seq: int) -> tuple[Word, int | None]:
        """Return what somebody is, and who has a rank also how many are eligible before him, exactly."""
        code = self._words[seq] & _CODE
        if code:
            return WORD_OF[code], None
        if self._draw is None:
            return Word.LOBBY, None
        presence, position = self.presence, self.position(seq)
        return Word.WAITING if presence.is_present(position) else Word.PARKED, presence.ahead(position)

    def why(self, seq: int) -> Why:
        """Return why somebody is what he is."""
        code, more = self._words[seq] & _CODE, self._words[seq] >> _CODE_BITS
        return Why.NONE if code in _WITHOUT_WHY else WHYS[more]

    def missed(self, seq: int) -> int:
        """Return how many calls somebody in line has missed."""
        return self._words[seq] >> _CODE_BITS if self._words[seq] & _CODE in (Code.IN_LINE, Code.CALLED) else 0

    def ahead(self, seq: int) -> int:
        """Return how many are eligible before somebody, exactly."""
        return self.presence.ahead(self.position(seq))

    def is_passed(self, seq: int) -> bool:
        """Say whether the frontier has passed somebody: nobody else can have been away for too long."""
        return self.position(seq) < self.frontier

    def away_s(self, sale: float, seq: int) -> float:
        """Return for how long at least somebody has not been heard of whom the frontier has passed, 0 where it has not."""
        position = self.position(seq)
        at = bisect_right(self._frontiers, position, key=lambda mark: mark[1])
        if at == len(self._frontiers):
            return 0.0
        return sale - max(self._frontiers[at][0], self._heard.get(seq, 0.0))

    # --- what happens

    def join(self) -> int:
        """Give the next number. He counts as there once he asks for the second time: what forgets its place holds nobody up."""
        seq = self.joined
        if seq >= len(self._words):
            self._words.extend(bytes(_GROWTH))
        self.joined = seq + 1
        return seq

    def reach(self, joined: int) -> None:
        """Count up to a number that has been given out before a restart."""
        missing = joined - len(self._words)
        if missing > 0:
            self._words.extend(bytes(max(_GROWTH, missing)))
        self.joined = max(self.joined, joined)

    def poll(self, seq: int) -> None:
        """Note that somebody is there; of who is held, too, for he goes on where he stands."""
        if self._words[seq] & _CODE in (Code.IN_LINE, Code.NEEDS_ACTION):
            position = self.position(seq)
            self.presence.mark(position)
            if position < self.frontier:
                self._heard.pop(seq, None)
                self._heard[seq] = self._sale

    def happen(self, seq: int, event: Event, why: Why = Why.NONE) -> Word | None:
        """Let something happen to somebody as the table says; None, and nothing, where it does not happen to one like him."""
        then = after(self.word(seq), event)
        if then is None or event is Event.DRAW:  # nobody is drawn alone
            return None
        code, was = CODE_OF[then], Code(self._words[seq] & _CODE)
        if event is Event.POLL:
            self.poll(seq)
        elif event in (
            Event.SILENCE,
            Event.MISS,
        ):  # who did not come is not there, whatever the windows say, until he asks again
            self.presence.unmark(self.position(seq))
        if code is not was:
            if event is Event.MISS:
                more = self.missed(seq) + 1
            elif code is Code.CALLED:
                more = self.missed(seq)
            else:
                more = 0 if code in _WITHOUT_WHY else WHYS.index(why)
            self._words[seq] = more << _CODE_BITS | code
            self._dirty.add(seq >> _PAGE_SHIFT)
            self._moved(seq, was, code)
        return self.word(seq)

    def _moved(self, seq: int, was: Code, now: Code) -> None:
        """Let the bits follow the word."""
        if was is Code.CALLED:
            self.called.pop(seq, None)
            self.called_at.pop(seq, None)
        position = self.position(seq)
        if now is Code.IN_LINE and was is not Code.IN_LINE:
            self.presence.back(position)
            self._heard[seq] = self._sale  # what he was meanwhile is no absence
        elif now is not Code.IN_LINE and was is Code.IN_LINE:
            self.presence.out(position)
            self._heard.pop(seq, None)

    def call(self, sale: float, count: int, until: float) -> list[int]:
        """Call so many of those who are first; returns who."""
        chosen: list[int] = []
        for position in self.presence.first(count):
            seq = self.seq_at(position)
            if self.happen(seq, Event.CALL) is not Word.CALLED:
                continue
            self.called[seq], self.called_at[seq] = until, sale
            heappush(self._calls, (until, seq))
            self.frontier = max(self.frontier, position + 1)
            chosen.append(seq)
        return chosen

    def call_again(self, seq: int, until: float) -> None:
        """Let a call hold until another moment, later than all."""
        if seq in self.called:
            self.called[seq] = until

    def missed_calls(self, sale: float, most: int = 200) -> list[Missed]:
        """Look at no more than so many calls, and take those away that have run out."""
        found: list[Missed] = []
        for _ in range(most):
            if not self._calls or self._calls[0][0] > sale:
                break
            seq = self._calls[0][1]
            until = self.called.get(seq)
            if until is not None and until > sale:
                heapreplace(self._calls, (until, seq))
                continue
            heappop(self._calls)
            if until is not None:
                called_at = self.called_at[seq]
                event = Event.FORFEIT if self.missed(seq) + 1 >= MISSES else Event.MISS
                found.append(Missed(seq, self.happen(seq, event, Why.MISSED) or self.word(seq), called_at))
        return found

    def mark_frontier(self, sale: float) -> None:
        """Remember where the frontier is now, once in a while, and let go what is too old to say anything."""
        self._sale = sale
        if self._frontiers and sale - self._frontiers[-1][0] < _MARK_S:
            return
        if not self._frontiers or self._frontiers[-1][1] != self.frontier:
            self._frontiers.append((sale, self.frontier))
        while len(self._frontiers) > 1 and sale - self._frontiers[1][0] > _FRONTIERS_S:
            self._frontiers.popleft()
        while self._heard and sale - next(iter(self._heard.values())) > _FRONTIERS_S:
            del self._heard[next(iter(self._heard))]

    # --- the draw

    def seal(self, seed: bytes) -> None:
        """Make the draw: whoever has a number has a rank now, whether he is there or not. What is known of who is there follows."""
        self._draw, self._looked_at = Draw(seed, self.name, self.joined), (-1, -1)
        taken = [self._draw.rank(seq) for seq in self._not_in_line()]
        carrying = Carrying(self.presence, self._draw, taken)
        self.presence = carrying.presence
        self._carrying = carrying if self.joined else None

    @property
    def carrying(self) -> bool:
        """Say whether it is still being carried over who was there before the draw."""
        return self._carrying is not None

    def carry(self, budget: int) -> bool:
        """Carry over some of what is known of who is there; False where nothing is left to do."""
        if self._carrying is None:
            return False
        if not self._carrying.step(budget):
            self._carrying = None
        return self._carrying is not None

    def _not_in_line(self) -> list[int]:
        """Return who is anything but in line: few, before the draw."""
        return [found.start() for found in _OUT.finditer(self._words, 0, self.joined)]

    def recall(self, joined: int, words: Iterable[tuple[int, bytes]], seed: bytes | None, drawn: int | None) -> None:
        """Come back from a store: everybody in line counts as there until he would have had to be heard of."""
        self.reach(joined)
        for at, piece in words:
            self._words[at : at + len(piece)] = piece
        if seed is not None and drawn is not None:
            self._draw, self._looked_at = Draw(seed, self.name, drawn), (-1, -1)
        gone = (seq for seq in self._not_in_line() if self._words[seq] & _CODE != Code.IN_LINE)
        self.presence = Presence.of_all(joined, map(self.position, gone))

    def recall_call(self, seq: int, until: float) -> None:
        """Take a call back from a store."""
        if self.knows(seq) and self._words[seq] & _CODE == Code.CALLED:
            self.called[seq] = self.called_at[seq] = until
            heappush(self._calls, (until, seq))

    def skip(self, joined: int, gaps: Iterable[tuple[int, int]]) -> None:
        """Count on up to a number that may have been given before a crash; `gaps` are those that earlier ones have cost. Whoever has one of
        them counts as there once he asks.
        """
        self.gaps = list(gaps)
        for first, end in self.gaps:
            for seq in range(first, end):
                self.presence.unmark(self.position(seq))
        if joined > self.joined:
            self.gaps.append((self.joined, joined))
        self.reach(joined)

    @property
    def skipped(self) -> int:
        """How many numbers were passed over."""
        return sum(end - first for first, end in self.gaps)

    @property
    def people(self) -> int:
        """How many have come, as far as is known."""
        return self.joined - self.skipped

    def take_dirty(self) -> list[int]:
        """Return the pages of words that a store has not seen yet."""
        dirty, self._dirty = self._dirty, set()
        return sorted(dirty)

    def words(self, at: int, size: int) -> bytes:
        """Return some words, for a store."""
        return bytes(self._words[at : at + size])
