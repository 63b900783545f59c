"""How long to wait before a call is made once more: a time drawn anew for each, twice as long at most with each failure.

Asked by the retry stage. Whether there is a retry at all is the budget's to say.
"""

from __future__ import annotations

from typing import Final

# Brooker, "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015): with full jitter competing clients do the least work in all.
FIRST_S: Final = 0.1  # a restarted worker process is back in less; a person does not notice it
LONGEST_S: Final = 2.0  # a slot is held meanwhile, and a caller waits
_DOUBLINGS: Final = 16  # past any cap of ours, and no number of failures makes a number too large


def full_jitter(failures: int, chance: float, first_s: float = FIRST_S, longest_s: float = LONGEST_S) -> float:
    """Return the seconds to wait after so many failures (1 is the first), between 0 and the bound. `chance` is drawn, from 0 to 1."""
    return chance * min(longest_s, first_s * 2.0 ** min(failures - 1, _DOUBLINGS))
