"""What the JSON facade shows: contradictions are told (in `broken/`), and what is right passes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sidecar.settings.load import Beside, load_all, load_text
from sidecar.settings.names import Contract
from sidecar.settings.problem import SettingsError

if TYPE_CHECKING:
    from sidecar.settings.problem import Problem

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
    plan = load_text(f"backends:\n  t:\n    protocol: soap\n    url: 'http://h/x'\n    {inside}\n", "s.yaml", HERE, {})
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


class Json:
    """What a WSDL says in JSON, for a test."""

    def unspoken(self, operation: str) -> str:
        """One operation cannot be called."""
        return "the type Gone is not defined" if operation == "GetOdd" else ""

    def unfit(self, operation: str, data: str) -> str:
        """A reply is an object with a result."""
        return "" if f"{operation}Result" in data else "/other is not known here"


def compared(tmp_path: Path, inside: str) -> list[tuple[str, str]]:
    """Return code and text of what a WSDL says against settings."""
    (tmp_path / "t.wsdl").write_text("<any/>")
    file = tmp_path / "s.yaml"
    file.write_text(f"backends:\n  t:\n    protocol: soap\n    url: 'http://h/x'\n    wsdl: t.wsdl\n    {inside}\n")
    contract = Contract({"GetSeats": None, "GetOdd": None, "Buy": None}, json=Json())
    found: tuple[Problem, ...]
    try:
        found = tuple(load_all(file, Beside({}, contract_of=lambda _: contract)).warnings)
    except SettingsError as error:
        found = error.problems
    return [(each.code, each.what) for each in found if each.code in ("W419", "E315")]


@pytest.mark.parametrize(
    ("inside", "told"),
    [
        ("expose: ['*']", [("W419", "GetOdd cannot be called in JSON: the type Gone is not defined")]),
        (
            "operations: {'Get*': {safe: true}}",
            [("W419", "GetOdd cannot be called in JSON: the type Gone is not defined")],
        ),
        ("expose: [GetSeats]", []),
        ("deny: [GetOdd]\n    expose: ['*']", []),
        (
            "operations: {GetSeats: {fallback: [{on: [overloaded], data: {other: 1}}]}}",
            [("E315", "is no reply that the WSDL has: /other is not known here")],
        ),
        ("operations: {GetSeats: {fallback: [{on: [overloaded], data: {GetSeatsResult: 1}}]}}", []),
    ],
)
def test_what_the_wsdl_says(tmp_path: Path, inside: str, told: list[tuple[str, str]]) -> None:
    """Of what is exposed alone, and of fixed answers."""
    assert compared(tmp_path, inside) == told
