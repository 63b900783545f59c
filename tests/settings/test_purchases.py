"""Operations that begin and end a purchase: what they contradict, what is odd about them, and what `check` says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sidecar.settings.load import Beside, load_all
from sidecar.settings.problem import SettingsError
from sidecar.settings.report import sentence

if TYPE_CHECKING:
    from pathlib import Path

    from sidecar.plan import BackendPlan

WHO = "identity: {params: [sKey]}, "
BOTH = "Reserve: {begins: purchase}, Pay: {ends: purchase}"


def text(rest: str) -> str:
    return f"drain: {{timeout: 65s}}\nbackends: {{t: {{protocol: xmlrpc, url: http://h/x, {rest}}}}}"


def told(folder: Path, rest: str) -> list[tuple[str, str]]:
    (folder / "a.yaml").write_text(text(rest))
    try:
        found = load_all(folder / "a.yaml", Beside({})).warnings
    except SettingsError as error:
        found = error.problems
    return [(each.code, each.key.removeprefix("backends.t.operations.")) for each in found]


def loaded(folder: Path, rest: str) -> BackendPlan:
    (folder / "a.yaml").write_text(text(rest))
    return load_all(folder / "a.yaml", Beside({})).plan.backends[0]


@pytest.mark.parametrize(
    ("rest", "found"),
    [
        (f"{WHO}operations: {{{BOTH}}}", []),
        (f"identity: {{headers: [X-Who]}}, operations: {{{BOTH}}}", []),
        (f"operations: {{{BOTH}}}", [("W420", "Reserve.begins")]),
        (f"identity: {{headers: []}}, operations: {{{BOTH}}}", [("W420", "Reserve.begins")]),
        (f"{WHO}operations: {{Pay: {{ends: purchase}}}}", [("W421", "Pay.ends")]),
        (f"{WHO}operations: {{Reserve: {{safe: true, begins: purchase}}}}", [("E301", "Reserve.begins")]),
        (f"{WHO}operations: {{{BOTH.replace('ends', 'safe: true, ends')}}}", [("E301", "Pay.ends")]),
        (
            f"{WHO}operations: {{Reserve: {{begins: purchase, cache: {{ttl: 1s}}}}}}",
            [("E301", "Reserve.begins"), ("E313", "Reserve.cache")],
        ),
        (f"{WHO}operations: {{Reserve: {{begins: login}}}}", [("E207", "Reserve.begins")]),
        ("operations: {'*': {class: underway}}", [("E207", "*.class")]),
    ],
)
def test_what_is_wrong_and_what_is_odd(tmp_path: Path, rest: str, found: list[tuple[str, str]]) -> None:
    """What changes nothing is no purchase; one that is nobody's, or that nothing begins, is of no use; nobody is put under way by name."""
    assert sorted(told(tmp_path, rest)) == found


def test_it_is_in_the_plan(tmp_path: Path) -> None:
    """With a class of its own, whose weight and reserve are set as any other's."""
    plan = loaded(tmp_path, f"{WHO}operations: {{{BOTH}}}")
    assert (plan.operation("Reserve").begins, plan.operation("Reserve").ends) == ("purchase", None)
    assert (plan.operation("Pay").begins, plan.operation("Pay").ends) == (None, "purchase")
    (tmp_path / "b.yaml").write_text(
        "classes: {underway: {weight: 64, reserve: 10%}}\nbackends: {t: {protocol: xmlrpc, url: http://h/x}}"
    )
    first = load_all(tmp_path / "b.yaml", Beside({})).plan.classes[0]
    assert (first.name, first.weight, first.reserve) == ("underway", 64, 0.1)


def test_what_check_says_of_it(tmp_path: Path) -> None:
    """In one sentence an operation: who gets what for how long, and what counts as nothing."""
    nothing = "{operation: Res*, when: {path: N, eq: 0}, state: sold_out}"
    results = f"results: [{nothing}, {{operation: Res*, when: {{path: N, lt: 9}}, state: partial}}]"
    plan = loaded(tmp_path, f"{WHO}operations: {{{BOTH}}}, {results}")
    said = sentence(plan, plan.operation("Reserve"))
    assert (
        "it begins a purchase: whoever gets something (by a good reply but sold_out) is finished first for 20m; his own rate"
        in said
    )
    assert "it ends a purchase: whoever gets through it is a newcomer again" in sentence(plan, plan.operation("Pay"))
    assert "purchase" not in sentence(plan, plan.operation("Other"))
    plain = loaded(tmp_path, f"{WHO}operations: {{{BOTH}}}")
    assert "by any good reply, for no rule of results: tells one that got nothing" in sentence(
        plain, plain.operation("Reserve")
    )
    globs = loaded(tmp_path, f"{WHO}operations: {{'*Reserve': {{begins: purchase}}}}, {results}")
    assert "but sold_out" in sentence(globs, globs.operation("AReserve"))
