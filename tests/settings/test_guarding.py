"""What protects a backend: what is *not* a contradiction. The contradictions are `broken/protection.txt`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sidecar.plan import AdaptivePlan
from sidecar.settings.load import Beside, load_all
from sidecar.settings.problem import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

    from sidecar.plan import Plan


def loaded(folder: Path, rest: str, more: str = "") -> Plan:
    (folder / "a.yaml").write_text(f"{more}\nbackends: {{t: {{protocol: soap, url: 'http://h/x', {rest}}}}}")
    return load_all(folder / "a.yaml", Beside({})).plan


def told(folder: Path, rest: str, more: str = "") -> list[str]:
    with pytest.raises(SettingsError) as caught:
        loaded(folder, rest, more)
    return [f"{each.code} {each.key}" for each in caught.value.problems]


@pytest.mark.parametrize(
    "rest",
    [
        "limit: {adaptive: {min: 4, start: 4, max: 4}}",
        "limit: {fixed: 1}",
        "limit: {adaptive: {start: 1}}",
        "limit: {adaptive: {start: 64}}",
        "breaker: {open_for: 2m, open_max: 2m}",
        "breaker: {slow_after: 59s}",
        "breaker: {slow_after: 2m}, timeouts: {total: 3m}",
        "deny: [Other], probe: {operation: GetHello}, operations: {GetHello: {safe: true}}",
        "probe: {operation: GetHello}, operations: {'Get*': {safe: true}}",
        "rate: [{per: client, limit: 5/1s}, {per: client, limit: 100/1h}, {per: backend, limit: 5/1s}]",
        "rate: [{per: account, limit: 5/1s, parameter: a}, {per: account, limit: 5/1s, parameter: b}]",
        "operations: {A: {rate: [{per: client, limit: 5/1s}]}, B: {rate: [{per: client, limit: 5/1s}]}}",
    ],
)
def test_what_is_no_contradiction(tmp_path: Path, rest: str) -> None:
    """Bounds that meet, and rules that look alike and are not."""
    loaded(tmp_path, rest)


def test_a_reserve_of_nine_tenths_is_no_contradiction(tmp_path: Path) -> None:
    """The others get the rest."""
    plan = loaded(tmp_path, "", "classes: {staff: {weight: 16, reserve: 40%}, checkout: {weight: 8, reserve: 50%}}")
    assert [(each.name, each.reserve) for each in plan.classes][1:3] == [("staff", 0.4), ("checkout", 0.5)]


@pytest.mark.parametrize(
    ("bounds", "start"), [("max: 4", 4), ("min: 20", 20), ("min: 2, max: 200", 8), ("min: 2, start: 3", 3)]
)
def test_a_start_that_nobody_wrote_gives_way(tmp_path: Path, bounds: str, start: int) -> None:
    """To bounds that somebody did."""
    limit = loaded(tmp_path, f"limit: {{adaptive: {{{bounds}}}}}").backends[0].limit
    assert isinstance(limit, AdaptivePlan)
    assert limit.start == start


def test_which_of_two_bounds_is_blamed(tmp_path: Path) -> None:
    """The one that was written: a default argues with nobody."""
    assert told(tmp_path, "limit: {adaptive: {min: 65}}") == ["E301 backends.t.limit.adaptive.min"]
    assert told(tmp_path, "breaker: {open_max: 1s}") == ["E306 backends.t.breaker.open_max"]


def test_a_rate_of_an_operation_is_looked_at_too(tmp_path: Path) -> None:
    """In its own place."""
    said = told(tmp_path, "operations: {Get: {rate: [{per: account, limit: 1/1s}]}}")
    assert said == ["E308 backends.t.operations.Get.rate[0]"]
