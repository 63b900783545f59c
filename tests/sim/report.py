"""What the runs say, as a table: goodput of each limiter as a share of the oracle's, and how ours got there.

`report.md` beside this file is the golden copy; `python -m tests.sim` writes it. Each line depends on its scenario alone, so that a
test can make any one of them anew.
"""

from __future__ import annotations

from dataclasses import dataclass
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
SETTLED: Final = 0.9  # of the oracle's goodput, over SETTLED_S
SETTLED_S: Final = 5

Runs = dict[str, list["Run"]]


@dataclass(frozen=True)
class Figures:
    """One scenario's: the oracle's goodput a second and everybody's share of it in per cent, by span; then ours alone."""

    scenario: Scenario
    oracle: dict[str, float]
    shares: dict[str, dict[str, float]]
    settled_s: int
    worst_queue: int
    longest_wait_s: float
    sent: int | None  # while nothing came back
    least_s: int | None  # until the limit was one

    @property
    def main(self) -> str:
        """The span that limiters are compared by."""
        return next(iter(self.scenario.judged))


def figures(scenario: Scenario, seeds: range, names: tuple[str, ...]) -> Figures:
    """Run a scenario with each limiter on each seed."""
    runs: Runs = {name: [run(scenario, CONTESTANTS[name], seed) for seed in seeds] for name in names}
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
    trouble = scenario.trouble and slice(int(scenario.trouble[0]), int(scenario.trouble[1]))
    return Figures(
        scenario,
        oracle,
        shares,
        settled_s=_settled(runs, since, end),
        worst_queue=max(max(one.queued) for one in ours),
        longest_wait_s=max(waited for one in ours for _, waited in one.waits),
        sent=None if trouble is None else round(sum(sum(one.sent[trouble]) for one in ours) / len(ours)),
        least_s=None if trouble is None else max(_first_at_least(one.limits[trouble]) for one in ours),
    )


def _first_at_least(limits: list[int]) -> int:
    """Return the first second with a limit of one, the number of all where there is none."""
    return limits.index(1) if 1 in limits else len(limits)


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
        *("-" if number is None else str(number) for number in (said.sent, said.least_s)),
    ]
    return "| " + " | ".join(cells) + " |"


def head(names: tuple[str, ...]) -> str:
    """Render a table's first two lines."""
    cells = ["scenario", "span", "oracle /s", *(f"{name} %" for name in names if name != "oracle")]
    cells += ["ours elsewhere %", "settled s", "worst queue", "longest wait s", "sent in vain", "at one s"]
    return "| " + " | ".join(cells) + " |\n|" + "---|" * len(cells)


ABOUT: Final = """# Overload in virtual time

Goodput (answers within the caller's time) as a share of the oracle's, who knows the knee and follows it: means over the seeds. `none` has
no limit, `aimd` is the other control; `vegas`, `gradient2` and `elastic` are approaches as their authors describe them, written for this
comparison, not products. `settled`: seconds from the change that a scenario is about until ours first does nine tenths of what the
oracle does, over five seconds. `sent in vain`: calls that ours sent while nothing came back, on average; `at one`: seconds until its limit
was one, from where the breaker counts timeouts. What is expected of each line stands in `scenarios/`. Made by `python -m tests.sim`; a
test compares.
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
