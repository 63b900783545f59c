"""DataSets as .NET writes them: null columns absent, text escaped, money with four digits, no row no element."""

from __future__ import annotations

from decimal import Decimal

import pytest
from lxml import etree

from sidecar.demo.dataset import DIFFGR, MSDATA, Column, DataSet, Table, Value, lexical

COLUMNS = (Column("n", "int"), Column("t", "string"), Column("m", "decimal"))


def _parsed(rows: tuple[tuple[Value, ...], ...]) -> etree._Element:
    return etree.fromstring(f"<r>{DataSet((Table('Row', COLUMNS, rows),)).xml('Result')}</r>")


def test_rows_are_numbered_and_null_columns_left_out() -> None:
    """Each row has its id and order; a null has no element, an empty text has one."""
    rows = _parsed(((1, None, Decimal("1.5")), (2, "", None))).findall(".//Row")
    assert [row.get(f"{{{DIFFGR}}}id") for row in rows] == ["Row1", "Row2"]
    assert [row.get(f"{{{MSDATA}}}rowOrder") for row in rows] == ["0", "1"]
    assert [[(cell.tag, cell.text) for cell in row] for row in rows] == [
        [("n", "1"), ("m", "1.5000")],
        [("n", "2"), ("t", None)],
    ]


def test_an_empty_set_keeps_its_schema_and_has_an_empty_diffgram() -> None:
    """The schema names every column although there is no row."""
    root = _parsed(())
    assert [e.get("name") for e in root[0].iter("{*}element")] == ["Result", "Row", "n", "t", "m"]
    assert len(root[1]) == 0


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), (False, "false"), (3, "3"), (Decimal(48), "48.0000"), ("<a> & b", "&lt;a&gt; &amp; b")],
)
def test_values_have_their_lexical_form(value: Value, text: str) -> None:
    """Booleans are words, not numbers, and markup is escaped."""
    assert lexical(value) == text
