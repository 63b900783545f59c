"""The vocabulary of what protects a backend, and the plans that are made of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sidecar.plan import AdaptivePlan, ProbePlan
from sidecar.policy.budget import RetryRule
from sidecar.policy.rates import Mode, Per
from sidecar.settings.load import Beside, load_all
from sidecar.settings.protection import parted

if TYPE_CHECKING:
    from pathlib import Path

    from sidecar.plan import BackendPlan, Plan


def loaded(folder: Path, rest: str = "", more: str = "") -> Plan:
    (folder / "a.yaml").write_text(f"{more}\nbackends: {{t: {{protocol: soap, url: 'http://h/x', {rest}}}}}")
    return load_all(folder / "a.yaml", Beside({})).plan


def backend(folder: Path, rest: str = "") -> BackendPlan:
    return loaded(folder, rest).backends[0]


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("20/1s", (20, 1.0)),
        ("300/1m", (300, 60.0)),
        ("5/1.5h", (5, 5400.0)),
        ("999999999/1s", (999_999_999, 1.0)),
        ("1000000000/1s", (0, 0.0)),
        ("20/", (0, 0.0)),
        (" 20/1s", (0, 0.0)),
        ("20/s", (0, 0.0)),
        ("/1s", (0, 0.0)),
        ("x", (0, 0.0)),
    ],
)
def test_a_rate_is_a_count_and_a_time(text: str, means: tuple[int, float]) -> None:
    """What is none of these is nothing."""
    assert parted(text) == means


@pytest.mark.parametrize("text", ["1/1s", "1000000/24h", "1/24h", "1000000/1s"])
def test_the_bounds_of_a_rate_belong_to_the_range(tmp_path: Path, text: str) -> None:
    """And its burst is as many as it names."""
    [rate] = backend(tmp_path, f"rate: [{{per: backend, limit: {text}}}]").all_rates
    assert (rate.limit, rate.period_s) == parted(text)
    assert rate.burst == rate.limit


def test_three_lines_are_protected(tmp_path: Path) -> None:
    """By a limit that is learnt, a line, a breaker and a budget of retries."""
    plan = backend(tmp_path)
    assert plan.limit == AdaptivePlan(1, 8, 64)
    assert (plan.queue_rule.size, plan.queue_rule.wait_s, plan.queue_rule.per_client) == (500, 5.0, 0.1)
    assert plan.breaker is not None
    assert plan.retry == RetryRule(0.1, 2)
    assert plan.probe is None
    assert plan.all_rates == ()


def test_what_is_switched_off_is_not_there(tmp_path: Path) -> None:
    """A breaker, the retries of a backend, and those of an operation."""
    plan = backend(tmp_path, "breaker: {mode: off}, retry: {budget: 0%}, operations: {Get: {safe: true, retry: false}}")
    assert plan.breaker is None
    assert plan.retry is None
    assert plan.operation("Get").retry is False


def test_what_is_written_is_what_holds(tmp_path: Path) -> None:
    """Every key in its place of the plan."""
    plan = backend(
        tmp_path,
        "limit: {fixed: 7}, queue: {per_client: 20%, find: [iOrder]}, probe: {operation: GetHello, every: 3s}, "
        "breaker: {mode: observe, failure_rate: 10%, slow_rate: 20%, slow_after: 1s, window: 9s, min_calls: 3, "
        "open_for: 2s, open_max: 4s}, "
        "rate: [{per: account, limit: 2/1m, parameter: iCustomer, mode: shape}], "
        "operations: {'Get*': {safe: true, limit: 25%, rate: [{per: client, limit: 3/1s, burst: 9}]}}",
    )
    assert plan.limit == 7
    assert plan.queue_rule.bulkheads == {"Get*": 0.25}
    assert plan.operation("GetHello").bulkhead == "Get*"
    assert plan.operation("Buy").bulkhead == ""
    assert plan.probe == ProbePlan("GetHello", 3.0)
    rule = plan.breaker
    assert rule is not None
    assert (rule.failure_rate, rule.slow_rate, rule.slow_after_s, rule.window_s, rule.min_calls) == (
        0.1,
        0.2,
        1.0,
        9.0,
        3,
    )
    assert (rule.open_for_s, rule.open_max_s, rule.observe) == (2.0, 4.0, True)
    assert [
        (rate.per, rate.limit, rate.period_s, rate.burst, rate.mode, rate.line, rate.params) for rate in plan.all_rates
    ] == [
        (Per.ACCOUNT, 2, 60.0, 2, Mode.SHAPE, "", ("iCustomer",)),
        (Per.CLIENT, 3, 1.0, 9, Mode.POLICE, "Get*", ()),
    ]
    assert {"iOrder", "iCustomer"} <= plan.wanted_params


def test_classes_and_keys(tmp_path: Path) -> None:
    """Five classes with weights, and the file that places are signed with, as an absolute name."""
    plan = loaded(tmp_path, more="classes: {batch: {weight: 2}}\nkeys: {file: places}")
    assert [(each.name, each.weight) for each in plan.classes] == [
        ("underway", 20), ("staff", 16), ("checkout", 8), ("browse", 4), ("batch", 2),
    ]  # fmt: skip
    assert plan.keys == str(tmp_path / "places")
    assert loaded(tmp_path).keys is None
