"""The file descriptors that the process may hold: raised at start to what `limits.connections` needs, as far as the system lets it.

Called once by `app`, before anything listens. It never refuses to start: a cap that is too low is said in the log, with the remedy.
"""

from __future__ import annotations

import resource
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sidecar.ports import Log

# Each connection may have one of its own to a backend; the rest is sockets that listen, ghosts, the log, the event loop, files.
_PER_CONNECTION: Final = 2
_BESIDES: Final = 64


def needed(connections: int) -> int:
    """Return how many descriptors a process needs for this many connections of callers."""
    return _PER_CONNECTION * connections + _BESIDES


def raise_limit(connections: int, log: Log) -> None:
    """Raise the soft limit (getrlimit(2), RLIMIT_NOFILE) for this many connections; log where the hard one is lower."""
    wanted = needed(connections)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    given = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (given, hard))
    except (OSError, ValueError):  # macOS has a lower limit of its own (kern.maxfilesperproc), a sandbox may have any
        given = soft
    if given < wanted:
        log.event(
            "nofile_low",
            descriptors=given,
            needed=wanted,
            remedy=f"limits.connections is {connections}: give the process LimitNOFILE={wanted} (ulimit -n), or lower the limit",
        )
