"""A scenario as its YAML says it: a backend, what callers ask for and how often, what goes wrong, what is expected of whom.

Times are seconds of the run. Loads and mixes hold from their `at` on; a load with `ramp: true` goes straight to the next one.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML

from tests.sim.backends import Backend, Law, Shared

if TYPE_CHECKING:
    from random import Random

FOLDER = Path(__file__).parent / "scenarios"


@dataclass(frozen=True)
class Operation:
    """`work` in units, drawn from a gamma (`shape`) or, with `sigma`, from a lognormal with that mean."""

    work: float
    rank: str = "browse"  # its class, where the line has classes
    safe: bool = True
    shape: float = 4.0
    sigma: float = 0.0
    fixed: bool = False

    def draw(self, rng: Random) -> float:
        if self.fixed:
            return self.work
        if self.sigma:
            return self.work * rng.lognormvariate(-self.sigma * self.sigma / 2, self.sigma)
        return rng.gammavariate(self.shape, self.work / self.shape)


@dataclass(frozen=True)
class Scenario:
    """One run's script. `judged` are spans of time with a name; the first is the one that is compared with the oracle.

    A name in a mix is an operation's, or one of `visits`: calls that one caller makes in the same moment. `steady` are calls a second that
    come besides, whatever the load.
    """

    key: str
    about: str
    backend: dict[str, Any]
    operations: dict[str, Operation]
    mix: list[dict[str, Any]]
    load: list[dict[str, Any]]
    runs_s: float
    judged: dict[str, tuple[float, float]]
    wait_s: float = 10.0
    timeout_s: float = 8.0
    events: list[dict[str, Any]] = field(default_factory=list)
    since: float = 0.0  # when what it is about happens
    expect: dict[str, list[float]] = field(
        default_factory=dict
    )  # of ours, least and most: shares of the oracle in per cent
    controls: dict[str, float] = field(
        default_factory=dict
    )  # the most that each may reach, or the scenario is too soft
    visits: dict[str, list[str]] = field(default_factory=dict)
    steady: dict[str, float] = field(default_factory=dict)
    ranked: bool = (
        False  # the line is the product's own with its classes, each caller a client: for everybody who is compared
    )
    timed: str = (
        ""  # the operation whose times are reported: in the span `before`, and from `since` to the end of the first one
    )
    trouble: tuple[float, float] | None = None  # when nothing good comes back from the backend
    why: str = ""  # of a control that may reach more than usual

    def make_backend(self, rng: Random) -> Backend:
        """Build the backend anew."""
        said = dict(self.backend)
        if said.pop("kind") == "law":
            return Law(said["knee"], said["unit_s"], rng, said.get("falls_above", 400))
        return Shared(said["knee"], said["unit_s"], said.get("soft", said["knee"]), said.get("falls_above"))

    def rate(self, at: float) -> float:
        """Return the arrivals per second."""
        i = bisect_right(self.load, at, key=lambda step: float(step["at"])) - 1
        step = self.load[i]
        rate = float(step["per_s"])
        if step.get("ramp") and i + 1 < len(self.load):
            following = self.load[i + 1]
            rate += (float(following["per_s"]) - rate) * (at - step["at"]) / (following["at"] - step["at"])
        return rate


def read(path: Path) -> Scenario:
    """Read one file."""
    said = YAML(typ="safe").load(path.read_text("utf-8"))
    said["operations"] = {name: Operation(**rule) for name, rule in said["operations"].items()}
    said["judged"] = {name: (float(span[0]), float(span[1])) for name, span in said["judged"].items()}
    if "trouble" in said:
        said["trouble"] = (float(said["trouble"][0]), float(said["trouble"][1]))
    return Scenario(key=path.stem, **said)


def scenarios() -> list[Scenario]:
    """Read all of them, in the order of their names."""
    return [read(path) for path in sorted(FOLDER.glob("*.yaml"))]
