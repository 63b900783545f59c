"""What the runs say, as a table: goodput of each limiter as a share of the oracle's, and how ours got there.

`report.md` beside this file is the golden copy; `python -m tests.sim` writes it. Each line depends on its scenario alone, so that a
test can make any one of them anew.
"""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.sim.limiters import CONTESTANTS
from tests.sim.scenario import scenarios
from tests.sim.world import run

if TYPE_CHECKING:
    from tests.sim.scenario import Scenario
    from tests.sim.world import Run

PATH: Final = Path(__file__).parent / "report.md"
TUNED_ON: Final = range(1, 6)  # never reported
SEEDS: Final = range(101, 111)
ALL: Final = tuple(CONTESTANTS)
FEW: Final = ("oracle", "none", "aimd", "ours")
GUARDED: Final = ("ours",)  # who has breakers: part of what is judged, and no part of any peer's description
SETTLED: Final = 0.9  # of the oracle's goodput, over SETTLED_S
SETTLED_S: Final = 5

Runs = dict[str, list["Run"]]


@dataclass(frozen=True)
class Outage:
    """What ours made of an outage, means over the seeds: seconds from its beginning until everybody new was refused at once, to its end;
    seconds from its end until goodput was nine tenths of the oracle's; calls sent between the two.
    """

    refuses_s: float
    again_s: float
    sent: float


@dataclass(frozen=True)
class Timed:
    """The 99th percentile of what one operation took, in seconds: before the change, after it, and after it in a line without classes."""

    before_s: float
    then_s: float
    plain_s: float


@dataclass(frozen=True)
class Figures:
    """One scenario's: the oracle's goodput a second and everybody's share of it in per cent, by span; then ours alone."""

    scenario: Scenario
    oracle: dict[str, float]
    shares: dict[str, dict[str, float]]
    settled_s: int
    worst_queue: int
    longest_wait_s: float
    least_s: int | None  # until the limit was one with every seed; None where it was with none
    outage: Outage | None
    timed: Timed | None

    @property
    def main(self) -> str:
        """The span that limiters are compared by."""
        return next(iter(self.scenario.judged))


def figures(scenario: Scenario, seeds: range, names: tuple[str, ...]) -> Figures:
    """Run a scenario with each limiter on each seed."""
    runs: Runs = {name: _runs(scenario, seeds, name) for name in names}
    rates = {
        name: {span: sum(one.per_s(times) for one in each) / len(each) for span, times in scenario.judged.items()}
        for name, each in runs.items()
    }
    oracle, ours = rates["oracle"], runs["ours"]
    shares = {
        name: {span: 100 * rate / oracle[span] for span, rate in spans.items() if oracle[span] > 1.0}
        for name, spans in rates.items()
    }
    since, end = int(scenario.since), int(scenario.runs_s)
    least = [_first_at_least(one, scenario.trouble, end) for one in ours] if scenario.trouble else []
    main = next(iter(scenario.judged))
    return Figures(
        scenario,
        oracle,
        shares,
        settled_s=_settled(runs, since, end),
        worst_queue=max(max(one.queued) for one in ours),
        longest_wait_s=max(waited for one in ours for _, waited in one.waits),
        least_s=max(least) if min(least, default=end) < end else None,
        outage=_outage(ours, scenario.trouble, end, oracle[main]) if scenario.trouble else None,
        timed=_timed(scenario, seeds, ours) if scenario.timed else None,
    )


def _runs(scenario: Scenario, seeds: range, name: str) -> list[Run]:
    return [run(scenario, CONTESTANTS[name], seed, guarded=name in GUARDED) for seed in seeds]


def _first_at_least(one: Run, trouble: tuple[float, float], end: int) -> int:
    """Return the first second of the trouble with a limit of one, `end` where there is none."""
    limits = one.limits[int(trouble[0]) : int(trouble[1])]
    return limits.index(1) if 1 in limits else end


def _outage(ours: list[Run], trouble: tuple[float, float], end: int, oracle: float) -> Outage:
    """Sum an outage up. The oracle's goodput is that of the span it is compared in: right after an outage it is busy with old calls."""
    began, over = int(trouble[0]), int(trouble[1])
    refuses_s = [max((at - began for at in one.admitted if began <= at < over), default=0.0) for one in ours]
    again_s = [
        next(
            (at - over for at in range(over, end - SETTLED_S) if one.per_s((at, at + SETTLED_S)) >= SETTLED * oracle),
            end - over,
        )
        for one in ours
    ]
    sent = [sum(one.sent[began:over]) for one in ours]
    return Outage(*(sum(each) / len(ours) for each in (refuses_s, again_s, sent)))


def _timed(scenario: Scenario, seeds: range, ours: list[Run]) -> Timed:
    """Compare an operation's times with those before, and with those where all stand in one line."""
    then = (scenario.since, next(iter(scenario.judged.values()))[1])
    plain = _runs(replace(scenario, ranked=False), seeds, "ours")
    return Timed(_p99(ours, scenario.judged["before"]), _p99(ours, then), _p99(plain, then))


def _p99(runs: list[Run], span: tuple[float, float]) -> float:
    times = sorted(took_s for one in runs for came, took_s in one.times if span[0] <= came < span[1])
    return times[math.ceil(0.99 * len(times)) - 1]


def _settled(runs: Runs, since: int, end: int) -> int:
    """Return the seconds from `since` until ours first does nine tenths of what the oracle does, over five seconds."""
    for second in range(since, end - SETTLED_S):
        ours, oracle = (
            sum(sum(one.good[second : second + SETTLED_S]) for one in runs[name]) for name in ("ours", "oracle")
        )
        if oracle and ours >= SETTLED * oracle:
            return second - since
    return end - since


def line(said: Figures) -> str:
    """Render one line."""
    spans = [name for name in said.oracle if name in said.shares["ours"] and name != said.main]
    others = ", ".join(f"{name} {said.shares['ours'][name]:.1f}" for name in spans)
    cells = [
        said.scenario.key,
        said.main,
        f"{said.oracle[said.main]:.1f}",
        *(f"{shares[said.main]:.1f}" for name, shares in said.shares.items() if name != "oracle"),
        others or "-",
        str(said.settled_s),
        str(said.worst_queue),
        f"{said.longest_wait_s:.1f}",
        "-" if said.least_s is None else str(said.least_s),
        *_cells(said.outage, "1f", Outage),
        *_cells(said.timed, "2f", Timed),
    ]
    return "| " + " | ".join(cells) + " |"


def _cells(said: Outage | Timed | None, form: str, kind: type[Outage | Timed]) -> list[str]:
    if said is None:
        return ["-"] * len(fields(kind))
    return [f"{value:.{form}}" for value in astuple(said)]


def head(names: tuple[str, ...]) -> str:
    """Render a table's first two lines."""
    cells = ["scenario", "span", "oracle /s", *(f"{name} %" for name in names if name != "oracle")]
    cells += ["ours elsewhere %", "settled s", "worst queue", "longest wait s", "at one s"]
    cells += ["refuses at once after s", "90 % again after s", "sent meanwhile"]
    cells += ["p99 before s", "p99 then s", "p99 then, plain line s"]
    return "| " + " | ".join(cells) + " |\n|" + "---|" * len(cells)


ABOUT: Final = """# Overload in virtual time

Goodput (answers within the caller's time) as a share of the oracle's, who knows the knee and follows it: means over the seeds. `none` has
no limit, `aimd` is the other control; `vegas`, `gradient2` and `elastic` are approaches as their authors describe them, written for this
comparison, not products. All stand behind the same line. The product's breakers, with their default settings and without a probe, stand
before `ours` alone: they are part of what is judged, and no part of what the others' authors describe; the oracle is the limit that no
outage confuses. Nobody retries.

- `settled`: seconds from the change that a scenario is about until ours first does nine tenths of what the oracle does, over five seconds,
  all seeds together. `at one`: seconds until its limit was one, from where the breaker counts what takes too long.
- Of an outage, means over the seeds. `refuses at once after`: seconds from its beginning; from then on everybody who came before it ended
  was refused at the door or told within 0.1 s, but for those who were the tests of a backend that is cut off. `90 % again after`: seconds
  from its end until ours does nine tenths of what the oracle does when all is well, over five seconds. `sent meanwhile`: calls that ours
  sent between the two.
- `refresh_storm` has the product's own line, each caller a client; its checkouts are a class of their own. `p99`: of the seconds from a
  checkout's coming to its answer, where nobody who got none counts for less than the ten that he had. `before` the storm, `then` from its
  first moment to its last, and `plain line`: the same crowd and limit, first come, first served.

What is expected of each line stands in `scenarios/`. Made by `python -m tests.sim`; a test compares.
"""


def render() -> str:
    """Make the whole report: some minutes."""
    said = scenarios()
    parts = [ABOUT]
    for title, seeds, names in (("Seeds 101 to 110", SEEDS, ALL), ("Seed 101 alone", SEEDS[:1], FEW)):
        lines = "\n".join(line(figures(scenario, seeds, names)) for scenario in said)
        parts.append(f"## {title}\n\n{head(names)}\n{lines}\n")
    return "\n".join(parts)


def golden(title: str) -> dict[str, str]:
    """Return the lines of one table of the golden copy, by scenario."""
    table = PATH.read_text("utf-8").partition(f"## {title}\n")[2].partition("\n## ")[0]
    rows = [row for row in table.splitlines() if row.startswith("| ")]
    return {row.split("|")[1].strip(): row for row in rows[1:]}
