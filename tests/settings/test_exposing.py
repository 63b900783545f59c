"""What the JSON facade shows: contradictions are told (in `broken/`), and what is right passes."""

from __future__ import annotations

from pathlib import Path

import pytest

from sidecar.settings.load import load_text

HERE = Path(__file__).parent

SAFE = "GetOrder: {safe: true}"


@pytest.mark.parametrize(
    "inside",
    [
        f"operations: {{Buy: {{confirm: {{operation: GetOrder}}}}, {SAFE}}}",
        f"expose: ['*']\n    operations: {{Buy: {{confirm: {{operation: GetOrder}}}}, {SAFE}}}",
        "operations: {GetSeats: {safe: true, shared: true, cache: {ttl: 1s, public: true}}}",
        "identity: {headers: []}\n    operations: {GetSeats: {safe: true, cache: {ttl: 1s, public: true}}}",
        "json: {flatten: true, camel_case: true, stack_traces: true}",
        "operations: {GetSeats: {safe: true, fallback: [{on: [overloaded], data: {GetSeatsResult: 3}}]}}",
    ],
)
def test_right_ones(inside: str) -> None:
    """They load."""
    plan = load_text(
        f"backends:\n  t:\n    protocol: soap\n    url: 'http://h/x'\n    {inside}\n", "s.yaml", HERE, {}
    )
    assert plan.backends[0].name == "t"


def test_what_becomes_of_it() -> None:
    """The plan says how values are shown, and how long browsers may keep them."""
    text = """
backends:
  t:
    protocol: soap
    url: "http://h/x"
    json: {flatten: true}
    operations:
      GetSeats: {safe: true, shared: true, cache: {ttl: 9s, public: true, browser: 3s}}
      GetDays: {safe: true, cache: {ttl: 9s}}
      Buy: {confirm: {operation: GetSeats}}
"""
    backend = load_text(text, "s.yaml", HERE, {}).backends[0]
    assert (backend.json.flatten, backend.json.camel_case) == (True, False)
    kept = [backend.operation(name).cache for name in ("GetSeats", "GetDays")]
    assert [(each.public, each.browser_s) for each in kept if each is not None] == [(True, 3.0), (False, 9.0)]
    assert backend.operation("Buy").confirm == "GetSeats"
