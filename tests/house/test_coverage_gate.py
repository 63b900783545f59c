"""The gate must be able to say no."""

from __future__ import annotations

import pytest

from tests.house.coverage_gate import Measured, measured, shortfalls

WHOLE = [
    Measured("sidecar/policy/queue.py", 10, 10),
    Measured("sidecar/states.py", 5, 5),
    Measured("adapters/xml.py", 7, 7),
]


def test_enough_is_a_pass() -> None:
    """Whole where it must be whole and ninety per cent elsewhere is enough."""
    assert shortfalls([*WHOLE, Measured("sidecar/app.py", 90, 100)]) == []


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([*WHOLE[1:], Measured("sidecar/policy/queue.py", 999, 1000)], "sidecar/policy/queue.py: 99.9 %"),
        ([*WHOLE, Measured("sidecar/app.py", 89, 100)], "elsewhere: 89.0 %"),
        ([*WHOLE, Measured("sidecar/app.py", 990, 1000), Measured("sidecar/new.py", 1, 10)], "sidecar/new.py: 10.0 %"),
        (WHOLE[1:], "sidecar/policy/*.py: nothing was measured"),
    ],
)
def test_too_little_is_said(rows: list[Measured], said: str) -> None:
    """One missed branch of a policy, a low mean, one untested file, and a policy that was never measured each fail."""
    (line,) = shortfalls(rows)
    assert line.startswith(said)


def test_branches_count() -> None:
    """A file with every line run and half its branches taken is not whole."""
    summary = {"covered_lines": 10, "num_statements": 10, "covered_branches": 2, "num_branches": 4}
    report = {"meta": {"branch_coverage": True}, "files": {"sidecar/states.py": {"summary": summary}}}
    (row,) = measured(report)
    assert (row.covered, row.total, row.percent < 100) == (12, 14, True)
    with pytest.raises(SystemExit, match="without branches"):
        measured({**report, "meta": {"branch_coverage": False}})
