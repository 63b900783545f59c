"""The dashboard: its four questions, and that every expression in it names what is served and what it defines itself."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.deploy.promql import complaints, promtool, read, served
from tests.house.tree import ROOT

if TYPE_CHECKING:
    from pathlib import Path

FILE = ROOT / "deploy" / "grafana" / "sidecar.json"
DASHBOARD = json.loads(FILE.read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUESTIONS = (
    "Are people served?",
    "What does the backend bear?",
    "What did we refuse, and why?",
    "Since when, and what changed?",
    "Waiting rooms",
    "The process",
)
BUILT_IN = {"__rate_interval", "__range"}


def expressions() -> list[tuple[str, str]]:
    """Return every expression with where it stands: panels, variables, annotations."""
    found = [(panel["title"], target["expr"]) for panel in PANELS for target in panel["targets"]]
    found += [(each["name"], each["expr"]) for each in DASHBOARD["annotations"]["list"]]
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            values = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"]["query"])
            assert values, variable["name"]
            found.append((variable["name"], f"sum by ({values[2]}) ({values[1]})"))
    return found


def test_it_asks_the_questions_in_their_order() -> None:
    """Whoever is woken reads from the top: people first, the process last."""
    assert tuple(panel["title"] for panel in DASHBOARD["panels"] if panel["type"] == "row") == QUESTIONS


@pytest.mark.parametrize(("where", "expression"), expressions(), ids=lambda text: text[:40])
def test_expressions_name_what_is_served(where: str, expression: str) -> None:
    """Metrics, labels, values of closed lists, functions; and every variable is one of the dashboard's."""
    assert complaints(expression) == [], where
    variables = set(re.findall(r"\$(\w+)", expression))
    assert variables <= {each["name"] for each in DASHBOARD["templating"]["list"]} | BUILT_IN


def test_promtool_can_read_them(tmp_path: Path) -> None:
    """Each as a recording rule, with values in place of the variables."""
    values = {"$__rate_interval": "5m", "$__range": "1h", "$backend": ".*", "$job": ".*"}
    rules = []
    for number, (_, expression) in enumerate(expressions()):
        for name, value in values.items():
            expression = expression.replace(name, value)  # noqa: PLW2901 - step by step
        rules.append({"record": f"panel:{number}", "expr": expression})
    (tmp_path / "rules.yaml").write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    done = promtool("check", "rules", "rules.yaml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_legends_name_labels_that_are_left() -> None:
    """A label that the expression has summed away would be an empty word."""
    for panel in PANELS:
        for target in panel["targets"]:
            shown = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            groups = re.findall(r"by \(([^)]*)\)", target["expr"])
            if groups:
                assert shown <= {word.strip() for word in groups[0].split(",")}, (panel["title"], shown)


def test_everything_that_is_served_is_shown() -> None:
    """A number that nobody looks at is not worth its place in the table."""
    shown = {metric for _, expression in expressions() for metric in read(expression).metrics}
    names = {row.full_name for row in served().values()}
    assert {name for name in names if not any(metric.startswith(name) for metric in shown)} == set()


def test_panels_speak_for_themselves() -> None:
    """A title, what it means, a unit, the data source of the dashboard; numbers and places are taken once."""
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    for panel in PANELS:
        assert len(panel["description"].split()) >= 2, panel["title"]
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert "unit" in panel["fieldConfig"]["defaults"] or panel["type"] == "state-timeline"
        assert [target["refId"] for target in panel["targets"]] == sorted({t["refId"] for t in panel["targets"]})


def test_panels_lie_beside_each_other() -> None:
    """No two overlap, and none is wider than the page."""
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at: dict[str, Any] = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells


def test_it_is_written_as_it_would_be_kept() -> None:
    """One form, so that a change shows as a change; nothing of the machine that drew it."""
    assert FILE.read_text() == json.dumps(DASHBOARD, indent=2, ensure_ascii=False) + "\n"
    assert "id" not in DASHBOARD
    assert not {"__inputs", "__requires"} & set(DASHBOARD)
