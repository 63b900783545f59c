"""A DataSet comes out as the rows that were put in: the recorded reply value by value, .NET's features one by one, generated ones."""

from __future__ import annotations

import json
from random import Random
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from xml.sax.saxutils import escape, quoteattr

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from adapters import xml
from adapters.soap.dataset import Readers, is_dataset, steps
from sidecar.demo import asmx, soap
from sidecar.demo.inventory import SEASON, House
from sidecar.demo.operations import OPERATIONS
from tests.adapters.soap.box import arguments, request
from tests.support.require import wsdl_corpus
from tests.support.timing import best_s

if TYPE_CHECKING:
    from collections.abc import Generator

    from sidecar.demo.dataset import Table, Value
    from sidecar.demo.operations import Operation

XS = "http://www.w3.org/2001/XMLSchema"
SPACES = (
    f'xmlns:xs="{XS}" xmlns:msdata="urn:schemas-microsoft-com:xml-msdata" '
    'xmlns:diffgr="urn:schemas-microsoft-com:xml-diffgram-v1" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
)
SEATS = (
    '<xs:element name="Seat"><xs:complexType><xs:sequence><xs:element name="no" type="xs:int" minOccurs="0"/>'
    '<xs:element name="price" type="xs:decimal" minOccurs="0" default="9.99"/>'
    '<xs:element name="note" type="xs:string" minOccurs="0"/></xs:sequence></xs:complexType></xs:element>'
)
EMPTY = {"no": None, "price": None, "note": None}


def schema(tables: str, attributes: str = "", main: str = "") -> str:
    return (
        f'<xs:schema id="D" xmlns="" {attributes}><xs:element name="D" msdata:IsDataSet="true" {main}><xs:complexType>'
        f'<xs:choice minOccurs="0" maxOccurs="unbounded">{tables}</xs:choice></xs:complexType></xs:element></xs:schema>'
    )


def diffgram(rows: str, rest: str = "", name: str = "D", space: str = "") -> str:
    inner = f"<{name} xmlns={quoteattr(space)}>{rows}</{name}>" if rows else ""
    return f"<diffgr:diffgram>{inner}{rest}</diffgr:diffgram>"


def element(*parts: str) -> etree._Element:
    text = f'<Result xmlns="http://vendor.example/" {SPACES}>{"".join(parts)}</Result>'
    return xml.parse(text.encode(), charset=None, markup_max=xml.REPLY_MARKUP)


def finished(run: Generator[None, None, dict[str, Any]]) -> tuple[dict[str, Any], int]:
    """Run to the end; count the yields."""
    count = 0
    while True:
        try:
            next(run)
        except StopIteration as end:
            return end.value, count
        count += 1


def decode(*parts: str) -> dict[str, Any]:
    return finished(steps(element(*parts), Readers()))[0]


# --- what there really is


def test_the_recorded_reply_value_by_value():
    """Each table of a box office's own reply has its rows, each row all columns, each value its type."""
    body = (wsdl_corpus() / "tessitura-GetPerformanceDetail-reply.xml").read_bytes()
    root = xml.parse(body, charset=None)
    assert is_dataset(root)
    found = finished(steps(root))[0]
    assert {name: len(rows) for name, rows in found.items()} == {
        "Performance": 1,
        "Price": 1,
        "Credit": 0,
        "PriceType": 3,
        "AllPrice": 3,
        "WebContent": 6,
    }
    nothing = ("text1", "text2", "text3", "text4", "composerfn", "composermn")
    assert found["Performance"][0] == {
        **dict.fromkeys(nothing),
        "inv_no": 1230,
        "description": "Ingri Fiksdal",
        "type": "R",
        "perf_dt": "2016-02-07T15:00:00-06:00",
        "composerln": " ",
        "facility_desc": "Theater",
        "on_sale_ind": "Y",
        "performance_type": "P: Dance",
        "perf_type_id": 4,
        "seat_ind": "Y",
        "print_ind": "Y",
        "zmap_no": 13,
        "facility_no": 12,
        "prod_season_no": 1224,
        "season_no": 13,
        "season_desc": "Performance Season",
        "start_dt": "2015-06-24T10:00:00-05:00",
        "end_dt": "2016-02-07T14:00:00-06:00",
        "perf_status": 1,
        "perf_status_desc": "On Sale",
        "time_slot": 2,
        "time_slot_desc": "Matinee",
        "ga_ind": "Y",
    }
    assert list(found["Performance"][0])[:4] == ["inv_no", "description", "type", "text1"]
    assert found["Price"] == [
        {
            "perf_no": 1230,
            "pkg_no": 0,
            "zone_no": 33,
            "price_type": 44,
            "price": "30.0000",
            "base_price": "30.0000",
            "description": "Standard",
            "available": "Y",
            "avail_count": 26,
            "zone_group": -1,
            "zone_group_desc": "(none)",
        }
    ]
    kinds = ("price_type", "description", "short_desc", "category", "def_price_type", "promo_rank", "promo_max")
    assert [tuple(row[kind] for kind in kinds) for row in found["PriceType"]] == [
        (44, "Perf Full Price Web", "FPWEB", "Standard", "Y", 3, 9),
        (48, "Perf Performance Package Web", "PPWEB", "Subscription", "N", 2, 9),
        (46, "Perf Student Discount Web", "StuWeb", "Standard", "N", 1, 2),
    ]
    assert [(row["promo"], row["promo_text"], row["promo_override_default"]) for row in found["PriceType"]] == [
        ("Y", None, "N")
    ] * 3
    assert [tuple(row.values()) for row in found["AllPrice"]] == [
        (33, 44, "30.0000", "30.0000", "Standard", "Y", 26, 44, "Perf Full Price Web", 1),
        (31, 46, "10.0000", "30.0000", "Student", "Y", 6, 44, "Perf Student Discount Web", 2),
        (33, 48, "24.0000", "30.0000", "Standard", "Y", 26, 44, "Perf Performance Package Web", 1),
    ]
    about = (
        "This performance is general admission.\n<br><br>\n\n"
        '<a href="http://pngimg.com " class="learn-more" target="_blank">Learn more<br></a>'
    )
    members = (
        '<div class="bg_white"><b>Members: Not seeing your member discount price?</b> Please remember to '
        '<a href="https://example.com/account/login.aspx">login</a> first.</div>'
    )
    duck = "http://pngimg.com/upload/duck_PNG5011.png"
    assert [tuple(row.values()) for row in found["WebContent"]] == [
        (1230, 1224, "S", 13, "TN_Express_Cal_Img", duck),
        (1230, 1224, "S", 14, "TN_Express_Prod_Img", duck),
        (1230, 1224, "S", 15, "TN_Express_Prod_Short_Desc", about),
        (1230, 1224, "S", 16, "TN_Express_Prod_Synopsis", about),
        (1230, 1224, "S", 23, "TN_Express_ProdSeas_Text", about),
        (1230, 10, "T", 21, "TN_Express_Purchase_Instr", members),
    ]


@pytest.mark.unmeasured
def test_the_recorded_reply_costs_about_what_its_parse_costs():
    """With its schema known; five times are room for a busy machine."""
    body = (wsdl_corpus() / "tessitura-GetPerformanceDetail-reply.xml").read_bytes()
    root, readers = xml.parse(body, charset=None), Readers()
    finished(steps(root, readers))
    decoding = best_s(lambda: finished(steps(root, readers)), 50)
    assert decoding < 5 * best_s(lambda: xml.parse(body, charset=None), 50)


def booked() -> tuple[House, str]:
    """Return a box office in which a session has two seats ordered and two in its basket."""
    house = House(Random(1), lambda: 0.0, SEASON)
    session = house.open_session()
    house.reserve(session, SEASON[0].number, 2)
    house.checkout(session, "4111111111111111")
    house.reserve(session, SEASON[0].number, 2)
    return house, session


@pytest.mark.parametrize(
    "operation", [each for each in OPERATIONS if each.result == "DataSet"], ids=lambda each: each.name
)
@pytest.mark.parametrize("summary", ["Y", "N"])
def test_the_box_office_of_the_demo_is_understood(operation, summary):
    """Whatever its own writer writes, in an envelope or bare, comes out as the rows that were put in."""
    house, session = booked()
    given_ = arguments(operation, cSummaryOnly=summary)
    args = {
        param.name: session if "session" in param.name.lower() else int(text) if param.type == "int" else text
        for param, text in ((param, given_[param.name]) for param in operation.params)
    }
    outcome = operation.run(house, args)
    wanted = {table.name: [shown(table, row) for row in table.rows] for table in outcome.value.tables}
    assert any(wanted.values())
    for reply in (soap.read(*asked(operation, given_)), asmx.read(operation.name, urlencode(given_))):
        body = reply.render([outcome]).body
        (holder,) = filter(is_dataset, xml.parse(body, charset=None).iter())
        assert finished(steps(holder))[0] == wanted


def asked(operation: Operation, given_: dict[str, str]) -> tuple[bytes, str, list[str]]:
    asking = request("soap11", operation.name, given_)
    return asking.body, "text/xml", asking.head.all("SOAPAction")


def shown(table: Table, row: tuple[Value, ...]) -> dict[str, Any]:
    """Show a row of the demo's as JSON has it: money as text with its four digits."""
    return {
        column.name: f"{value:.4f}" if column.type == "decimal" and value is not None else value
        for column, value in zip(table.columns, row, strict=True)
    }


# --- one by one


def test_what_holds_a_diffgram_is_a_data_set():
    """Before or after its schema, or without one; an element that only holds a schema, or a diffgram deeper down, is none."""
    assert is_dataset(element(schema(SEATS), diffgram("")))
    assert is_dataset(element(diffgram(""), schema(SEATS)))
    assert is_dataset(element(diffgram("")))
    assert not is_dataset(element(schema(SEATS)))
    assert not is_dataset(element("<Inner>", diffgram(""), "</Inner>"))
    assert not is_dataset(element())


def test_absent_is_null_and_empty_is_empty():
    """DBNull is written by leaving out, whatever the column's default; nil is null too; an empty text is one."""
    found = decode(
        schema(SEATS),
        diffgram('<Seat><note/></Seat><Seat><no xsi:nil="true"/><note xml:space="preserve"> </note></Seat><Seat/>'),
    )
    assert found == {"Seat": [{**EMPTY, "note": ""}, {**EMPTY, "note": " "}, EMPTY]}
    assert list(found["Seat"][0]) == ["no", "price", "note"]


def test_tables_without_rows_are_there():
    """An empty data set has no element inside its diffgram; a list is a list however few rows there are."""
    two = schema(SEATS + SEATS.replace("Seat", "Row"))
    assert decode(two, diffgram("")) == {"Seat": [], "Row": []}
    assert decode(two) == {"Seat": [], "Row": []}
    assert list(decode(two, diffgram("<Row/><Seat/>"))) == ["Seat", "Row"]
    assert decode(diffgram("")) == {}


def test_names_are_decoded():
    """Tables, columns, attributes and hidden columns, of the schema or not."""
    odd = SEATS.replace('"Seat"', '"Seat_x0020_Plan"').replace('"no"', '"Seat_x0020_No"')
    found = decode(
        schema(odd),
        diffgram(
            '<Seat_x0020_Plan b_x0021_="x" msdata:hiddenold="y"><Seat_x0020_No>1</Seat_x0020_No><a_x002F_b>2</a_x002F_b></Seat_x0020_Plan>'
        ),
    )
    assert found == {"Seat Plan": [{"Seat No": 1, "price": None, "note": None, "b!": "x", "a/b": "2"}]}


def test_columns_by_attribute_and_by_text():
    """Attributes, hidden ones among them, and a row's own text are columns like any other."""
    table = (
        '<xs:element name="T"><xs:complexType><xs:simpleContent msdata:ColumnName="Note"><xs:extension base="xs:int">'
        '<xs:attribute name="a" type="xs:int"/><xs:attribute name="Key" type="xs:int" use="prohibited"/>'
        "</xs:extension></xs:simpleContent></xs:complexType></xs:element>"
    )
    rows = '<T diffgr:id="T1" msdata:rowOrder="0" a="1" msdata:hiddenKey="7">5</T><T diffgr:id="T2" msdata:rowOrder="1"/><T a="x">y</T>'
    assert decode(schema(table), diffgram(rows)) == {
        "T": [
            {"Note": 5, "a": 1, "Key": 7},
            {"Note": None, "a": None, "Key": None},
            {"Note": "y", "a": "x", "Key": None},
        ]
    }


def test_nested_tables_stand_in_their_parents_row():
    """A list each, empty where there is none; one that stands outside, an orphan, is read by the same schema."""
    outer = SEATS.replace("</xs:sequence>", SEATS.replace("Seat", "Hold") + "</xs:sequence>")
    found = decode(
        schema(outer),
        diffgram("<Seat><no>1</no><Hold><no>2</no></Hold><Hold/></Seat><Seat><no>3</no></Seat><Hold><no>4</no></Hold>"),
    )
    assert found == {
        "Seat": [{**EMPTY, "no": 1, "Hold": [{**EMPTY, "no": 2}, EMPTY]}, {**EMPTY, "no": 3, "Hold": []}],
        "Hold": [{**EMPTY, "no": 4}],
    }


def test_a_column_of_any_type_says_its_type_itself():
    """System.Object: each value brings xsi:type; a prefix that means something else, or none, is text; elements are an object."""
    table = (
        '<xs:element name="T"><xs:complexType><xs:sequence>'
        '<xs:element name="o" msdata:DataType="System.Object" type="xs:anyType" minOccurs="0"/>'
        "</xs:sequence></xs:complexType></xs:element>"
    )
    values = (
        '<o xsi:type="xs:int">1</o>',
        '<o xsi:type="xs:boolean">true</o>',
        '<o xsi:type="msdata:int">1</o>',
        '<o xsi:type="no:int">1</o>',
        "<o>1</o>",
        '<o xsi:nil="true"/>',
        "<o><X>1</X><Y/></o>",
        "",
    )
    found = decode(schema(table), diffgram("".join(f"<T>{value}</T>" for value in values)))
    assert [row["o"] for row in found["T"]] == [1, True, "1", "1", "1", None, {"X": "1", "Y": ""}, None]


def test_dotnet_types_beyond_the_schemas_keep_their_text():
    """A Guid, a TimeSpan and bytes are text; an SqlInt32 is the number that its type says."""
    kinds = {
        "g": ("System.Guid", "string"),
        "d": ("System.TimeSpan", "duration"),
        "b": ("System.Byte[]", "base64Binary"),
    }
    kinds["i"] = ("System.Data.SqlTypes.SqlInt32, System.Data, Version=4.0.0.0", "int")
    columns = "".join(
        f'<xs:element name="{name}" msdata:DataType="{kind}" type="xs:{type_}" minOccurs="0"/>'
        for name, (kind, type_) in kinds.items()
    )
    table = f'<xs:element name="T"><xs:complexType><xs:sequence>{columns}</xs:sequence></xs:complexType></xs:element>'
    guid = "6f9619ff-8b86-d011-b42d-00c04fc964ff"
    found = decode(schema(table), diffgram(f"<T><g>{guid}</g><d>PT1H</d><b>AAE=</b><i>4</i></T>"))
    assert found == {"T": [{"g": guid, "d": "PT1H", "b": "AAE=", "i": 4}]}


def test_what_was_changed_says_so():
    """Current rows are shown; state and former values only where there are any; a deleted row is no row."""
    rows = (
        '<Seat diffgr:id="Seat1" msdata:rowOrder="0"><no>1</no></Seat>'
        '<Seat diffgr:id="Seat2" msdata:rowOrder="1" diffgr:hasChanges="modified"><no>22</no></Seat>'
        '<Seat diffgr:id="Seat4" msdata:rowOrder="3" diffgr:hasChanges="inserted"><no>4</no></Seat>'
        '<Seat diffgr:id="Seat5" msdata:rowOrder="4" diffgr:hasChanges="descent"/>'
        '<Seat diffgr:id="Seat6" msdata:rowOrder="5" diffgr:hasChanges="Modified"/>'
    )
    before = (
        '<diffgr:before><Seat diffgr:id="Seat2" msdata:rowOrder="1" xmlns=""><no>2</no></Seat>'
        '<Seat diffgr:id="Seat3" msdata:rowOrder="2" xmlns=""><no>3</no></Seat></diffgr:before>'
    )
    found = decode(schema(SEATS), diffgram(rows, before))
    assert found == {
        "Seat": [
            {**EMPTY, "no": 1},
            {**EMPTY, "no": 22, "@state": "modified"},
            {**EMPTY, "no": 4, "@state": "inserted"},
            EMPTY,
            {**EMPTY, "@state": "modified"},
        ],
        "$before": {"Seat": [{**EMPTY, "no": 2}, {**EMPTY, "no": 3, "@state": "deleted"}]},
    }
    assert decode(schema(SEATS), diffgram("<Seat/>", "<diffgr:before/>")) == {"Seat": [EMPTY]}


def test_errors_go_to_their_rows():
    """A row's error is a text, its columns' errors one each; errors of rows that are not there are dropped."""
    rows = (
        '<Seat diffgr:id="Seat1" msdata:rowOrder="0" diffgr:hasErrors="true"><no>1</no></Seat>'
        '<Seat diffgr:id="Seat2" msdata:rowOrder="1" diffgr:hasErrors="true"/><Seat/>'
    )
    errors = (
        '<diffgr:errors><Seat diffgr:id="Seat1" diffgr:Error="Sold twice." xmlns=""/><Seat diffgr:id="Seat2" xmlns="">'
        '<Seat_x0020_No diffgr:Error="No such seat."/></Seat><Seat diffgr:id="Seat9" diffgr:Error="?" xmlns=""/></diffgr:errors>'
    )
    assert decode(schema(SEATS), diffgram(rows, errors)) == {
        "Seat": [
            {**EMPTY, "no": 1, "@error": "Sold twice."},
            {**EMPTY, "@errors": {"Seat No": "No such seat."}},
            EMPTY,
        ]
    }


def test_a_data_table_comes_like_a_data_set():
    """A DataTable has the schema of a set with a main table, and its rows stand in an element called DocumentElement."""
    found = decode(
        schema(SEATS, main='msdata:MainDataTable="Seat"'), diffgram("<Seat><no>1</no></Seat>", name="DocumentElement")
    )
    assert found == {"Seat": [{**EMPTY, "no": 1}]}


@pytest.mark.parametrize("space", ["", "urn:d", "http://vendor.example/", "urn:other"])
def test_rows_are_found_in_any_namespace(space):
    """Typed sets qualify, plain ones do not, and some writers forget to leave the reply's namespace."""
    typed = schema(SEATS, 'targetNamespace="urn:d" elementFormDefault="qualified"')
    assert decode(typed, diffgram("<Seat><no>1</no><price>2.50</price></Seat>", space=space)) == {
        "Seat": [{**EMPTY, "no": 1, "price": "2.50"}]
    }


def test_without_a_schema_everything_is_text():
    """Typed sets may leave it out: columns are what is there, elements with elements are nested tables."""
    found = decode(
        diffgram(
            '<Seat diffgr:id="Seat1" n="0"><no>1</no><Hold><by>A</by></Hold><Hold><by/></Hold></Seat><Tag>x</Tag><Tag> </Tag>'
        )
    )
    assert found == {
        "Seat": [{"n": "0", "no": "1", "Hold": [{"by": "A"}, {"by": ""}]}],
        "Tag": [{"Tag_Text": "x"}, {}],
    }


def test_a_column_that_nobody_declared_is_kept():
    """A backend adds a column before its schema knows it, and a table."""
    found = decode(schema(SEATS), diffgram("<Seat><no>1</no><new>2</new></Seat><Other><a>1</a></Other>"))
    assert found == {"Seat": [{**EMPTY, "no": 1, "new": "2"}], "Other": [{"a": "1"}]}


def test_a_column_s_name_may_be_a_nested_table_s():
    """Confused rows lose what they overwrite, and nothing else."""
    found = decode(diffgram("<T><a>1</a><a><b>2</b></a></T><T><a><b>2</b></a><a>1</a></T>"))
    assert found == {"T": [{"a": [{"b": "2"}]}, {"a": "1"}]}


def test_comments_are_no_rows_and_no_columns():
    """The parser leaves them out; a tree from elsewhere has them at every level."""
    parts = (
        schema(f"<!-- a -->{SEATS}<?b c?>"),
        diffgram("<!-- a --><Seat><!-- b --><no>1</no><?c d?></Seat>", "<!-- e -->"),
    )
    root = etree.fromstring(f"<R {SPACES}><!-- f -->{''.join(parts)}</R>")
    assert finished(steps(root, Readers()))[0] == {"Seat": [{**EMPTY, "no": 1}]}


def test_a_known_column_in_a_strange_namespace_is_known():
    """Elements and attributes alike."""
    found = decode(
        schema(SEATS), diffgram('<Seat xmlns:o="urn:o" o:by="A"><o:no>1</o:no><o:price xsi:nil="1"/></Seat>')
    )
    assert found == {"Seat": [{**EMPTY, "no": 1, "by": "A"}]}


def test_very_deep_rows_end_as_text():
    """The parser refuses more than 64; a tree from elsewhere does not exhaust the stack."""
    deep = etree.fromstring(f"<R {SPACES}><diffgr:diffgram>{'<a>' * 250}{'</a>' * 250}</diffgr:diffgram></R>")
    assert json.dumps(finished(steps(deep))[0]).count('"a"') == 65  # the last one is text


# --- in turns, and within bounds


@pytest.mark.parametrize(
    "rows",
    [
        "<Seat><no>1</no><price>1</price><note/></Seat>" * 2_000,
        "<Seat/>" * 6_000,
        f"<Seat>{'<no>1</no>' * 6_000}</Seat>",
        f"<Seat>{'<x>1</x>' * 6_000}</Seat>",
        f"<Seat>{'<x><y/></x>' * 3_000}</Seat>",
        "<Other><a>1</a><b>1</b></Other>" * 2_000,
    ],
    ids=["rows", "empty", "wide", "unknown", "nested", "unknown rows"],
)
def test_nobody_waits_for_more_than_a_thousand_cells(rows):
    """However the 6 000 elements stand in one another, there are turns for others between."""
    assert finished(steps(element(schema(SEATS), diffgram(rows))))[1] >= 5


def test_nulls_have_a_bound():
    """A small reply of many rows with many columns would grow a thousandfold: rows past the bound lack their nulls."""
    wide = "".join(f'<xs:element name="c{at}" type="xs:int"/>' for at in range(2_000))
    table = f'<xs:element name="T"><xs:complexType><xs:sequence>{wide}</xs:sequence></xs:complexType></xs:element>'
    rows = finished(steps(element(schema(table), diffgram("<T><c1>1</c1></T>" * 1_500)), Readers()))[0]["T"]
    assert (len(rows[0]), rows[0]["c1"]) == (2_000, 1)
    assert rows[-1] == {"c1": 1}
    assert sum(map(len, rows)) <= 2_000_000 + 500


def test_a_schema_is_read_once():
    """The same schema in another reply is known by its bytes; another one is read, however alike."""
    readers = Readers()
    for rows in ("<Seat/>", "<Seat><no>1</no></Seat>"):
        finished(steps(element(schema(SEATS), diffgram(rows)), readers))
    assert len(readers) == 1
    other = finished(
        steps(element(schema(SEATS.replace('"xs:int"', '"xs:long"')), diffgram("<Seat><no>1</no></Seat>")), readers)
    )
    assert (len(readers), other[0]["Seat"][0]["no"]) == (2, "1")


def test_the_same_text_under_another_prefix_is_another_schema():
    """What a prefix means is part of the schema, even where it is declared outside."""
    readers = Readers()
    table = SEATS.replace('"xs:int"', '"p:int"')
    inner = '<Seat xmlns=""><no>1</no></Seat>'
    for space, value in ((XS, 1), ("urn:p", "1")):
        found = finished(
            steps(
                element(f'<In xmlns:p="{space}">{schema(table)}<diffgr:diffgram><D>{inner}</D></diffgr:diffgram></In>')[
                    0
                ],
                readers,
            )
        )
        assert found[0] == {"Seat": [{**EMPTY, "no": value}]}


def test_the_longest_unused_schema_goes_first():
    """By number and by size; a schema that is larger than all may be is not kept."""
    few, small = Readers(most=2), Readers(size_max_bytes=2_000)
    kinds = [element(schema(SEATS.replace("Seat", name)), diffgram("")) for name in ("A", "B", "C")]
    for kind in (kinds[0], kinds[1], kinds[0], kinds[2]):
        finished(few.tables([kind[0]]))
        finished(small.tables([kind[0]]))
    assert (len(few), len(small)) == (2, 2)
    known = finished(few.tables([kinds[0][0]]))[0]
    assert known is finished(few.tables([kinds[0][0]]))[0]
    nothing = Readers(size_max_bytes=100)
    assert finished(nothing.tables([kinds[0][0]]))[0].top == ("A",)
    assert len(nothing) == 0


def test_two_replies_may_read_one_schema_at_once():
    """Both wait in turns for the same schema; it is kept once, and counted once."""
    columns = "".join(f'<xs:element name="c{at}" type="xs:int"/>' for at in range(400))
    both = element(schema(SEATS.replace("<xs:sequence>", f"<xs:sequence>{columns}")), diffgram("<Seat/>"))
    readers = Readers()
    first = steps(both, readers)
    next(first)
    assert finished(steps(both, readers))[0] == finished(first)[0]
    assert len(readers) == 1


def test_a_schema_too_large_to_hash_is_read_anew():
    """It is understood all the same."""
    columns = "".join(f'<xs:element name="c{at}" type="xs:int"/>' for at in range(3_500))
    readers = Readers()
    found = finished(
        steps(
            element(
                schema(SEATS.replace("<xs:sequence>", f"<xs:sequence>{columns}")), diffgram("<Seat><c7>1</c7></Seat>")
            ),
            readers,
        )
    )
    assert found[0]["Seat"][0]["c7"] == 1
    assert len(readers) == 0


# --- generated

NAMES = st.text("abcÄ _.1🎭$@/", min_size=1, max_size=6)
TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff"), max_size=12
)
KINDS: dict[str, st.SearchStrategy[Any]] = {
    "int": st.integers(-(2**31), 2**31 - 1),
    "unsignedByte": st.integers(0, 255),
    "boolean": st.booleans(),
    "double": st.floats(allow_nan=False, allow_infinity=False),
    "string": TEXT,
    "decimal": st.decimals(allow_nan=False, allow_infinity=False, places=4).map(lambda number: f"{number:f}"),
    "long": st.integers(-(2**63), 2**63 - 1).map(str),
    "dateTime": st.datetimes().map(lambda moment: moment.isoformat()),
}


def encoded(name: str) -> str:
    """Write a name as XmlConvert.EncodeLocalName does, more eagerly."""
    return "".join(
        sign if sign in "abcÄ" else f"_x{ord(sign):04X}_" if ord(sign) < 0x10000 else f"_x{ord(sign):08X}_"
        for sign in name
    )


@st.composite
def models(draw: st.DrawFn) -> dict[str, tuple[dict[str, tuple[str, str]], list[dict[str, Any]]]]:
    """Draw tables: their columns with type and mapping, and their rows."""
    model = {}
    for table in draw(st.lists(NAMES, max_size=3, unique=True)):
        names = draw(st.lists(NAMES, max_size=5, unique=True))
        columns = {
            name: (draw(st.sampled_from(sorted(KINDS))), draw(st.sampled_from(["element", "attribute", "hidden"])))
            for name in names
        }
        row = st.fixed_dictionaries({name: st.none() | KINDS[kind] for name, (kind, _) in columns.items()})
        model[table] = (columns, draw(st.lists(row, max_size=4)))
    return model


def lexical_(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value) if isinstance(value, float) else str(value)


def written(model: dict[str, tuple[dict[str, tuple[str, str]], list[dict[str, Any]]]]) -> tuple[str, str]:
    """Write a model as .NET would."""
    tables, out = "", ""
    for table, (columns, rows) in model.items():
        elements, attributes = "", ""
        for name, (kind, mapping) in columns.items():
            if mapping == "element":
                elements += f'<xs:element name="{encoded(name)}" type="xs:{kind}" minOccurs="0"/>'
            else:
                attributes += f'<xs:attribute name="{encoded(name)}" type="xs:{kind}"/>'
        content = f"<xs:sequence>{elements}</xs:sequence>{attributes}"
        tables += f'<xs:element name="{encoded(table)}"><xs:complexType>{content}</xs:complexType></xs:element>'
        for at, row in enumerate(rows):
            cells, marks = "", f'diffgr:id="{encoded(table)}{at + 1}" msdata:rowOrder="{at}"'
            for name, value in row.items():
                mapping = columns[name][1]
                if value is None:
                    continue
                if mapping == "element":
                    cells += f"<{encoded(name)}>{escape(lexical_(value))}</{encoded(name)}>"
                else:
                    prefix = "" if mapping == "attribute" else "msdata:hidden"
                    marks += f" {prefix}{encoded(name)}={quoteattr(lexical_(value))}"
            out += f"<{encoded(table)} {marks}>{cells}</{encoded(table)}>"
    return schema(tables), diffgram(out)


@given(models())
def test_generated_data_sets_come_back(model):
    """Any tables, names, types, nulls: what is decoded is what was written, and JSON can carry it."""
    found = decode(*written(model))
    assert found == {table: rows for table, (_, rows) in model.items()}
    assert json.loads(json.dumps(found)) == found


TAGS = st.sampled_from(
    [
        "Seat",
        "no",
        "note",
        "D",
        "x",
        "xs:schema",
        "xs:element",
        "xs:complexType",
        "xs:sequence",
        "diffgr:before",
        "diffgr:errors",
    ]
)
MARKS = st.sampled_from(
    [
        "",
        ' name="Seat"',
        ' type="xs:int"',
        ' ref="Seat"',
        ' base="Seat"',
        ' diffgr:id="1"',
        ' diffgr:hasErrors="true"',
        ' xsi:nil="true"',
        ' diffgr:hasChanges="modified"',
        ' maxOccurs="unbounded"',
        ' msdata:IsDataSet="true"',
        ' xsi:type="xs:int"',
        ' xsi:type=":"',
    ]
)
TREES: st.SearchStrategy[str] = st.recursive(
    TEXT.map(escape),
    lambda inner: st.builds(
        lambda tag, mark, within: f"<{tag}{mark}>{''.join(within)}</{tag}>", TAGS, MARKS, st.lists(inner, max_size=4)
    ),
    max_leaves=30,
)


@given(TREES, TREES, TREES)
def test_nothing_raises(tables, rows, rest):
    """Schemas and rows that make no sense give an object that JSON can carry."""
    found = decode(
        schema(tables),
        f"<xs:schema>{tables}</xs:schema>",
        diffgram(f"<Seat>{rows}</Seat>{tables}", f"<diffgr:before>{rest}</diffgr:before>{rest}"),
    )
    assert isinstance(json.dumps(found), str)
