"""The table of metrics: few, well named, each with what to do about it."""

from __future__ import annotations

import re

import pytest

from sidecar.watch.catalogue import METRICS, MOST, Kind, Metric, markdown
from sidecar.watch.mechanisms import MECHANISMS
from sidecar.watch.tally import EVENTS
from tests.house.tree import ROOT

BOUNDED = {
    "backend",
    "room",  # what the settings name
    "class",
    "dialect",
    "state",
    "mechanism",
    "executed",
    "event",
    "ok",
    "id",
    "version",
    "aiohttp",
    "python",
    "target",  # what the settings name, and `all`
    "scope",
}


def test_they_are_few_and_each_is_there_once() -> None:
    """What one person can know by heart."""
    assert len(METRICS) <= MOST
    assert len({metric.name for metric in METRICS}) == len(METRICS)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_names_are_as_prometheus_wants_them(metric: Metric) -> None:
    """Counters end in _total and nothing else does; the unit is in the name, before that; the rest promtool says."""
    assert re.fullmatch(r"sidecar_[a-z][a-z_]*", metric.full_name)
    assert metric.name.endswith("_total") is (metric.kind is Kind.COUNTER)
    assert bool(metric.unit) is metric.name.removesuffix("_total").endswith(("_seconds", "_bytes"))
    assert metric.name.removesuffix("_total").endswith(metric.unit)
    assert not metric.name.endswith(("_count", "_sum", "_bucket", "_created"))
    assert metric.kind is not Kind.HISTOGRAM or metric.unit == "seconds"


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_labels_are_bounded_and_words_are_sentences(metric: Metric) -> None:
    """A label that is not on the list here has to show first that it is bounded."""
    assert set(metric.labels) <= BOUNDED
    for sentence in (metric.help, metric.act):
        assert sentence.endswith(".")
        assert sentence == sentence.strip()
        assert "|" not in sentence
        assert "\n" not in sentence


@pytest.mark.parametrize("event", EVENTS)
def test_every_event_that_counts_is_explained(event: str) -> None:
    """To whoever runs the sidecar, where the reference sends him."""
    assert f"`{event}`" in (ROOT / "docs/operations.md").read_text("utf-8")


def test_the_reference_names_everything() -> None:
    """Each metric and each mechanism has its row."""
    text = markdown()
    for word in (*(metric.full_name for metric in METRICS), *MECHANISMS):
        assert text.count(f"| `{word}` |") == 1
