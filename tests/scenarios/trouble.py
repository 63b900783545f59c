"""One row of what goes wrong around the calls, as `docs/failures.md` prints it."""

from __future__ import annotations

from dataclasses import dataclass

NOTHING = "nothing changes for them"


@dataclass(frozen=True, slots=True)
class Trouble:
    """One row. `executed` says what becomes of calls under way; `test` is the node that proves it."""

    component: str
    what: str
    callers: str
    executed: str
    notices: str
    acts: str
    test: str
