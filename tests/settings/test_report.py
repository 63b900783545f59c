"""What `check` says of a right file: sums that add up, and a sentence for each line of operations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sidecar.settings import report
from sidecar.settings.load import load, load_text

if TYPE_CHECKING:
    from sidecar.plan import Plan

ROOT = Path(__file__).resolve().parents[2]


def plan_of(rest: str, head: str = "", protocol: str = "soap") -> Plan:
    source = f"{head}\nbackends: {{t: {{protocol: {protocol}, url: http://h/x, {rest}}}}}"
    return load_text(source, "x.yaml", Path("/"), {})


@pytest.mark.parametrize(
    ("rest", "name", "worst_s"),
    [
        ("queue: {wait: 5s}, timeouts: {connect: 2s, total: 15s}", "Any", 22),
        ("queue: {wait: 5s}, timeouts: {connect: 2s, total: 60s}", "Any", 60),
        ("queue: {wait: 5s}, operations: {Get: {safe: true}}", "Get", 15),
        ("queue: {wait: 1s}, timeouts: {total: 8s}, operations: {Get: {safe: true, timeout: 30s}}", "Get", 11),
        ("operations: {Get: {timeout: 4s}}", "Get", 4),
    ],
)
def test_worst_case(rest: str, name: str, worst_s: float) -> None:
    """Line, connection and reply together, or the caller's timeout where that comes first."""
    backend = plan_of(rest).backends[0]
    assert report.worst_case_s(backend, backend.operation(name)) == worst_s


@pytest.mark.parametrize("example", sorted((ROOT / "config").glob("*.yaml")), ids=lambda path: path.name)
def test_machines_are_told_the_same(example: Path) -> None:
    """The facts are JSON, and name every backend and every line that the text names."""
    plan = load(example, {"SIDECAR_ADMIN_TOKEN": "0123456789abcdef", "SERVICE_SESSION": "a-session"})
    facts, text = json.loads(json.dumps(report.facts(plan, 0.0))), report.text(plan, 0.0)
    assert [each["name"] for each in facts["backends"]] == [backend.name for backend in plan.backends]
    for told, backend in zip(facts["backends"], plan.backends, strict=True):
        assert told["worst_case_s"] == max(each["worst_case_s"] for each in told["operations"])
        for each, line in zip(told["operations"], backend.operations, strict=True):
            assert f"  {line.pattern}: {each['sentence']}" in text.split("\n")


@pytest.mark.parametrize(
    ("rest", "said"),
    [
        ("operations: {Get: {safe: true}}", "safe"),
        ("operations: {Get: {}}", "may change something"),
        ("operations: {Get: {stream: true}}", "passed on while they come"),
        ("operations: {Get: {}}, deny: ['G*']", "denied to everybody"),
        ("operations: {Get: {}}", "no caller shares an answer"),
        (
            "operations: {Get: {safe: true, cache: {ttl: 1s}, shared: true}}",
            "everybody who asks the same shares one answer",
        ),
    ],
)
def test_sentences(rest: str, said: str) -> None:
    """One per line of operations."""
    backend = plan_of(rest).backends[0]
    assert said in report.sentence(backend, backend.operation("Get"))


def test_strict_is_said_of_what_no_line_names() -> None:
    """Who reads the line for everything else must know that most of it is refused."""
    backend = plan_of("strict: true").backends[0]
    assert "only what the WSDL names" in report.sentence(backend, backend.operation("Other"))
    backend = plan_of("strict: true, operations: {a: {}}", protocol="xmlrpc").backends[0]
    assert report.sentence(backend, backend.operation("other")).startswith("refused")


def test_callers_are_told() -> None:
    """Whose class is another one, and who is believed about others: nobody should find out by chance."""
    head = "callers: {desk: {networks: [10.1.0.0/16], class: staff}, shop: {networks: [10.2.0.5], trusted: true}}"
    plan = plan_of("strict: false", head)
    assert report.text(plan, 0.0).splitlines()[-2:] == [
        "callers from 10.1.0.0/16 (desk): class staff, whatever the operation's is",
        "callers from 10.2.0.5/32 (shop): class as the operation's, may name the people behind them in Sidecar-Client",
    ]
    assert set(report.facts(plan, 0.0)["callers"]) == {"desk", "shop"}
