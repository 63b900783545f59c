"""After an outage: how fast what has grown old meanwhile is renewed, so that a backend that is back is not asked for everything at once.

Asked by the cache stage before anything is renewed that could be given as it is. It knows how often the backend was asked before it went
down and lets renewals go a tenth faster than that until the backlog is gone. It never keeps anybody waiting who has nothing to be given.
"""

from __future__ import annotations

from typing import Final

HEADROOM: Final = 1.1  # times the rate from before: more than nothing, or a backlog would never go; less than a herd
BACKLOG: Final = 10.0  # what expired in an outage is ten times as long in the renewing, at a tenth more than usual
LONGEST_S: Final = 300.0  # five minutes after an outage nobody is patient any more
SLOWEST: Final = 1.0  # renewals a second that no backend notices, however seldom it was asked before
AGAIN_S: Final = (
    10.0  # the level gets better after five quiet seconds: down again within twice that, it had not been up
)
# The usual rate is counted over one life of the answers, for they may all have been born together; within what can be waited for.
WINDOW_MIN_S: Final = 5.0
WINDOW_MAX_S: Final = 60.0


class Pace:
    """One operation's renewals; times are monotonic seconds. `lifetime_s` of its answers: after one of them nothing is old any more."""

    __slots__ = ("_began", "_count", "_down_at", "_down_since", "_lifetime_s", "_next", "_rate", "_window_s")

    def __init__(self, lifetime_s: float) -> None:
        self._lifetime_s = lifetime_s
        self._window_s = min(max(lifetime_s, WINDOW_MIN_S), WINDOW_MAX_S)
        self._rate = SLOWEST
        self._began: float | None = None
        self._count = 0
        self._down_at: float | None = None
        self._down_since = 0.0
        self._next = 0.0

    def asked(self, now: float) -> None:
        """Note that the backend is asked, for whatever reason."""
        self._next = now + 1.0 / (HEADROOM * max(self._rate, SLOWEST))
        if self._recovering(now):
            return
        if self._began is None:
            self._began, self._count = now, 0
        self._count += 1
        if now - self._began >= self._window_s:
            self._close(now)

    def down(self, now: float) -> None:
        """Note that it is down; said as often as anybody sees it."""
        if self._down_at is None or now - self._down_at > AGAIN_S:
            self._down_since = now
            if self._began is not None and now - self._began >= self._window_s / 2:
                self._close(now)
            self._began = None
        self._down_at = now

    def may(self, now: float) -> bool:
        """Say whether one more answer may be renewed now."""
        return now >= self._next or not self._recovering(now)

    def _close(self, now: float) -> None:
        assert self._began is not None, "there is a window to close"
        self._rate = self._count / (now - self._began)
        self._began = None

    def _recovering(self, now: float) -> bool:
        if self._down_at is None:
            return False
        backlog_s = BACKLOG * (self._down_at - self._down_since)
        return now < self._down_at + min(self._lifetime_s, backlog_s, LONGEST_S)
