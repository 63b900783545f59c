"""The vocabulary of rules: which states they may name, and what they compare with."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from sidecar.settings.rules import FAULT_STATES, RESULT_STATES, Fault, Parameter, Result
from sidecar.states import TABLE


def result(than: Any) -> Result:
    return Result.model_validate({"operation": "a", "when": {"path": "p", "eq": than}, "state": "sold_out"})


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
    with pytest.raises(ValidationError):
        result(than)


@pytest.mark.parametrize(
    ("than", "held"), [(1, "1"), (True, "true"), ("x", "x"), ({"param": "n"}, Parameter(param="n"))]
)
def test_what_a_rule_compares_with(than: Any, held: Any) -> None:
    """Literals in their lexical form; the name of a parameter as what it is."""
    assert result(than).when.eq == held


def test_a_fault_stands_for_a_state_that_can_be_its() -> None:
    """Nobody turns a fault into an answer."""
    with pytest.raises(ValidationError):
        Fault.model_validate({"match": {"faultcode": "1"}, "state": "ok"})
