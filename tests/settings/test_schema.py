"""The vocabulary itself: strict, of one mind with the plan's defaults, and silent about nothing that config promises for later."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from sidecar.plan import BackendPlan, Plan
from sidecar.settings import schema
from sidecar.settings.build import build
from sidecar.settings.schema import FAULT_STATES, RESULT_STATES, Section, Settings
from sidecar.states import TABLE

LEAST: dict[str, Any] = {"protocol": "soap", "url": "http://h/x"}
SECTIONS = [
    each
    for each in vars(schema).values()
    if isinstance(each, type) and issubclass(each, Section) and each is not Section
]


def test_defaults_are_the_plans_own() -> None:
    """Two places say them; this is why they cannot part."""
    plan = build(Settings.model_validate({"backends": {"t": LEAST}}), Path("/"))
    (backend,) = plan.backends
    assert replace(plan, backends=()) == Plan()
    assert backend == BackendPlan("t", backend.protocol, "/t", (("", "http://h/x"),))


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.__name__)
def test_what_is_for_later_is_not_there_already(section: type[Section]) -> None:
    """Whoever builds a key takes it off the list."""
    assert not section.LATER & {field.alias or name for name, field in section.model_fields.items()}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("strict", 1),
        ("strict", "true"),
        ("multicall_max", 5.0),
        ("multicall_max", True),
        ("multicall_max", "5"),
        ("deny", "a"),
        ("deny", ("a",)),
        ("wsdl", 5),
    ],
)
def test_nothing_is_converted_silently(key: str, value: Any) -> None:
    """A wrong kind of value is a mistake, not a hint."""
    with pytest.raises(ValidationError):
        Settings.model_validate({"backends": {"t": LEAST | {key: value}}})


def test_rules_name_states_of_the_table() -> None:
    """And only those that a fault or a result can stand for."""
    assert set(FAULT_STATES) <= set(TABLE)
    assert set(RESULT_STATES) <= set(TABLE)
    assert {"business_no", "sold_out"} <= set(FAULT_STATES) & set(RESULT_STATES)
    assert "partial" in RESULT_STATES
    assert "ok" not in FAULT_STATES


@pytest.mark.parametrize("than", [{"param": "a", "b": 1}, {"param": 1}, {"param": ""}, {}, None, []])
def test_what_no_rule_can_compare_with(than: Any) -> None:
    """A literal, or exactly {param: NAME}."""
    rule = {"operation": "a", "when": {"path": "p", "eq": than}, "state": "sold_out"}
    with pytest.raises(ValidationError):
        Settings.model_validate({"backends": {"t": LEAST | {"results": [rule]}}})
