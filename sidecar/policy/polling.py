"""When a visitor asks again: the sooner the nearer his turn is, so that the load of a crowd grows with its logarithm.

One formula (clamp(a * eta, t_min, t_max), drawn apart by 15 %). In sum at most (mu/a)(1 + ln(a N / (mu t_min))) + N/t_max polls
a second for N who wait, mu of whom are called each second: a million people are 2 500 a second, where asking every five seconds they
would be 200 000.
"""

from __future__ import annotations

from math import log
from typing import Final

PART: Final = 0.2  # of the wait: whoever is told ten minutes looks again in two
LEAST_S: Final = 3.0  # near the front a person sees it move
MOST_S: Final = 120.0  # beyond it browsers throttle timers, and presence would be a guess
FAR_RATE: Final = 1000.0  # polls a second that the far ones may make together: a twentieth of what one core answers
DRAWN_RATE: Final = 5000.0  # polls a second of a crowd that comes to hear its ranks: a quarter of the same
SPREAD: Final = 0.15  # sooner or later, so that those who came at once do not come back at once
# Who has just come is asked to come once more soon: by that the room knows that there is somebody who keeps his place.
SECOND_S: Final = 2.0
CALLED_S: Final = 5.0  # a page that was called comes at once by itself; this is for one that does not
ADMITTED_S: Final = 20.0  # below every idle time of a pass
OVER_S: Final = 60.0


def most_s(crowd: int) -> float:
    """Return the longest interval for a crowd of that size."""
    return max(MOST_S, crowd / FAR_RATE)


def waiting_s(eta_s: float | None, crowd: int, chance: float) -> float:
    """Return in how many seconds somebody asks again who waits `eta_s` more; None: nobody can say. `chance`: 0 to 1."""
    plain = top = most_s(crowd)
    if eta_s is not None and (part_s := PART * eta_s) < top:
        plain = max(part_s, LEAST_S)
    return plain * spread(chance)


def lobby_s(to_draw_s: float, to_open_s: float, crowd: int, chance: float) -> float:
    """Return in how many seconds somebody asks again before the draw. The last time is after the draw and before the opening, each at a
    moment of his own between: by then ranks are known, so the opening itself is nobody's poll. Where the two are the same moment, a crowd
    comes as fast as it may; where they are far apart, in the first while of it.
    """
    top = most_s(crowd)
    between_s = min(max(to_open_s - to_draw_s, crowd / DRAWN_RATE, 1.0), top)
    # Whether this is the last time before the draw is no matter of chance, or those who are late would all come early.
    if to_draw_s + between_s <= top * (1.0 + SPREAD):
        return max(1.0, to_draw_s + between_s * chance)
    return min(top, to_draw_s / (1.0 + SPREAD)) * spread(chance)  # before the draw, so that there is a last time


def drawn_s(to_open_s: float, eta_s: float, crowd: int, chance: float) -> float:
    """Return in how many seconds somebody asks again who knows his rank while the room is not open yet: as if it were, and it waits. Where
    it waits long he asks between, or he would count as gone.
    """
    top = most_s(crowd)
    return to_open_s + waiting_s(eta_s, crowd, chance) if to_open_s <= top else top * spread(chance)


def spread(chance: float) -> float:
    """Return the factor that draws a crowd apart."""
    return 1.0 - SPREAD + 2.0 * SPREAD * chance


def bound(crowd: int, rate: float) -> float:
    """Return the polls a second that a crowd makes at most which does as it is told, `rate` of whom are called each second."""
    if crowd <= 0:
        return 0.0
    far = crowd / most_s(crowd)
    if rate <= 0.0:
        return far
    near = PART * crowd / (rate * LEAST_S)
    return (rate / PART) * (1.0 + log(max(1.0, near))) + far
