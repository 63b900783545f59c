"""The alert rules: they name what is served, each has its paragraph, and each fires when it should and only then.

Where promtool is on PATH it checks and plays them; elsewhere what stands here has to do.
"""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from ruamel.yaml import YAML

from sidecar.states import ROWS, Category
from tests.deploy.promql import complaints, promtool, read
from tests.house.tree import ROOT

if TYPE_CHECKING:
    from pathlib import Path

FILE = ROOT / "deploy" / "prometheus" / "alerts.yaml"
GROUPS = YAML(typ="safe").load(FILE.read_text())["groups"]
RULES: dict[str, Any] = {rule["alert"]: rule for group in GROUPS for rule in group["rules"]}
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
PARAGRAPHS = dict(re.findall(r"^### (Sidecar\w+)\n\n(.*?)(?=^#|\Z)", OPERATIONS, re.MULTILINE | re.DOTALL))

BACKEND = 'backend="tickets", instance="a:9100", job="sidecar"'
HERE = 'instance="a:9100", job="sidecar"'
# Alert -> series that fire it by minute 20, and the same circumstances when all is well. `a+bxN`: from a, b more each minute, N times.
PLAYS: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "SidecarPeopleGetFailures": (
        {
            f'sidecar_requests_total{{{BACKEND}, dialect="soap11", state="ok"}}': "0+90x30",
            f'sidecar_requests_total{{{BACKEND}, dialect="soap11", state="overloaded"}}': "0+10x30",
        },
        {
            f'sidecar_requests_total{{{BACKEND}, dialect="soap11", state="ok"}}': "0+97x30",
            f'sidecar_requests_total{{{BACKEND}, dialect="soap11", state="overloaded"}}': "0+3x30",
            f'sidecar_requests_total{{{BACKEND}, dialect="soap11", state="sold_out"}}': "0+90x30",
            # nobody but a probe at night: one of its two calls failed
            'sidecar_requests_total{backend="quiet", dialect="json", state="outcome_unknown", job="sidecar"}': "0x10 1x20",
            'sidecar_requests_total{backend="quiet", dialect="json", state="ok", job="sidecar"}': "0x10 1x20",
            # requests that found no backend are nobody's failure
            'sidecar_requests_total{backend="", dialect="json", state="overloaded", job="sidecar"}': "0+100x30",
        },
    ),
    "SidecarPeopleWait": (
        {
            f'sidecar_request_seconds_bucket{{{BACKEND}, le="5.0"}}': "0+90x30",
            f'sidecar_request_seconds_bucket{{{BACKEND}, le="10.0"}}': "0+100x30",
            f'sidecar_request_seconds_bucket{{{BACKEND}, le="+Inf"}}': "0+100x30",
        },
        {
            f'sidecar_request_seconds_bucket{{{BACKEND}, le="5.0"}}': "0+99x30",
            f'sidecar_request_seconds_bucket{{{BACKEND}, le="+Inf"}}': "0+100x30",
        },
    ),
    "SidecarRefusesOutright": (
        {f'sidecar_refusals_total{{backend="", {HERE}, state="overloaded", mechanism="connections"}}': "0+60x30"},
        {f'sidecar_refusals_total{{{BACKEND}, state="overloaded", mechanism="queue"}}': "0+60x30"},
    ),
    "SidecarAbsent": ({"nothing": "0x30"}, {'up{job="sidecar", instance="a:9100"}': "1x30"}),
    "SidecarBackendDown": ({f"sidecar_pressure{{{BACKEND}}}": "2x30"}, {f"sidecar_pressure{{{BACKEND}}}": "1x30"}),
    "SidecarBackendHangs": (
        {f"sidecar_ghosts{{{BACKEND}}}": "15x30", f"sidecar_limit{{{BACKEND}}}": "16x30"},
        {
            f"sidecar_ghosts{{{BACKEND}}}": "14x30",
            f"sidecar_limit{{{BACKEND}}}": "16x30",
            'sidecar_ghosts{backend="one", job="sidecar"}': "0x30",  # of one slot no ghost may hold any
            'sidecar_limit{backend="one", job="sidecar"}': "1x30",
        },
    ),
    "SidecarQueueFull": (
        {
            f'sidecar_queued{{{BACKEND}, class="staff"}}': "50x30",
            f'sidecar_queued{{{BACKEND}, class="browse"}}': "400x30",
            f"sidecar_queue_size{{{BACKEND}}}": "500x30",
        },
        {
            f'sidecar_queued{{{BACKEND}, class="browse"}}': "400x30",
            f"sidecar_queue_size{{{BACKEND}}}": "500x30",
            'sidecar_queued{backend="none", job="sidecar", class="browse"}': "0x30",  # no line was wanted
            'sidecar_queue_size{backend="none", job="sidecar"}': "0x30",
        },
    ),
    "SidecarLateOutcomes": (
        # the first of its kind: the series begins with it
        {f'sidecar_late_outcomes_total{{{BACKEND}, executed="unknown"}}': "_x14 1x15"},
        {
            f'sidecar_late_outcomes_total{{{BACKEND}, executed="no"}}': "0+1x30",
            f'sidecar_late_outcomes_total{{{BACKEND}, executed="yes"}}': "7x30",
        },
    ),
    "SidecarReloadFailed": (
        {f"sidecar_config_last_reload_successful{{{HERE}}}": "0x30"},
        {f"sidecar_config_last_reload_successful{{{HERE}}}": "1x30"},
    ),
    "SidecarSettingsDiffer": (
        {
            f'sidecar_config_info{{{HERE}, id="c1"}}': "1x30",
            'sidecar_config_info{job="sidecar", instance="b:9100", id="c2"}': "1x30",
        },
        {
            f'sidecar_config_info{{{HERE}, id="c1"}}': "1x30",
            'sidecar_config_info{job="sidecar", instance="b:9100", id="c1"}': "1x30",
        },
    ),
    "SidecarOverrideLong": (
        {f"sidecar_overrides{{{HERE}}}": "1x150"},
        {f"sidecar_overrides{{{HERE}}}": "1x60 0x90"},
    ),
    "SidecarLoopLag": (
        {f"sidecar_loop_lag_seconds{{{HERE}}}": "0.3x30"},
        {f"sidecar_loop_lag_seconds{{{HERE}}}": "0.2x30"},
    ),
    "SidecarDrainingLong": ({f"sidecar_draining{{{HERE}}}": "1x30"}, {f"sidecar_draining{{{HERE}}}": "0x30"}),
    "SidecarConnectionsDropped": (
        {f"sidecar_connections_dropped_total{{{HERE}}}": "0x17 9x12"},
        {f"sidecar_connections_dropped_total{{{HERE}}}": "9x30"},
    ),
    "SidecarLogLinesDropped": (
        {f"sidecar_log_lines_dropped_total{{{HERE}}}": "0x14 3x15"},
        {f"sidecar_log_lines_dropped_total{{{HERE}}}": "3x30"},
    ),
    "SidecarBugs": ({f"sidecar_bugs_total{{{HERE}}}": "0x14 1x15"}, {f"sidecar_bugs_total{{{HERE}}}": "1x30"}),
}
LATE = {"SidecarOverrideLong": "140m"}  # whose `for` is longer than the twenty minutes of the others


def test_names_are_given_once() -> None:
    """A second rule of one name would share its paragraph."""
    assert len(RULES) == sum(len(group["rules"]) for group in GROUPS)


@pytest.mark.parametrize("name", RULES)
def test_a_rule_is_complete(name: str) -> None:
    """Who is woken, what they read first, where they read on; no other keys."""
    rule = RULES[name]
    assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert set(rule["annotations"]) == {"summary", "runbook_url"}
    assert rule["annotations"]["runbook_url"] == f"docs/operations.md#{name.lower()}"


@pytest.mark.parametrize("name", RULES)
def test_a_rule_has_its_paragraph(name: str) -> None:
    """What it means, what to do, what not to do."""
    paragraph = PARAGRAPHS[name]
    assert re.findall(r"^- \*\*(\w+'?\w*):\*\*", paragraph, re.MULTILINE) == ["Means", "Do", "Don't"]
    assert len(paragraph.split()) > 25


def test_no_paragraph_speaks_of_a_rule_that_is_gone() -> None:
    """Neither its heading nor a word in another paragraph."""
    assert list(PARAGRAPHS) == [name for name in PARAGRAPHS if name in RULES]
    assert set(re.findall(r"\bSidecar[A-Z]\w+", OPERATIONS)) == set(RULES)


@pytest.mark.parametrize("name", RULES)
def test_a_rule_names_what_is_served(name: str) -> None:
    """Every metric, label, and value of a closed list exists; what a summary shows is left by the expression."""
    assert complaints(RULES[name]["expr"]) == []
    shown = set(re.findall(r"\$labels\.(\w+)", RULES[name]["annotations"]["summary"]))
    grouped = [set(words.replace(" ", "").split(",")) for words in re.findall(r"by \(([^)]*)\)", RULES[name]["expr"])]
    if grouped:
        assert shown <= grouped[0]


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("sidecar_request_total", "no metric sidecar_request_total"),
        ('sidecar_limit{backends="a"}', "sidecar_limit has no label backends"),
        ('rate(sidecar_requests_total{state="overload"}[5m])', "no state overload"),
        ("sum by (operation) (sidecar_limit)", "no label operation to group by"),
        ("median(sidecar_limit)", "no function median"),
        ("sidecar_request_seconds", "no metric sidecar_request_seconds"),
    ],
)
def test_the_check_sees_what_does_not_exist(expression: str, said: str) -> None:
    """A check of names that finds nothing wrong has to be able to."""
    assert complaints(expression) == [said]


def test_failures_are_the_states_of_two_categories() -> None:
    """Busy and upstream of the table, as far as a request can end so; a backend's own fault is its answer, and may be the caller's."""
    told = {
        row.name
        for row in ROWS
        if row.category in (Category.BUSY, Category.UPSTREAM)
        and row.built
        and row.origin == "sidecar"
        and row.name != "backend_fault"
    }
    matched = read(RULES["SidecarPeopleGetFailures"]["expr"]).values
    assert {state for _, label, value in matched if label == "state" for state in value.split("|")} == told


def test_every_rule_is_played() -> None:
    """A rule that nobody has seen fire may never."""
    assert list(PLAYS) == list(RULES)


def test_promtool_has_nothing_to_say(tmp_path: Path) -> None:
    """The rules are rules."""
    done = promtool("check", "rules", "--lint-fatal", str(FILE), cwd=tmp_path)
    assert done.returncode == 0, done.stderr + done.stdout


@pytest.mark.parametrize("name", RULES)
def test_a_rule_fires_when_it_should_and_only_then(name: str, tmp_path: Path) -> None:
    """Played by promtool, minute by minute."""
    shutil.copy(FILE, tmp_path)
    firing, quiet = PLAYS[name]
    tests = [_played(name, series, fires=fires) for series, fires in ((firing, True), (quiet, False))]
    whole = {"rule_files": [FILE.name], "evaluation_interval": "1m", "tests": tests}
    (tmp_path / "test.yaml").write_text(json.dumps(whole))
    done = promtool("test", "rules", "test.yaml", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def _played(name: str, series: dict[str, str], *, fires: bool) -> dict[str, Any]:
    rule = RULES[name]
    fired = f'count(ALERTS{{alertname="{name}", alertstate="firing", severity="{rule["labels"]["severity"]}"}}) or vector(0)'
    return {
        "interval": "1m",
        "input_series": [{"series": each, "values": values} for each, values in series.items()],
        "promql_expr_test": [
            {
                "expr": fired,
                "eval_time": LATE.get(name, "20m"),
                "exp_samples": [{"labels": "{}", "value": 1 if fires else 0}],
            }
        ],
    }
