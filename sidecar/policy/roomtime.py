"""The times of a waiting room: none of them is the machine's, so neither a stall nor a wrong clock takes anything from anybody.

`life` runs while the process does: it stands still while the process was stopped, and across a restart. `sale` stands still during a pause,
too: calls and passes are counted in it. The wall clock decides about nothing but the opening, and a step of it has to stand for a minute
before it is believed.
"""

from __future__ import annotations

from typing import Final

# The tick comes four times a second; a gap beyond this was no tick that came late but a process that stood still.
_GAP_S: Final = 2.0
# An NTP slew is milliseconds a minute. What differs by more is a step, and may be taken back.
_STEP_S: Final = 30.0
_BELIEVED_S: Final = 60.0


class RoomTime:
    """All times of one room. `tick` is told of the machine's two clocks."""

    __slots__ = ("_mono", "_offset", "_stepped_at", "life", "longest_s", "paused", "sale", "stalled_s", "stepped_s")

    def __init__(self, life: float = 0.0, sale: float = 0.0) -> None:
        self.life, self.sale = life, sale
        self.paused = False
        self.stalled_s = 0.0  # of the last tick
        self.longest_s = 0.0  # the longest stall since the process began
        self.stepped_s = 0.0  # of the wall clock, which is not believed yet
        self._mono: float | None = None
        self._offset: float | None = None  # of wall and monotonic time, as it is believed
        self._stepped_at: float | None = None

    def __repr__(self) -> str:
        return f"<RoomTime life {self.life:.1f} s, sale {self.sale:.1f} s{', paused' if self.paused else ''}>"

    def tick(self, now: float, wall: float) -> None:
        """Go on to `now` (monotonic seconds), where the wall clock says `wall`."""
        passed_s = 0.0 if self._mono is None else max(0.0, now - self._mono)
        self.stalled_s = passed_s - _GAP_S if passed_s > _GAP_S else 0.0
        self.longest_s = max(self.longest_s, self.stalled_s)
        lived_s = passed_s - self.stalled_s
        self._mono = now
        self.life += lived_s
        if not self.paused:
            self.sale += lived_s
        self._believe(now, wall - now)

    def _believe(self, now: float, offset: float) -> None:
        if self._offset is None or abs(offset - self._offset) <= _STEP_S:
            self._offset, self._stepped_at, self.stepped_s = offset, None, 0.0
            return
        step_s = offset - self._offset
        if self._stepped_at is None or abs(step_s - self.stepped_s) > _STEP_S:
            self._stepped_at, self.stepped_s = now, step_s
        elif now - self._stepped_at >= _BELIEVED_S:
            self._offset, self._stepped_at, self.stepped_s = offset, None, 0.0

    @property
    def wall(self) -> float:
        """Return the time of day as the room believes it, seconds since the epoch."""
        return 0.0 if self._mono is None or self._offset is None else self._mono + self._offset

    def wall_of_sale(self, sale: float) -> float:
        """Return the time of day at which a moment of the sale comes if nothing stops it."""
        return self.wall + (sale - self.sale)
