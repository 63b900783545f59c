"""The plan answers what stages ask of it: which line rules an operation, who is denied, how long a ghost stays."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import pytest

from sidecar.model import Protocol
from sidecar.plan import BackendPlan, CachePlan, CoverPlan, OperationPlan, Plan, RoomPlan, Scope, covering

LINES = (
    OperationPlan("GetOrder", safe=True),
    OperationPlan("GetOrder*"),
    OperationPlan("Get*", safe=True, attempt_total_s=90.0),
    OperationPlan("*"),
)
BACKEND = BackendPlan("tickets", Protocol.SOAP, "/tickets", (("", "http://h/"),), operations=LINES)


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("GetOrder", "GetOrder"),
        ("GetOrders", "GetOrder*"),
        ("GetX", "Get*"),
        ("getx", "*"),
        ("Reserve", "*"),
        ("*", "*"),
    ],
)
def test_the_first_line_that_fits_rules(name: str, pattern: str) -> None:
    """Settings sorts them: exact, longest pattern, star; case counts."""
    assert BACKEND.operation(name).pattern == pattern


def test_a_name_with_glob_characters_is_only_a_name() -> None:
    """What a caller sends is never a pattern."""
    assert BACKEND.operation("G[e]tX").pattern == "*"


def test_a_plan_without_a_star_says_whose_bug_it_is() -> None:
    """No operation is without a line."""
    with pytest.raises(LookupError, match="settings always adds"):
        replace(BACKEND, operations=LINES[:1]).operation("Reserve")


@pytest.mark.parametrize("name", ["DestroyCache", "destroycache", "DESTROYCACHE", "ExecuteAnything"])
def test_deny_looks_at_no_case(name: str) -> None:
    """Some ASMX hosts do not either, so a denied name must not slip by in another case."""
    assert replace(BACKEND, deny=("DestroyCache", "execute*")).denies(name)
    assert not replace(BACKEND, deny=("Destroy",)).denies(name)


def test_a_ghost_stays_twice_the_longest_attempt_unless_said() -> None:
    """Of all lines."""
    assert BACKEND.ghost_after_s == 180.0
    assert replace(BACKEND, ghost_s=30.0).ghost_after_s == 30.0


def test_a_scope_knows_what_it_is_built_for() -> None:
    """A stage that stands where it cannot know says so."""
    whole = Scope(Plan(backends=(BACKEND,)))
    with pytest.raises(AssertionError, match="outside route"):
        _ = whole.one_backend
    with pytest.raises(AssertionError, match="outside decode"):
        _ = whole.one_operation
    scope = replace(whole, backend=BACKEND, operation=LINES[0])
    assert scope.one_backend is BACKEND
    assert scope.one_operation is LINES[0]


def test_a_plan_is_frozen() -> None:
    """What many tasks read nobody changes."""
    with pytest.raises(FrozenInstanceError):
        BACKEND.limit = 99  # type: ignore[misc]  # that is the point


def test_what_is_kept_takes_memory() -> None:
    """So much as the limit says, and nothing where no line keeps anything."""
    cached = replace(BACKEND, operations=(*LINES, OperationPlan("Get", cache=CachePlan())))
    assert Plan(backends=(BACKEND,)).kept_bytes == 0
    assert Plan(backends=(BACKEND, cached)).kept_bytes == 64 * 1024 * 1024


COVER = CoverPlan(
    "t", ("Reserve*", "Checkout"), (("iPerf", frozenset({"1201", "1202"})), ("sZone", frozenset({"stalls"})))
)


@pytest.mark.parametrize(
    ("name", "parameters", "meant"),
    [
        ("ReserveTickets", {"iPerf": "1201", "sZone": "stalls"}, True),
        ("ReserveTickets", {"iPerf": "1203", "sZone": "stalls"}, False),
        ("ReserveTickets", {"iPerf": "1201", "sZone": "circle"}, False),
        ("ReserveTickets", {"iPerf": " +01201\n", "sZone": "Stalls"}, True),
        ("reservetickets", {"iPerf": "1201", "sZone": "stalls"}, True),
        ("CHECKOUT", {}, True),
        ("ReserveTickets", {"sZone": "stalls"}, True),
        ("ReserveTickets", {"iPerf": "1203"}, False),
        ("GetSeats", {"iPerf": "1201", "sZone": "stalls"}, False),
    ],
)
def test_nobody_slips_by_a_room(name: str, parameters: dict[str, str], meant: bool) -> None:
    """However a value or a name is spelt that a backend takes for the same; what cannot be read is meant."""
    assert COVER.means(name, parameters) is meant


def test_rooms_before_an_operation() -> None:
    """Those that may stand before it, whatever its parameters are."""
    rooms = (RoomPlan("a", (COVER,)), RoomPlan("b", (CoverPlan("u"),)), RoomPlan("c", (CoverPlan("t"),)))
    plan = Plan(rooms=rooms)
    assert [room.name for room in covering(plan, "t", "Checkout")] == ["a", "c"]
    assert [room.name for room in covering(plan, "t", "GetSeats")] == ["c"]
    assert covering(plan, "v", "Checkout") == []
