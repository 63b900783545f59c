"""Every scenario against what its YAML expects, in the golden report; and the report against what the runs say today."""

from __future__ import annotations

import math

import pytest

from tests.sim import report
from tests.sim.limiters import PEERS
from tests.sim.report import ALL, FEW, SEEDS, TUNED_ON, figures, golden, head, line
from tests.sim.scenario import Scenario, scenarios

pytestmark = pytest.mark.unmeasured
TEN, ONE = "Seeds 101 to 110", "Seed 101 alone"
SCENARIOS = scenarios()
BY_NAME = {scenario.key: scenario for scenario in SCENARIOS}
ASKED = {
    "spike", "cold_start", "mix_shift", "brown_out", "knee_drop", "slow_leak", "black_hole", "all_500", "restart",
    "heavy_tails", "knee_4", "knee_60", "greedy", "idle_night", "refresh_storm",
    "table_180", "table_400", "table_2000", "table_drop",
}  # fmt: skip
MORE = {
    "at_one_s": "at one s",
    "refuses_at_once_s": "refuses at once after s",
    "again_s": "90 % again after s",
    "sent_meanwhile": "sent meanwhile",
}
BEHIND_MOST = 2.0  # points below the best peer, in any scenario


def cells(row: str, names: tuple[str, ...]) -> dict[str, str]:
    titles = head(names).splitlines()[0]
    return dict(zip(*([cell.strip() for cell in text.strip("| ").split(" | ")] for text in (titles, row)), strict=True))


def complaints(scenario: Scenario, row: str, names: tuple[str, ...]) -> list[str]:
    """Say what in a line of the report is not as the scenario expects."""
    said = cells(row, names)
    shares = {said["span"]: float(said["ours %"])}
    if said["ours elsewhere %"] != "-":
        shares |= {
            span: float(share) for span, share in (pair.rsplit(" ", 1) for pair in said["ours elsewhere %"].split(", "))
        }
    found = shares | {"settled_s": float(said["settled s"]), "worst_queue": float(said["worst queue"])}
    found |= {name: float(said[title]) for name, title in MORE.items() if said[title] != "-"}
    if said["p99 then s"] != "-":
        before_s, then_s, plain_s = (float(said[f"p99 {when} s"]) for when in ("before", "then", "then, plain line"))
        found |= {"timed_ratio": then_s / before_s, "plain_ratio": plain_s / before_s}
    wrong = [
        f"{name} is {found.get(name)}, expected {least} to {most}"
        for name, (least, most) in scenario.expect.items()
        if not least <= found.get(name, math.inf) <= most
    ]
    wrong += [
        f"{name} does {said[f'{name} %']} %: too soft, at most {most} % expected"
        for name, most in scenario.controls.items()
        if float(said[f"{name} %"]) > most
    ]
    best = max((float(said[f"{peer} %"]) for peer in PEERS if peer in names), default=0.0)
    if shares[said["span"]] < best - BEHIND_MOST:
        wrong.append(f"ours does {shares[said['span']]} %, a peer {best} %")
    return wrong


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.key)
def test_the_report_shows_what_is_expected(scenario: Scenario) -> None:
    """Over ten seeds: ours within its ranges, the controls bad enough, no peer more than two points ahead."""
    assert complaints(scenario, golden(TEN)[scenario.key], ALL) == []


# Those that go different ways through the limit. The rest is in the long run: each costs seconds while coverage is measured.
QUICK = ("spike", "brown_out", "black_hole", "table_400")


@pytest.mark.thinned(2)
@pytest.mark.parametrize(
    "scenario",
    [
        pytest.param(scenario, id=scenario.key, marks=[] if scenario.key in QUICK else pytest.mark.long)
        for scenario in SCENARIOS
    ],
)
def test_one_seed_says_today_what_the_report_says(scenario: Scenario) -> None:
    """One run of each limiter that matters gives the line that is kept in the tree; `python -m tests.sim` writes it anew."""
    assert line(figures(scenario, SEEDS[:1], FEW)) == golden(ONE)[scenario.key]


@pytest.mark.long
@pytest.mark.timeout(600)  # the storm, with the product's own line, takes a minute and a half of a core
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.key)
def test_ten_seeds_say_today_what_the_report_says(scenario: Scenario) -> None:
    """All ten seeds and all peers, as `test_one_seed_says_today_what_the_report_says`."""
    assert line(figures(scenario, SEEDS, ALL)) == golden(TEN)[scenario.key]


def test_every_scenario_that_was_asked_for_is_there_and_each_is_judged() -> None:
    """Each has its line in both tables, each expects something of ours and of both controls, and says why where a control may do better."""
    assert {scenario.key for scenario in SCENARIOS} == ASKED == set(golden(TEN)) == set(golden(ONE))
    for scenario in SCENARIOS:
        assert set(scenario.expect) >= {next(iter(scenario.judged)), "settled_s", "worst_queue"}, scenario.key
        assert set(scenario.controls) == {"none", "aimd"}, scenario.key
        assert scenario.why or scenario.controls == {"none": 5, "aimd": 30}, scenario.key
        assert len(scenario.about) > 30, scenario.key


def test_what_an_outage_and_a_storm_are_about_is_expected() -> None:
    """No such scenario goes without its figures, nor can any other have them."""
    for scenario in SCENARIOS:
        outage = {"refuses_at_once_s", "again_s", "sent_meanwhile"}
        assert outage & set(scenario.expect) == (outage if scenario.trouble else set()), scenario.key
        storm = {"timed_ratio", "plain_ratio"}
        assert storm & set(scenario.expect) == (storm if scenario.timed else set()), scenario.key
    assert [scenario.key for scenario in SCENARIOS if scenario.trouble] == ["all_500", "black_hole", "restart"]
    assert [scenario.key for scenario in SCENARIOS if scenario.timed] == ["refresh_storm"]


def test_seeds_that_were_tuned_on_are_not_reported() -> None:
    """What a parameter was chosen by cannot show that it is good."""
    assert not set(TUNED_ON) & set(SEEDS)


def test_a_worse_limiter_would_be_noticed() -> None:
    """The check can fail: with another limiter's share in ours' place it complains, in every scenario."""
    for other in ("aimd", "vegas"):
        noticed = 0
        for scenario in SCENARIOS:
            row = cells(golden(TEN)[scenario.key], ALL)
            row["ours %"] = row[f"{other} %"]
            noticed += bool(complaints(scenario, "| " + " | ".join(row.values()) + " |", ALL))
        assert noticed == len(SCENARIOS)


def test_a_scenario_that_is_too_soft_would_be_noticed() -> None:
    """A control that does well makes its scenario worthless, and the check says so."""
    scenario = SCENARIOS[0]
    row = cells(golden(TEN)[scenario.key], ALL) | {"none %": "60.0"}
    assert any("too soft" in wrong for wrong in complaints(scenario, "| " + " | ".join(row.values()) + " |", ALL))


@pytest.mark.parametrize("key", ["all_500", "black_hole", "restart"])
@pytest.mark.parametrize("title", ["refuses at once after s", "90 % again after s", "sent meanwhile"])
@pytest.mark.parametrize("said", ["0.0", "9999.9", "-"])
def test_a_figure_of_an_outage_that_is_off_would_be_noticed(key: str, title: str, said: str) -> None:
    """Too little is as wrong as too much: a breaker that never tests, or a measurement that measures nothing, shows so."""
    scenario = BY_NAME[key]
    row = cells(golden(TEN)[key], ALL) | {title: said}
    name = next(name for name, of in MORE.items() if of == title)
    wrong = complaints(scenario, "| " + " | ".join(row.values()) + " |", ALL)
    assert [each.split()[0] for each in wrong] == [name]


@pytest.mark.parametrize("key", ["all_500", "black_hole", "restart"])
def test_without_breakers_an_outage_would_be_noticed(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same limit alone goes on asking and lets callers wait: both figures are out of their ranges."""
    monkeypatch.setattr(report, "GUARDED", ())
    wrong = complaints(BY_NAME[key], line(figures(BY_NAME[key], SEEDS[:1], FEW)), FEW)
    assert {each.split()[0] for each in wrong} >= {"refuses_at_once_s", "sent_meanwhile"}


def test_checkouts_that_suffer_would_be_noticed() -> None:
    """Where they wait as in the plain line, or where that one does no harm, the check says so."""
    key = "refresh_storm"
    row = cells(golden(TEN)[key], ALL)
    for title, other, name in (
        ("p99 then s", "p99 then, plain line s", "timed_ratio"),
        ("p99 then, plain line s", "p99 then s", "plain_ratio"),
    ):
        wrong = complaints(BY_NAME[key], "| " + " | ".join((row | {title: row[other]}).values()) + " |", ALL)
        assert [each.split()[0] for each in wrong] == [name]
