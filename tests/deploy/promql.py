"""As much of PromQL as it takes to see what an expression names: metrics with their labels, functions, groupings.

Stands in for promtool where there is none, and knows what promtool cannot: which metrics and labels this project serves. It does not know
whether an expression makes sense.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from sidecar.model import Dialect, Executed
from sidecar.states import TABLE
from sidecar.watch.catalogue import METRICS
from sidecar.watch.mechanisms import MECHANISMS
from sidecar.watch.tally import EVENTS

if TYPE_CHECKING:
    from pathlib import Path

_WORD = re.compile(r"[a-zA-Z_:][\w:]*")
_TOKENS = re.compile(
    r"""(?P<string>"(?:\\.|[^"\\])*")|(?P<duration>\d+(?:ms|[smhdwy])\b|\$__\w+)|(?P<number>\d+(?:\.\d+)?)|(?P<variable>\$\w+)"""
    r"""|(?P<word>[a-zA-Z_:][\w:]*)|(?P<sign>=~|!~|!=|==|>=|<=|[-+*/%^(){}\[\],=<>])|(?P<space>\s+)""",
)
FUNCTIONS = {
    *("rate", "increase", "sum", "max", "min", "avg", "count", "absent", "histogram_quantile", "time", "topk"),
    *("clamp_min", "changes", "label_replace", "vector"),
}
_WORDS = {"by", "without", "on", "ignoring", "group_left", "group_right", "and", "or", "unless", "offset", "bool"}
TARGET_LABELS = {"job", "instance"}  # what Prometheus itself adds to each series
OF_PROMETHEUS = {"up": TARGET_LABELS}


def promtool(*argv: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run promtool; skips where there is none."""
    program = shutil.which("promtool") or pytest.skip(
        "no promtool here (Debian's `prometheus`): names were read, no more"
    )
    return subprocess.run([program, *argv], cwd=cwd, capture_output=True, text=True, check=False, timeout=60)


@dataclass
class Named:
    """What one expression names."""

    metrics: dict[str, set[str]] = field(default_factory=dict)  # with the labels that its selectors ask for
    values: list[tuple[str, str, str]] = field(default_factory=list)  # metric, label, what it is matched with
    grouped: set[str] = field(default_factory=set)
    unknown: list[str] = field(default_factory=list)


def read(expression: str) -> Named:
    """Return what `expression` names; raise where its signs do not pair or cannot be read."""
    tokens = _tokens(expression)
    named, depth, metric = Named(), 0, ""
    at = 0
    while at < len(tokens):
        kind, text = tokens[at]
        following = tokens[at + 1][1] if at + 1 < len(tokens) else ""
        if kind == "word" and text in ("by", "without", "on", "ignoring", "group_left", "group_right"):
            end = next(index for index in range(at, len(tokens)) if tokens[index][1] == ")")
            named.grouped |= {word for sort, word in tokens[at + 2 : end] if sort == "word"}
            at = end
        elif kind == "word" and text not in _WORDS:
            if following == "(":
                named.unknown += [] if text in FUNCTIONS else [text]
            elif following in ("by", "without") and text in FUNCTIONS:
                pass
            else:
                metric = text
                named.metrics.setdefault(text, set())
        elif text == "{":
            end = next(index for index in range(at, len(tokens)) if tokens[index][1] == "}")
            for index in range(at + 1, end, 4):  # label, sign, value, comma
                label, value = tokens[index][1], tokens[index + 2][1].strip('"')
                named.metrics[metric].add(label)
                named.values.append((metric, label, value))
            at = end
        depth += {"(": 1, ")": -1}.get(text, 0)
        assert depth >= 0, expression
        at += 1
    assert depth == 0, f"parentheses do not pair: {expression}"
    return named


def _tokens(expression: str) -> list[tuple[str, str]]:
    tokens, at = [], 0
    expression = re.sub(r"#[^\n]*", "", expression)
    while at < len(expression):
        found = _TOKENS.match(expression, at)
        assert found, f"cannot be read from here: {expression[at : at + 20]!r}"
        if found.lastgroup != "space":
            tokens.append((str(found.lastgroup), found.group()))
        at = found.end()
    return tokens


def served() -> dict[str, Any]:
    """Return the metrics that this project serves, by the names of their series; histograms by all three."""
    found: dict[str, Any] = {}
    for row in METRICS:
        endings = ("_bucket", "_sum", "_count") if row.kind == "histogram" else ("",)
        found |= {row.full_name + ending: row for ending in endings}
    return found


def labels_of(metric: str, rows: dict[str, Any]) -> set[str]:
    """Return the labels that a series of `metric` has in Prometheus."""
    if metric in OF_PROMETHEUS:
        return set(OF_PROMETHEUS[metric])
    return set(rows[metric].labels) | TARGET_LABELS | ({"le"} if metric.endswith("_bucket") else set())


def complaints(expression: str) -> list[str]:
    """Return everything in `expression` that does not exist: metrics, labels, values of closed lists, functions."""
    rows, named = served(), read(expression)
    said = [f"no function {name}" for name in named.unknown]
    known = {metric for metric in named.metrics if metric in rows or metric in OF_PROMETHEUS}
    said += [f"no metric {metric}" for metric in set(named.metrics) - known]
    there = set().union(*(labels_of(metric, rows) for metric in known)) if known else set()
    said += [f"no label {label} to group by" for label in named.grouped - there]
    for metric in known:
        said += [f"{metric} has no label {label}" for label in named.metrics[metric] - labels_of(metric, rows)]
    for _, label, value in named.values:
        if label in (closed := _closed()) and "$" not in value:
            said += [f"no {label} {each}" for each in value.split("|") if each and each not in closed[label]]
    return said


def _closed() -> dict[str, set[str]]:
    return {
        "state": {*TABLE, "busy", "idle", "other"},
        "mechanism": set(MECHANISMS),
        "executed": {each.value for each in Executed},
        "dialect": {each.value for each in Dialect},
        "event": set(EVENTS),
    }
