"""The operations guide knows what the code says: every place that sends a reader there, every warning, every line of the log."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from sidecar.listener import FAREWELL_S, RECONNECT_S
from sidecar.plan import AdminPlan, DrainPlan
from sidecar.policy.overrides import LONGEST_S
from sidecar.reload import GOOD, WATCH_S
from tests.house.tree import files, python, text

GUIDE = Path("docs/operations.md")
# The closed list of `warnings[].code` in the status; the dashboard adds `backend_strained` and `draining`, which it sees itself.
WARNINGS = (
    "reload_failed",
    "config_differs",
    "limit_at_minimum",
    "limit_at_maximum",
    "queue_full",
    "override_active",
    "observing",
    "fault_active",
    "paused",
    "room_by_hand",
    "backend_down",
    "backend_strained",
    "one_client",
    "nofile_low",
    "log_dropped",
    "unasked",
    "admin_open",
    "draining",
    "bug",
)
# Another program's lines.
DEMO = Path("sidecar/demo")


def anchors(document: Path) -> set[str]:
    """Return what one may write after `#`, as GitHub makes it of headings."""
    heads = re.findall(r"^#+ (.+)$", text(document), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def section(heading: str) -> str:
    """Return what stands below a heading of the guide."""
    found = re.search(rf"^(#+) {re.escape(heading)}\n(.*?)(?=^##|\Z)", text(GUIDE), re.MULTILINE | re.DOTALL)
    assert found is not None, f"{GUIDE} has no section {heading!r}"
    return found[2]


def test_every_reference_to_a_place_in_a_document_leads_there() -> None:
    """`docs/X.md#anchor`, in code, in rules and in other documents alike, is a heading of that document."""
    lost = []
    for path in files():
        for name, anchor in re.findall(r"\b((?:docs/)?[\w/-]+\.md)#([a-z][\w-]*)", text(path)):
            where = (Path(name) if name.startswith("docs/") else path.parent / name).as_posix()
            target = next((each for each in files() if each.as_posix() == re.sub(r"[^/]+/\.\./", "", where)), None)
            if target is not None and path.parts[0] != "tests" and anchor not in anchors(target):
                lost.append(f"{path}: {name}#{anchor}")
    assert lost == []


def test_links_within_the_guide_lead_somewhere() -> None:
    """`[…](#anchor)` is a heading of the guide."""
    assert set(re.findall(r"\]\(#([\w-]+)\)", text(GUIDE))) - anchors(GUIDE) == set()


@pytest.mark.parametrize("code", WARNINGS)
def test_every_warning_has_its_section(code: str) -> None:
    """The anchor is the code in kebab-case; the section says what it means, what to do, and what not to."""
    assert code.replace("_", "-") in anchors(GUIDE)
    heading = code.replace("_", " ").capitalize()
    told = section(heading)
    assert re.findall(r"^- \*\*(Means|Do|Don't):\*\* \S", told, re.MULTILINE) == ["Means", "Do", "Don't"]


def test_no_warning_is_missing_here() -> None:
    """Whatever the code calls a warning, by a code beside a severity, is one of the list above."""
    pattern = re.compile(r'(?:"code": (?=.*"severity")|_concern\(\s*)"(\w+)"')
    said = {code for path in python("sidecar") for code in pattern.findall(text(path))}
    assert said >= {"one_client", "reload_failed", "bug"}
    assert said <= set(WARNINGS)


def _events() -> set[str]:
    """Return the names of all lines that the code writes."""
    found = set()
    for path in python("sidecar", "adapters"):
        if DEMO in path.parents:
            continue
        for node in ast.walk(ast.parse(text(path))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == "event"
                and node.args
                and isinstance(node.args[0], ast.Constant)
                and isinstance(node.args[0].value, str)
            ):
                found.add(node.args[0].value)
    return found


def test_the_table_of_log_lines_is_whole() -> None:
    """Every line that the code can write stands in the guide, with what to do."""
    rows = re.findall(r"^\| (`.+?`) \| .+ \|", section("What it writes"), re.MULTILINE)
    told = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert "late_outcome" in _events()
    assert _events() - told == set()


def test_no_log_line_is_told_that_is_not_written() -> None:
    """A line of the guide that nothing writes would be waited for in vain."""
    rows = re.findall(r"^\| (`.+?`) \| .+ \|", section("What it writes"), re.MULTILINE)
    code = "".join(text(path) for path in python("sidecar", "adapters") if DEMO not in path.parents)
    told = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert {name for name in told if f'"{name}"' not in code and f'"event":"{name}"' not in code} == set()


@pytest.mark.parametrize(
    ("heading", "said", "holds"),
    [
        ("Start and stop", "with `drain: {delay: 5s, timeout: 20s}`", DrainPlan() == DrainPlan(5.0, 20.0)),
        ("Start and stop", "half a second", RECONNECT_S == 0.5),
        ("Start and stop", "3 s at most", FAREWELL_S == 3.0),
        ("Start and stop", "`delay` + `timeout` + 5 s", RECONNECT_S + FAREWELL_S < 5.0),
        ("Reload", "looked at every 2 s", WATCH_S == 2.0),
        ("Reload", "The last five good configurations", GOOD == 5),
        ("Orders", "a day at most", LONGEST_S == 86_400.0),
        ("Orders", "admin: {host: 127.0.0.1, port: 8081}", AdminPlan() == AdminPlan("127.0.0.1", 8081)),
    ],
)
def test_the_numbers_of_the_guide_are_the_codes(heading: str, said: str, holds: bool) -> None:
    """A number that an operator plans with is the one that the code goes by."""
    assert said in " ".join(section(heading).split())
    assert holds
