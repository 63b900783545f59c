"""A clock that is set back or jumps ahead moves no deadline: the time of day is asked only to be shown."""

from __future__ import annotations

import ast

import pytest

from tests.house.tree import ROOT, python

# Who may ask for the time of day, and why it decides nothing there.
SHOWN: dict[str, str] = {
    "sidecar/app.py": "makes the clock that everybody else is handed",
    "sidecar/bridge.py": "server_time of the status",
    "sidecar/reload.py": "when a configuration was taken, for the status and its history",
    "sidecar/doctor/__init__.py": "hands down what a backend's clock and the ends of certificates are compared with",
    "sidecar/doctor/backends.py": "the clock of a backend, compared with ours",
    "sidecar/doctor/trust.py": "how many days a certificate has left",
    "sidecar/admin/audit.py": "the time that an entry of the audit bears",
    "sidecar/admin/keeper.py": "since when and until when an override holds, as people read it; its end is a timer's",
    "sidecar/admin/orders.py": "an end that is said as a time of day becomes a duration, once, when the order is heard",
    "sidecar/cli/check.py": "in how many days a waiting room opens, for the person who looks",
    "sidecar/settings/load.py": "whether the day of an opening has passed, which is a warning and no more",
    "sidecar/cli/top.py": "since when nobody answers, for the person who looks",
    "sidecar/watch/log.py": "the time that a line of the log bears",
    "sidecar/watch/crowd.py": "since when a warning stands, in the status",
    "sidecar/watch/watching.py": "the time that an access line bears",
    "sidecar/caller/envelope.py": "server_time, which clients read; and the date of a backend's Retry-After, as seconds",
    "sidecar/caller/facade.py": "the date of a backend's Retry-After, told to a JSON caller as seconds",
    "sidecar/caller/idempotency.py": "until when a keyed call is remembered, which has to outlive the process",
    "sidecar/flight/store.py": "a backend's Date and Expires, as the age and lifetime of its answer",
    "sidecar/flight/grade.py": "the date of a backend's Retry-After, told to its caller as seconds",
    "sidecar/listener/wire.py": "the Date header",
    "sidecar/admin/faults.py": "until when a fault is injected, as people read it; its end is a timer's",
    "sidecar/stores/injections.py": "until when a fault is injected, as clients read it; its end is a timer's",
    "sidecar/stores/limits.py": "how old a limit is that an earlier process has found",
    "sidecar/admin/pausing.py": "since when and until when a pause holds, as people read it",
    "sidecar/stores/pauses.py": "a pause until a time of day ends at that time, whatever becomes of the clock; and it outlives the process",
    "sidecar/stores/places.py": "since when somebody waits and until when his place counts, which outlive the process",
    "sidecar/stores/purchases.py": "the end of a purchase under way, which has to outlive the process",
    "sidecar/stores/deeds.py": "the end of a keyed call, said in wall time, becomes a monotonic one when it is taken",
    "sidecar/stores/journal.py": "the age of what another process wrote: its monotonic clock means nothing to this one",
}
ASKS = {"time.time", "time.time_ns", "time.localtime", "time.gmtime", "datetime.now", "datetime.utcnow", "date.today"}


def asks_the_time_of_day(source: str) -> bool:
    """Say whether some code calls for the wall clock, by its usual names or by the port's."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "wall":
            return True
        if isinstance(node, ast.Attribute):  # called, or handed on to be called
            name = ast.unparse(node)
            if any(name == ask or name.endswith("." + ask) for ask in ASKS):
                return True
        if (
            isinstance(node, ast.ImportFrom)
            and node.module == "time"
            and {"time", "time_ns"} & {a.name for a in node.names}
        ):
            return True
    return False


@pytest.mark.parametrize(
    ("source", "asks"),
    [
        ("import time\ntime.time()", True),
        ("import datetime\ndatetime.datetime.now()", True),
        ("clock.wall()", True),
        ("wall = staticmethod(time.time)", True),
        ("from time import time", True),
        ("time.monotonic()", False),
        ("clock.now()", False),
        ("loop.time()", False),
    ],
)
def test_the_question_is_recognised(source: str, asks: bool) -> None:
    """A monotonic clock is no wall clock."""
    assert asks_the_time_of_day(source) is asks


def test_the_time_of_day_is_only_shown() -> None:
    """No file but those on the list asks for it, and each of those still does."""
    code = [path for path in python("sidecar", "adapters") if path.parts[:2] != ("sidecar", "demo")]
    asking = {str(path) for path in code if asks_the_time_of_day((ROOT / path).read_text())}
    assert asking == set(SHOWN)
