"""The vocabulary itself: strict, of one mind with the plan's defaults, and silent about nothing that config promises for later."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from sidecar.plan import BackendPlan, Plan
from sidecar.settings import answers, rules, schema
from sidecar.settings.build import build
from sidecar.settings.schema import Settings
from sidecar.settings.section import Section

LEAST: dict[str, Any] = {"protocol": "soap", "url": "http://h/x"}
SECTIONS = [
    each
    for each in {id(each): each for module in (schema, answers, rules) for each in vars(module).values()}.values()
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
