"""The table of orders: what everything else is made from has to hold together."""

from __future__ import annotations

import subprocess
import sys

import pytest

from sidecar.admin.table import ROOT, TABLE, Kind, Row, facts, find
from sidecar.policy.overrides import LONGEST_S


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_every_row_says_what_it_does(row: Row) -> None:
    """A sentence for lists, more for whoever hesitates, bounds that can be met, and an end that no override refuses."""
    assert row.help.endswith(".")
    assert row.more.endswith(".")
    assert find(row.noun, row.verb) is row
    assert row.path == f"{ROOT}/{row.noun}/{row.verb}"
    assert all(each.low < each.high for each in row.arguments if each.kind is Kind.INTEGER)
    if row.end is not None:
        most_s = 7 * LONGEST_S if row.end.open else LONGEST_S  # what may hold without an end may have a late one
        assert 0 < row.end.shortest_s <= row.end.suggested_s <= row.end.longest_s <= most_s


def test_the_orders_that_there_are() -> None:
    """What changes traffic needs a reason; what changes a number by hand needs an end."""
    assert [(row.name, row.reason_needed, row.end is not None) for row in TABLE] == [
        ("config reload", False, False),
        ("config use", True, False),
        ("limit set", True, True),
        ("limit clear", True, False),
        ("breaker set", True, True),
        ("breaker clear", True, False),
        ("observe set", True, True),
        ("observe clear", True, False),
        ("pause set", True, True),
        ("pause clear", True, False),
        ("message set", True, True),
        ("message clear", True, False),
        ("fault inject", True, True),
        ("fault clear", True, False),
        ("cache purge", True, False),
        ("queue list", False, False),
        ("queue promote", True, False),
        ("queue drop", True, False),
        ("room set", True, False),
        ("room recall", True, False),
        ("visitor find", False, False),
        ("visitor move", True, False),
        ("visitor release", True, False),
        ("visitor hold", True, True),
        ("sidecar drain", True, False),
    ]
    assert find("limit", "sett") is None


def test_machines_read_the_whole_table() -> None:
    """Names, bounds and ends, as people write them."""
    order = next(each for each in facts() if (each["noun"], each["verb"]) == ("limit", "set"))
    assert order["path"] == "/admin/v1/limit/set"
    assert order["end"] == {"shortest": "1s", "suggested": "10m", "longest": "24h"}
    assert order["reason"] == "required"
    assert [each["name"] for each in order["arguments"]] == ["backend", "value"]
    assert (order["arguments"][1]["min"], order["arguments"][1]["max"]) == (1, 10_000)
    assert facts()[0]["end"] is None
    fault = next(each for each in facts() if (each["noun"], each["verb"]) == ("fault", "inject"))
    assert fault["end"] == {"shortest": "1s", "suggested": "15m", "longest": "1h"}
    kind, share = fault["arguments"][2], fault["arguments"][4]
    assert (kind["choices"], "default" in kind) == (["latency", "error", "reset", "truncate"], False)
    assert share["default"] == "100%"
    pause = next(each for each in facts() if (each["noun"], each["verb"]) == ("pause", "set"))
    assert pause["end"] == {"shortest": "1s", "suggested": "15m", "longest": "168h", "remind": "15m"}
    room = next(each for each in facts() if (each["noun"], each["verb"]) == ("room", "set"))
    assert (room["end"], room["remind"]) == (None, "1h")
    assert (pause.get("remind"), room["arguments"][0]["kind"]) == (None, "room")


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_what_may_be_left_out_comes_last(row: Row) -> None:
    """So that a command line reads as it is said, and the help says what is meant then."""
    optional = [each.default is not None for each in row.arguments]
    assert optional == sorted(optional)
    assert all("left out" in each.help or each.name == "value" for each in row.arguments if each.default is not None)
    assert all(each.example != "" for each in row.arguments)


def test_the_table_costs_the_command_line_nothing() -> None:
    """`sidecar --help` and every command that is made from it start without aiohttp."""
    code = "import sys, sidecar.admin.table, sidecar.admin.screen; print([m for m in ('aiohttp', 'orjson', 'rich') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
