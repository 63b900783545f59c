"""One lane of a waiting room: who stands where, who is there, whose turn it is. No object per visitor.

A visitor is a number, given as he came. His word is one byte by that number; whether he is there is a bit by his position, which is his
number before the draw and his rank after it. Whoever is there and still in line is eligible; the lowest position is called first, so nobody
who is eligible is overtaken, and who is away is skipped and keeps his position.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import deque
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
# Where the frontier was, once in so many seconds: to tell how long ago it passed somebody.
_MARK_S: Final = 30.0
# Bytes of words are added so many at a time: a million are no pause.
_GROWTH: Final = 64 * 1024
_PAGE_SHIFT: Final = 12  # pages of words, as a store keeps them: 4096
_FRONTIERS_S: Final = 7200.0  # nobody is away longer whose place is not lost


_OUT: Final = re.compile(rb"[^\x00]")


class Called(NamedTuple):
    """Somebody whose turn it is, and until when (the room's sale time)."""

    seq: int
    until: float


class Lane:
    """`number` names it in places. Times are the room's: `life` seconds for presence, `sale` seconds for calls (see `room`)."""

    __slots__ = (
        "_calls",
        "_carrying",
        "_dirty",
        "_draw",
        "_frontiers",
        "_looked_at",
        "_words",
        "called",
        "frontier",
        "joined",
        "name",
        "number",
        "presence",
    )

    def __init__(self, name: str, number: int) -> None:
        self.name, self.number = name, number
        self.joined = 0  # the number that the next one gets
        self._draw: Draw | None = None
        self._looked_at = (-1, -1)  # who was looked at last, and where he stands: a poll asks for it five times
        self._carrying: Carrying | None = None
        self.presence = Presence()
        self._words = bytearray()
        self._dirty: set[int] = set()  # pages of words that a store has not seen
        self.called: dict[int, float] = {}
        self._calls: deque[Called] = deque()  # in the order in which they run out, for all have the same time
        self.frontier = 0  # positions below it have been called or passed
        self._frontiers: deque[tuple[float, int]] = deque()

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

    def why(self, seq: int) -> Why:
        """Return why somebody is what he is."""
        code, more = self._words[seq] & _CODE, self._words[seq] >> _CODE_BITS
        return Why.NONE if code in (Code.IN_LINE, Code.CALLED, Code.ADMITTED) else WHYS[more]

    def missed(self, seq: int) -> int:
        """Return how many calls somebody in line has missed, how many passes somebody who is in has had."""
        return self._words[seq] >> _CODE_BITS if self._words[seq] & _CODE in (Code.IN_LINE, Code.CALLED) else 0

    def ahead(self, seq: int) -> int:
        """Return how many are eligible before somebody, exactly."""
        return self.presence.ahead(self.position(seq))

    def away_s(self, life: float, seq: int) -> float:
        """Return for how long the frontier has been past somebody at least, 0 where it is not."""
        position = self.position(seq)
        at = bisect_right(self._frontiers, position, key=lambda mark: mark[1])
        return life - self._frontiers[at][0] if at < len(self._frontiers) else 0.0

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
        while self.joined < joined:
            missing = joined - len(self._words)
            if missing > 0:
                self._words.extend(bytes(max(_GROWTH, missing)))
            self.joined = joined

    def poll(self, seq: int) -> None:
        """Note that somebody is there."""
        if self._words[seq] & _CODE == Code.IN_LINE:
            self.presence.mark(self.position(seq))

    def happen(self, seq: int, event: Event, why: Why = Why.NONE) -> Word | None:
        """Let something happen to somebody as the table says; None, and nothing, where it does not happen to one like him."""
        before = self.word(seq)
        then = after(before, event)
        if then is None:
            return None
        code, was = CODE_OF[then], Code(self._words[seq] & _CODE)
        if event is Event.MISS:
            self._words[seq] = (self.missed(seq) + 1) << _CODE_BITS | Code.IN_LINE
        elif code is not was:
            misses = self.missed(seq) if code is Code.CALLED else 0
            self._words[seq] = (misses or WHYS.index(why)) << _CODE_BITS | code
        self._dirty.add(seq >> _PAGE_SHIFT)
        self._moved(seq, was, code)
        return self.word(seq)

    def _moved(self, seq: int, was: Code, now: Code) -> None:
        """Let the bits follow the word."""
        if was is Code.CALLED and now is not Code.CALLED:
            self.called.pop(seq, None)
        position = self.position(seq)
        if now is Code.IN_LINE and was is not Code.IN_LINE:
            self.presence.back(position)
        elif now is not Code.IN_LINE and was is Code.IN_LINE:
            self.presence.out(position)

    def call(self, sale: float, count: int, until: float) -> list[int]:
        """Call so many of those who are first; returns who."""
        chosen: list[int] = []
        for position in self.presence.first(count):
            seq = self.seq_at(position)
            self.happen(seq, Event.CALL)
            self.called[seq] = until
            self._calls.append(Called(seq, until))
            self.frontier = max(self.frontier, position + 1)
            chosen.append(seq)
        del sale
        return chosen

    def call_again(self, seq: int, until: float) -> None:
        """Let a call hold until another moment, later than all."""
        if seq in self.called:
            self.called[seq] = until
            self._calls.append(Called(seq, until))

    def missed_calls(self, sale: float, most: int = 200) -> list[tuple[int, Word]]:
        """Take the calls away that have run out; returns who, and what each is now."""
        found: list[tuple[int, Word]] = []
        while self._calls and self._calls[0].until <= sale and len(found) < most:
            seq, until = self._calls.popleft()
            if self.called.get(seq) != until:
                continue
            forfeits = self.missed(seq) + 1 >= MISSES
            then = self.happen(seq, Event.FORFEIT if forfeits else Event.MISS, Why.MISSED)
            self._absent(seq)
            found.append((seq, then or self.word(seq)))
        return found

    def _absent(self, seq: int) -> None:
        """Who did not come is not there, whatever the windows say, until he asks again."""
        if self._words[seq] & _CODE == Code.IN_LINE:
            self.presence.unmark(self.position(seq))

    def mark_frontier(self, life: float) -> None:
        """Remember where the frontier is now, once in a while."""
        if self._frontiers and life - self._frontiers[-1][0] < _MARK_S:
            return
        if not self._frontiers or self._frontiers[-1][1] != self.frontier:
            self._frontiers.append((life, self.frontier))
        while len(self._frontiers) > 1 and life - self._frontiers[0][0] > _FRONTIERS_S:
            self._frontiers.popleft()

    # --- the draw

    def seal(self, seed: bytes) -> None:
        """Make the draw: whoever has a number has a rank now, whether he is there or not. What is known of who is there follows."""
        self._draw, self._looked_at = Draw(seed, self.name, self.joined), (-1, -1)
        taken = [self._draw.rank(seq) for seq in self._not_in_line()]
        self._carrying = Carrying(self.presence, self._draw, taken)
        self.presence = self._carrying.presence

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
        self.presence = Presence.of_all(joined)
        for seq in self._not_in_line():
            if self._words[seq] & _CODE != Code.IN_LINE:
                self.presence.out(self.position(seq))

    def recall_call(self, seq: int, until: float) -> None:
        """Take a call back from a store."""
        if self.knows(seq) and self._words[seq] & _CODE == Code.CALLED:
            self.called[seq] = until
            self._calls.append(Called(seq, until))

    def take_dirty(self) -> list[int]:
        """Return the pages of words that a store has not seen yet."""
        dirty, self._dirty = self._dirty, set()
        return sorted(dirty)

    def words(self, at: int, size: int) -> bytes:
        """Return some words, for a store."""
        return bytes(self._words[at : at + size])
