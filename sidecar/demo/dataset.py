"""ADO.NET DataSets as a .NET service writes them: an inline schema and a diffgram whose rows leave null columns out.

It stands behind the road, among the faces of the box office. It answers XML text from rows; it knows no operation.
Shape: `DataSet.WriteXml(XmlWriteMode.DiffGram)` behind `WriteXmlSchema`, as ASMX services send it inside a result element.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from xml.sax.saxutils import escape

XS = "http://www.w3.org/2001/XMLSchema"
MSDATA = "urn:schemas-microsoft-com:xml-msdata"
DIFFGR = "urn:schemas-microsoft-com:xml-diffgram-v1"

Value = str | int | bool | Decimal | None


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    type: str  # the local name of an XML Schema type


@dataclass(frozen=True, slots=True)
class Table:
    name: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...]

    def records(self) -> list[dict[str, Value]]:
        """Return the rows as mappings, with None where a column is null."""
        return [dict(zip((column.name for column in self.columns), row, strict=True)) for row in self.rows]


@dataclass(frozen=True, slots=True)
class DataSet:
    tables: tuple[Table, ...]

    def xml(self, name: str) -> str:
        """Return schema and diffgram for a data set called `name`."""
        return self._schema(name) + self._diffgram(name)

    def _schema(self, name: str) -> str:
        tables = "".join(
            f'<xs:element name="{table.name}"><xs:complexType><xs:sequence>'
            + "".join(f'<xs:element name="{c.name}" type="xs:{c.type}" minOccurs="0" />' for c in table.columns)
            + "</xs:sequence></xs:complexType></xs:element>"
            for table in self.tables
        )
        return (
            f'<xs:schema id="{name}" xmlns="" xmlns:xs="{XS}" xmlns:msdata="{MSDATA}">'
            f'<xs:element name="{name}" msdata:IsDataSet="true" msdata:UseCurrentLocale="true"><xs:complexType>'
            f'<xs:choice minOccurs="0" maxOccurs="unbounded">{tables}</xs:choice></xs:complexType></xs:element></xs:schema>'
        )

    def _diffgram(self, name: str) -> str:
        rows = "".join(
            f'<{table.name} diffgr:id="{table.name}{at + 1}" msdata:rowOrder="{at}">{cells(table.columns, row)}</{table.name}>'
            for table in self.tables
            for at, row in enumerate(table.rows)
        )
        # an empty data set has no element inside the diffgram at all: readers that expect one learn it here
        inner = f'<{name} xmlns="">{rows}</{name}>' if rows else ""
        return f'<diffgr:diffgram xmlns:msdata="{MSDATA}" xmlns:diffgr="{DIFFGR}">{inner}</diffgr:diffgram>'


def cells(columns: tuple[Column, ...], row: tuple[Value, ...]) -> str:
    """Return one row's elements, without those that are null."""
    return "".join(
        f"<{column.name}>{lexical(value)}</{column.name}>"
        for column, value in zip(columns, row, strict=True)
        if value is not None
    )


def lexical(value: Value) -> str:
    """Return the XML Schema lexical form, escaped; money keeps four digits, as SQL Server's `money` does."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value:.4f}"
    return escape(str(value))
