"""What a DataSet's inline schema says: names, the value that a type's text means, and columns wherever .NET declares them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters import xml
from adapters.soap.tables import MSDATA, Table, Tables, decoded, read, reader

if TYPE_CHECKING:
    from collections.abc import Generator

HEAD = f'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:msdata="{MSDATA}" '


def finished(steps: Generator[None, None, Tables]) -> tuple[Tables, int]:
    """Run to the end; count the yields."""
    count = 0
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value, count
        count += 1


def tables(*schemas: str) -> Tables:
    return finished(read([xml.parse(schema.encode(), charset=None) for schema in schemas]))[0]


def within(declarations: str, attributes: str = 'xmlns=""', beside: str = "") -> str:
    """Put declarations of tables into a data set's schema."""
    return (
        f'{HEAD}{attributes}><xs:element name="D" msdata:IsDataSet="true"><xs:complexType>'
        f'<xs:choice minOccurs="0" maxOccurs="unbounded">{declarations}</xs:choice></xs:complexType></xs:element>{beside}</xs:schema>'
    )


def table(content: str, name: str = "T") -> str:
    return f'<xs:element name="{name}"><xs:complexType>{content}</xs:complexType></xs:element>'


def columns(found: Table) -> dict[str, object]:
    """Show what each column makes of "1"."""
    return {
        name: "1" if convert is None else convert("1")
        for name, convert in (*found.columns.values(), *found.attributes.values())
    }


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Seat_x0020_No", "Seat No"),
        ("_x0031_st", "1st"),
        ("_X00e9_t_x00E9_", "été"),
        ("_x005F_x0020_", "_x0020_"),  # the escape's own underscore, escaped
        ("a_x0020", "a_x0020"),
        ("_x20_", "_x20_"),
        ("_xZZZZ_", "_xZZZZ_"),
        ("_x0001F3AD_", "🎭"),  # XmlConvert writes what is above U+FFFF with eight digits
        ("_xD83C__xDFAD_", "🎭"),
        ("_xD83C_", "_xD83C_"),  # half a character is none that JSON can carry
        ("_xDFAD__xD83C_", "_xDFAD__xD83C_"),
        ("_xFFFFFFFF_", "_xFFFFFFFF_"),
        ("plain", "plain"),
    ],
)
def test_a_name_is_decoded_as_xmlconvert_does(written, meant):
    """Four digits or eight in either case; what is no character stays."""
    assert decoded(written) == meant


@given(st.text("ab _x0D8F9E🎭é", max_size=12))
def test_a_name_that_was_encoded_comes_back(name):
    """Every sign that has an escape is read, those around it are not."""
    written = "".join(f"_x{ord(sign):08X}_" if sign not in "abx" else sign for sign in name)
    assert decoded(written) == name


@pytest.mark.parametrize(
    ("builtin", "text", "value"),
    [
        ("int", "-7", -7),
        ("int", "1_000", "1_000"),
        ("int", "", None),
        ("double", "1e400", "1e400"),
        ("boolean", "true", True),
        ("decimal", " 30.0000 ", "30.0000"),
        ("long", "9007199254740993", "9007199254740993"),
        ("dateTime", "2016-02-07T15:00:00-06:00", "2016-02-07T15:00:00-06:00"),
        ("string", " x ", " x "),
        ("whatever", "x", "x"),
    ],
)
def test_a_text_is_read_as_its_type(builtin, text, value):
    """Numbers and booleans where JSON carries them without loss; what is not of its type stays text, emptiness is null."""
    convert = reader(builtin)
    found = text if convert is None else convert(text)
    assert found == value
    assert type(found) is type(value)


def test_tables_and_columns_stand_in_the_schemas_order():
    """Each column is null in a blank row, whatever its default."""
    found = tables(
        within(
            table(
                '<xs:sequence><xs:element name="b" type="xs:int" default="3"/><xs:element name="a" type="xs:long"/></xs:sequence>'
            )
            + table("<xs:sequence/>", "Empty")
        )
    )
    assert found.top == ("T", "Empty")
    assert list(found.by_tag["T"].blank.items()) == [("b", None), ("a", None)]
    assert columns(found.by_tag["T"]) == {"b": 1, "a": "1"}


def test_a_restricted_type_is_read_as_what_it_restricts():
    """MaxLength makes a simple type in the column's place; typed sets name theirs; a union is text."""
    found = tables(
        within(
            table(
                '<xs:sequence><xs:element name="a"><xs:simpleType><xs:restriction base="xs:short"/></xs:simpleType></xs:element>'
                '<xs:element name="b" type="Small"/><xs:element name="c" type="Round"/>'
                '<xs:element name="d"><xs:simpleType><xs:union memberTypes="xs:int"/></xs:simpleType></xs:element></xs:sequence>'
            ),
            beside='<xs:simpleType name="Small"><xs:restriction base="Smaller"/></xs:simpleType>'
            '<xs:simpleType name="Smaller"><xs:restriction><xs:simpleType><xs:restriction base="xs:byte"/></xs:simpleType>'
            '</xs:restriction></xs:simpleType><xs:simpleType name="Round"><xs:restriction base="Round"/></xs:simpleType>',
        )
    ).by_tag["T"]
    assert columns(found) == {"a": 1, "b": 1, "d": "1"}
    assert list(found.blank) == ["a", "b", "c", "d"]
    assert found.loose == {"c": "c"}


def test_attributes_hidden_columns_and_text_are_columns():
    """A hidden column is an attribute of msdata's; simple content is a column with a name of its own."""
    found = tables(
        within(
            table(
                '<xs:simpleContent msdata:ColumnName="Note"><xs:extension base="xs:int"><xs:attribute name="a" type="xs:int"/>'
                '<xs:attribute name="P_Id" type="xs:int" use="prohibited"/></xs:extension></xs:simpleContent>'
            )
        )
    ).by_tag["T"]
    assert list(found.blank) == ["Note", "a", "P_Id"]
    assert set(found.attributes) == {"a", "P_Id", f"{{{MSDATA}}}hiddena", f"{{{MSDATA}}}hiddenP_Id"}
    assert found.text is not None
    assert found.text[0] == "Note"
    assert found.text[1] is not None
    assert found.text[1]("5") == 5


def test_nested_tables_are_no_columns():
    """Elements with content of their own, those that repeat, and those by reference, even of themselves."""
    found = tables(
        within(
            '<xs:element ref="T"/>',
            beside=table(
                '<xs:sequence><xs:element name="a" type="xs:int"/><xs:element ref="T" maxOccurs="unbounded"/>'
                '<xs:element name="Tag" type="xs:string" maxOccurs="unbounded"/>'
                + table('<xs:attribute name="n" type="xs:int"/>', "Part")
                + "</xs:sequence>"
            ),
        )
    )
    outer = found.by_tag["T"]
    assert found.top == ("T",)
    assert (list(outer.blank), outer.inside) == (["a"], ("T", "Tag", "Part"))
    assert outer.nested["T"][1] is outer
    assert list(outer.nested["Tag"][1].blank) == ["Tag_Text"]
    assert list(found.by_tag["Part"].blank) == ["n"]


def test_namespaces_and_fragments():
    """A typed set qualifies its elements; tables of several namespaces come in several schemas, and may share a name."""
    found = tables(
        within(
            table('<xs:sequence><xs:element name="a" type="xs:int"/><xs:element ref="o:a"/></xs:sequence>')
            + '<xs:element ref="o:T"/>',
            'targetNamespace="urn:d" xmlns="urn:d" xmlns:o="urn:o" elementFormDefault="qualified"',
        ),
        f'{HEAD}targetNamespace="urn:o"><xs:element name="a" type="xs:int"/>{table("<xs:sequence/>")}</xs:schema>',
    )
    assert found.top == ("T", "{urn:o}T")
    assert list(found.by_tag["{urn:d}T"].blank) == ["a", "{urn:o}a"]
    assert set(found.by_tag["{urn:d}T"].columns) == {"{urn:d}a", "a", "{urn:o}a"}
    assert found.by_tag["{urn:o}T"].name == "{urn:o}T"


def test_named_types_and_their_bases_are_followed():
    """A table may be of a named type that extends another; one that holds or extends itself ends."""
    found = tables(
        within(
            '<xs:element name="T" type="Wide"/>',
            beside='<xs:complexType name="Wide"><xs:complexContent><xs:extension base="Narrow"><xs:sequence>'
            '<xs:element name="b" type="xs:int"/><xs:element name="Self" type="Wide"/></xs:sequence></xs:extension></xs:complexContent>'
            '</xs:complexType><xs:complexType name="Narrow"><xs:complexContent><xs:extension base="Narrow"><xs:sequence>'
            '<xs:element name="a" type="xs:int"/></xs:sequence></xs:extension></xs:complexContent></xs:complexType>',
        )
    )
    assert list(found.by_tag["T"].blank)[-1] == "b"
    assert found.by_tag["T"].inside == ("Self",)
    assert found.by_tag["Self"].nested["Self"][1] is found.by_tag["Self"]


def test_a_schema_that_names_no_data_set():
    """As .NET infers: an element with only tables is the set; otherwise each element is a table."""
    rows = '<xs:sequence><xs:element name="a" type="xs:int"/></xs:sequence>'
    assert tables(f"{HEAD}>{table(table(rows), 'D')}</xs:schema>").top == ("T",)
    assert tables(f"{HEAD}>{table(rows)}{table(rows, 'U')}</xs:schema>").top == ("T", "U")
    assert tables(f"{HEAD}>{table(rows)}</xs:schema>").top == ("T",)
    assert tables(f"{HEAD}/>").top == ()


@pytest.mark.parametrize(
    "odd",
    [
        '<xs:element/><xs:element name=""/><xs:element ref="nowhere"/><xs:element ref=":"/><xs:any/><other/>',
        table(
            '<xs:sequence><xs:element/><xs:element name="a" type="no:where"/><xs:attribute/><xs:attribute ref="xml:lang"/></xs:sequence>'
        ),
        table(
            '<xs:sequence><xs:element name="a" type="xs:int"/></xs:sequence><xs:attribute name="a" type="xs:string"/>'
        )
        * 2,
        "<xs:sequence><xs:choice><xs:all/></xs:choice></xs:sequence>",
    ],
)
def test_odd_schemas_are_read_as_far_as_they_go(odd):
    """What cannot be resolved is left out."""
    assert isinstance(tables(within(odd)), Tables)


def test_two_columns_of_one_name_keep_the_first():
    """A column and a nested table that nothing tells apart are one."""
    both = '<xs:sequence><xs:element name="a" type="xs:int"/>' + table("<xs:sequence/>", "a") + "</xs:sequence>"
    found = tables(within(table(both))).by_tag["T"]
    assert (list(found.blank), found.inside, found.nested) == (["a"], (), {})


def test_long_schemas_are_read_in_turns_and_up_to_a_bound():
    """20 000 declarations of 30 000 are read; nobody waits for more than 100 declarations."""
    wide = "".join(f'<xs:element name="c{at}" type="xs:int"/>' for at in range(30_000))
    body = within(table(f"<xs:sequence>{wide}</xs:sequence>")).encode()
    root = xml.parse(body, charset=None, markup_max=xml.REPLY_MARKUP)
    found, turns = finished(read([root]))
    assert 19_900 < len(found.by_tag["T"].blank) < 20_000  # the table and its sequence count
    assert turns >= 199


def test_types_that_hold_one_another_do_not_recurse():
    """More tables than the stack has room for, each inside the one before."""
    chain = "".join(
        f'<xs:complexType name="N{at}"><xs:sequence><xs:element name="e{at}" type="N{at + 1}"/></xs:sequence></xs:complexType>'
        for at in range(1_500)
    )
    found = tables(within('<xs:element name="T" type="N0"/>', beside=chain))
    assert len(found.by_tag) == 1_500  # the last one's type is not there: a column


def test_schemas_have_bounds():
    """Of very many tables and types those that come first are known."""
    assert len(tables(within("".join(table("", f"T{at}") for at in range(3_000)))).top) == 2_000
    declared = "".join(f'<xs:element name="T{at}"/>' for at in range(6_000))
    assert len(tables(f"{HEAD}>{declared}</xs:schema>").top) <= 4_000
