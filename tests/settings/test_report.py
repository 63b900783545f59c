"""What `check` says of a right file: sums that add up, and notes where a plan is not what it seems."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.settings import report
from sidecar.settings.load import load, load_text
from sidecar.settings.report import _meet

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
    plan = load(example, {})
    facts, text = json.loads(json.dumps(report.facts(plan))), report.text(plan)
    assert [each["name"] for each in facts["backends"]] == [backend.name for backend in plan.backends]
    for told, backend in zip(facts["backends"], plan.backends, strict=True):
        assert told["worst_case_s"] == max(each["worst_case_s"] for each in told["operations"])
        for each, line in zip(told["operations"], backend.operations, strict=True):
            assert f"  {line.pattern}: {each['sentence']}" in text.split("\n")
        assert all(f"  note: {note}" in text for note in told["notes"])


@pytest.mark.parametrize(
    ("rest", "said"),
    [
        ("operations: {Get: {safe: true}}", "safe"),
        ("operations: {Get: {}}", "may change something"),
        ("operations: {Get: {stream: true}}", "passed on while they come"),
        ("operations: {Get: {}}, deny: ['G*']", "denied to everybody"),
        ("operations: {Get: {}}", "no caller shares an answer"),
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


@pytest.mark.parametrize(
    ("rest", "head", "note"),
    [
        (
            "timeouts: {total: 6s}, operations: {Get: {safe: true, timeout: 20s}}",
            "",
            "Get never waits its whole timeout of 20s",
        ),
        ("operations: {Get: {timeout: 4s}}", "", "Get may spend its whole timeout of 4s in line"),
        ("operations: {'*Seats': {safe: true}, 'Reser*': {}}", "", "Reser* and *Seats are equally long"),
        ("expose: ['Get*']", "", "expose is for the JSON facade"),
        ("asmx_get: allow", "", "any link on any page"),
        ("asmx_get: deny", "listen: {host: 0.0.0.0}", "?wsdl is refused until public_url"),
        ("asmx_get: deny", "listen: {unix: /run/x}", "?wsdl is refused until public_url"),
        (
            "asmx_get: deny",
            "drain: {timeout: 20s}",
            "drain.timeout cuts them after 20s; this process is gone 25s after",
        ),
    ],
)
def test_notes(rest: str, head: str, note: str) -> None:
    """Nothing is wrong, but an operator would want to know."""
    assert note in report.text(plan_of(rest, head))


@pytest.mark.parametrize(
    ("count", "share", "said"),
    [
        (
            3,
            "50%",
            "50% for each of 3 backends, 150% together: 2 of them can take so many connections and buffered bytes",
        ),
        (3, "50%", "that nothing is left for another; at 33% each has its own"),
        (5, "50%", "250% together: 2 of them"),
        (3, "40%", "120% together: 2 of them can take so many connections and buffered bytes that 20% is left"),
        (2, "80%", "160% together: 1 of them can take so many connections and buffered bytes that 20% is left"),
        (2, "50%", None),
        (1, "100%", None),
        (4, "25%", None),
        (3, "33%", None),
    ],
)
def test_shares_that_are_more_than_there_is_are_noted(count: int, share: str, said: str | None) -> None:
    """Each backend keeps to its share, and together they starve a neighbour all the same: nobody would expect that of the word."""
    backends = ", ".join(f"b{number}: {{protocol: soap, url: http://h{number}/x}}" for number in range(count))
    plan = load_text(f"limits: {{per_backend: {share}}}\nbackends: {{{backends}}}", "x", Path("/"), {})
    notes = [note for note in cast("list[str]", report.facts(plan)["notes"]) if "per_backend" in note]
    assert [said in note for note in notes] == [True] if said else notes == []


def test_an_unchecked_certificate_is_noted() -> None:
    """It is easily left behind after a test."""
    source = "backends: {t: {protocol: soap, url: https://h/x, tls: {verify: false}}}"
    assert "trusts whoever answers" in report.text(load_text(source, "x", Path("/"), {}))


@pytest.mark.parametrize(
    "rest",
    [
        "timeouts: {total: 6s}",  # the minute that nobody wrote is a bound, not a wish
        "timeouts: {total: 6s}, operations: {Get: {safe: true}}",
        "operations: {'Get*': {safe: true}, 'Put*': {}}",  # equally long, but no name is both
        "operations: {'*Seats': {}, 'Reser*': {}}",  # both, but it makes no difference
        "operations: {Get: {timeout: 4s}}, queue: {size: 0}",
    ],
)
def test_no_notes(rest: str) -> None:
    """A note that says nothing teaches people to skip notes."""
    assert report.text(plan_of(rest, "drain: {timeout: 65s}")).count("note:") == 0


GLOBS = st.text(alphabet="ab?*", max_size=5)


@given(GLOBS, GLOBS)
def test_globs_that_meet(one: str, other: str) -> None:
    """Against trying every short name: two globs of five signs that meet, meet in ten letters."""
    names = ["".join(letters) for length in range(8) for letters in product("ab", repeat=length)]
    tried = any(fnmatchcase(name, one) and fnmatchcase(name, other) for name in names)
    if tried:
        assert _meet(one, other)
    elif "*" not in one or "*" not in other or len(one + other) <= 7:
        assert not _meet(one, other)
