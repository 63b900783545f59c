"""What has been counted since the start: plain numbers per backend, from which the metrics are made when somebody asks for them.

Told of every request, attempt and rare event; told no time. Every label comes from a closed list or is `other`, so that whatever callers
send, the table stays as large as plan and contract make it. It outlives every configuration: nothing here is ever set back.

A call costs five of these; the library's own counters and histograms, which lock and are told their labels, take ten times as long.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from typing import TYPE_CHECKING, Final

from sidecar.model import Dialect, Executed
from sidecar.states import TABLE
from sidecar.watch.mechanisms import MECHANISMS, OTHER

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

# More than any plan that people write; beyond it a new name counts as `other`. What is gone from the plan keeps its numbers.
BACKENDS_MAX: Final = 256
# Upper bounds in seconds: a backend on the same host answers in a few milliseconds, people leave after some tens of seconds.
BOUNDS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
# Rare things that have no number of their own.
EVENTS: Final = (
    "admin_unavailable",
    "backend_speaks_unasked",
    "client_name_malformed",
    "debug_token_wrong",
    "document_not_kept",
    "document_unreadable",
    "fault_begun",
    "fault_ended",
    "fault_injected",
    "ghost_dropped",
    "index_failed",
    "nofile_low",
    "one_client",
    "orders_not_written",
    "orders_unreadable",
    "origin_disallowed",
    "reply_cut",
    "spans_not_sent",
    "wsdl_unreadable",
)

_DIALECTS: Final = frozenset(Dialect)
_EFFECTS: Final = frozenset(Executed)


class Spread:
    """A distribution of seconds over `BOUNDS_S`: how many up to each bound, and above the last."""

    __slots__ = ("counts", "sum_s")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS_S) + 1)
        self.sum_s = 0.0

    def tell(self, *taken_s: float) -> None:
        """Note each."""
        counts = self.counts
        for seconds in taken_s:
            counts[bisect_left(BOUNDS_S, seconds)] += 1
            self.sum_s += seconds


class Account:
    """One backend's numbers; the one of no name counts requests that never found a backend."""

    __slots__ = (
        "attempt_s",
        "attempts",
        "late",
        "queue_s",
        "refusals",
        "request_s",
        "requests",
        "retries",
    )

    def __init__(self) -> None:
        self.requests: defaultdict[tuple[str, str], int] = defaultdict(int)  # by dialect and state
        self.refusals: defaultdict[tuple[str, str], int] = defaultdict(int)  # by state and mechanism
        self.attempts: defaultdict[str, int] = defaultdict(int)  # by state
        self.late: defaultdict[str, int] = defaultdict(int)  # by effect
        self.retries = 0
        self.request_s, self.queue_s, self.attempt_s = Spread(), Spread(), Spread()


class Tally:
    """All numbers of one process."""

    __slots__ = ("accounts", "bugs", "connections_dropped", "events")

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        self.events: dict[str, int] = dict.fromkeys(EVENTS, 0)
        self.bugs = 0
        self.connections_dropped = 0

    def account(self, backend: str) -> Account:
        """Return a backend's account, opening it where there is room."""
        found = self.accounts.get(backend)
        if found is None:
            name = backend if len(self.accounts) < BACKENDS_MAX else OTHER
            found = self.accounts.setdefault(name, Account())
        return found

    def passed(
        self, backend: str, dialect: str, state: str, mechanism: str, total_s: Sequence[float], queue_s: Sequence[float]
    ) -> None:
        """Note requests that got their replies, one for each of `total_s`; `queue_s` of those who came as far as the line, `mechanism`
        where they were refused.
        """
        account = self.accounts.get(backend) or self.account(backend)
        requests, key = account.requests, (dialect, state)
        if key not in requests:
            key = (_of(dialect, _DIALECTS), _of(state, TABLE))
        requests[key] += len(total_s)
        account.request_s.tell(*total_s)
        account.queue_s.tell(*queue_s)
        if mechanism:
            account.refusals[_of(state, TABLE), _of(mechanism, MECHANISMS)] += len(total_s)

    def attempted(self, backend: str, state: str, seconds: float) -> None:
        """Note one attempt at a backend."""
        account = self.accounts.get(backend) or self.account(backend)
        account.attempts[_of(state, TABLE)] += 1
        account.attempt_s.tell(seconds)

    def event(self, name: str, facts: Mapping[str, object]) -> None:
        """Note an event of the log, as far as it is one that counts."""
        match name:
            case "late_outcome":
                self.account(str(facts.get("backend", ""))).late[_of(str(facts.get("executed")), _EFFECTS)] += 1
            case "retry":
                self.account(str(facts.get("backend", ""))).retries += 1
            case "bug":
                self.bugs += 1
            case "connection_dropped":
                self.connections_dropped += 1
            case _ if name in self.events:
                self.events[name] += 1


def _of(label: str, known: Collection[str]) -> str:
    """Return a label that may stand in a metric."""
    return label if label in known else OTHER
