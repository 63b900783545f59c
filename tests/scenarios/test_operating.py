"""Each row of `docs/failures.md` about operating names a test that exists."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest

from tests.house.tree import ROOT
from tests.scenarios.operating import TROUBLES

if TYPE_CHECKING:
    from tests.scenarios.trouble import Trouble


@pytest.mark.parametrize("row", TROUBLES, ids=lambda row: row.what)
def test_a_row_is_proved(row: Trouble) -> None:
    """By a function of that name in that file; and no cell is empty."""
    file, _, name = row.test.partition("::")
    functions = {
        node.name
        for node in ast.walk(ast.parse((ROOT / file).read_text("utf-8")))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    }
    assert name in functions
    assert all((row.component, row.what, row.callers, row.executed, row.notices, row.acts))
    assert "|" not in f"{row.what}{row.callers}{row.executed}{row.notices}{row.acts}"
