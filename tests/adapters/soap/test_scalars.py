"""Simple values go from XML to JSON and back without loss: numbers where a double holds them, lexical strings else, and never an error."""

import math
from decimal import Decimal

import pytest
import zeep.xsd.types.builtins as zeeps
from hypothesis import given
from hypothesis import strategies as st

from adapters.soap.lexical import INTEGERS, WRITERS
from adapters.soap.scalars import ITEMS, Invalid, from_query, reader, schema, writer
from adapters.soap.types import Scalar
from tests.support.timing import best_s

D = Decimal
BASES = sorted({*WRITERS, *INTEGERS})
INTS = Scalar("anySimpleType", items=Scalar("int"))
WORDS = Scalar("anySimpleType", items=Scalar("NMTOKEN"), min_length=1)
UNION = Scalar("anySimpleType", members=(Scalar("int"), Scalar("boolean"), Scalar("token", enum=("none", "many"))))

READ = {
    "int": ("int", {"5": 5, "+5": 5, " -7\n": -7, "007": 7, "": None, " ": None, "5.0": "5.0", "x": "x", "1_0": "1_0"}),
    "int's range": ("int", {"2147483647": 2147483647, "2147483648": "2147483648", "9" * 5000: "9" * 5000}),
    "int of another script": ("int", {"\u0665": "\u0665"}),
    "byte": ("byte", {"-128": -128, "128": "128"}),
    "unsignedInt": ("unsignedInt", {"4294967295": 4294967295, "-1": "-1"}),
    "long": ("long", {"9223372036854775807": "9223372036854775807", " 5 ": "5", "": None, "x": "x"}),
    "integer": ("integer", {"12345678901234567890123": "12345678901234567890123"}),
    "decimal": ("decimal", {"12.50": "12.50", "\n1\t": "1", "": None, "n/a": "n/a"}),
    "double": ("double", {"5": 5.0, "5.0": 5.0, "1e3": 1000.0, " .5 ": 0.5, "": None, "x": "x", "1_0": "1_0"}),
    "double's ends": ("double", {"INF": "INF", "-INF": "-INF", " NaN ": "NaN", "nan": "nan", "1e400": "1e400"}),
    "boolean": ("boolean", {"true": True, "1": True, " false ": False, "0": False, "": None, "True": "True", "2": "2"}),
    "dateTime": ("dateTime", {"2024-02-29T19:30:00": "2024-02-29T19:30:00", " 2024 ": "2024", "": None}),
    "string": ("string", {" a\n b ": " a\n b ", "": "", "5": "5"}),
    "normalizedString": ("normalizedString", {" a\n\tb ": " a  b ", "": ""}),
    "token": ("token", {" a\n\t b ": "a b", "": "", " é \r é": "é é", "a\xa0 b": "a\xa0 b"}),
    "base64Binary": ("base64Binary", {"QUJD\n QUJD\r\n": "QUJDQUJD", "": "", "?": "?"}),
    "hexBinary": ("hexBinary", {" 0FB7 ": "0FB7"}),
    "NMTOKEN": ("NMTOKEN", {" a ": "a"}),
    "QName": ("QName", {" x:a ": "x:a"}),
    "anySimpleType": ("anySimpleType", {" 5 ": " 5 "}),
    "what is no type": ("unheardOf", {" 5 ": "5"}),
}


@pytest.mark.parametrize(("base", "texts"), READ.values(), ids=READ)
def test_text_is_read_as_its_type_says(base, texts):
    """What is not of the type comes through as it is, what is empty is null where emptiness is no value."""
    read = reader(Scalar(base)) or str
    assert {text: read(text) for text in texts} == texts
    assert {text: repr(read(text)) for text in texts} == {text: repr(value) for text, value in texts.items()}


def test_what_is_a_string_anyway_needs_no_reading():
    """The decoder spares itself a call."""
    assert reader(Scalar("string")) is None
    assert reader(Scalar("anySimpleType")) is None


def test_a_list_is_an_array():
    """Of items read one by one; empty text is an empty one, and what has more than the bound stays text."""
    read = reader(INTS)
    assert read(" 1\n2 x ") == [1, 2, "x"]
    assert read("") == []
    assert reader(WORDS)("a b") == ["a", "b"]
    long = "1 " * (ITEMS + 1)
    assert read(long) == long
    assert read(long[2:]) == [1] * ITEMS


def test_a_union_is_its_first_type_that_fits():
    """In the order that the schema names them (XSD 1.0 part 2 section 2.5.1.3)."""
    read = reader(UNION)
    assert [read(each) for each in ("5", "1", "true", "many", "several", "")] == [5, 1, True, "many", "several", ""]
    write = writer(UNION)
    assert [write(each) for each in (5, True, "many")] == ["5", "true", "many"]
    with pytest.raises(Invalid, match=r"an integer from .*, or must be true or false, or must be one of: none, many"):
        write("several")


WRITTEN = {
    "restricted int": (Scalar("int", minimum=D(1), maximum=D(9)), 5, "5"),
    "restricted long": (Scalar("long", maximum=D(9)), "9", "9"),
    "integral fraction": (Scalar("int"), 5.0, "5"),
    "restricted decimal": (Scalar("decimal", minimum=D(0), fraction_digits=2), "12.50", "12.50"),
    "enumerated": (Scalar("string", enum=("A", "B")), "B", "B"),
    "list": (INTS, [1, 2], "1 2"),
    "empty list": (INTS, [], ""),
    "string to escape": (Scalar("string"), "<a & b>]]>", "<a & b>]]>"),
    "base 64 in lines": (Scalar("base64Binary", length=3), "QU\nJD", "QUJD"),
    "what is no type": (Scalar("unheardOf"), "x", "x"),
}
REFUSED = {
    "below": (Scalar("int", minimum=D(1), maximum=D(9)), 0, "range", "must be an integer from 1 to 9"),
    "a string for a restricted int": (
        Scalar("int", minimum=D(1), maximum=D(9)),
        "5",
        "type",
        "must be an integer from 1 to 9, write it",
    ),
    "above, as a string": (
        Scalar("long", maximum=D(9)),
        "10",
        "range",
        "must be an integer from -9223372036854775808 to 9",
    ),
    "below zero": (Scalar("decimal", minimum=D(0), fraction_digits=2), "-1", "range", "must be at least 0"),
    "too fine": (Scalar("decimal", minimum=D(0), fraction_digits=2), "1.255", "range", "2 behind the point"),
    "not enumerated": (
        Scalar("string", enum=("Adult", "Child")),
        "adult",
        "enum",
        "must be one of: Adult, Child, did you mean 'Adult'?",
    ),
    "enumerated, no string": (Scalar("string", enum=("1",)), 1, "type", "must be a string, write it in quotes"),
    "no list": (INTS, "1 2", "type", "must be an array"),
    "an item": (INTS, [1, "2"], "type", "number 1 must be an integer"),
    "an item with white space": (WORDS, ["a b"], "pattern", "number 0 must be a token"),
    "an item of two": (Scalar("anySimpleType", items=Scalar("string")), ["a", "b c"], "characters", "unlike number 1"),
    "an empty item": (Scalar("anySimpleType", items=Scalar("string")), [""], "characters", "unlike number 0"),
    "too few": (WORDS, [], "length", "must have at least 1 items"),
    "too many": (INTS, [1] * (ITEMS + 1), "length", f"must have at most {ITEMS} items"),
    "octets": (Scalar("base64Binary", length=2), "QUJD", "length", "must have exactly 2 octets"),
    "control character": (Scalar("token", max_length=9), "a\x00", "characters", "control characters"),
}


@pytest.mark.parametrize(("scalar", "value", "text"), WRITTEN.values(), ids=WRITTEN)
def test_a_value_that_is_right_is_written(scalar, value, text):
    """As text that is not escaped: whoever makes XML of it knows where it stands."""
    assert writer(scalar)(value) == text


@pytest.mark.parametrize(("scalar", "value", "code", "told"), REFUSED.values(), ids=REFUSED)
def test_a_value_that_is_wrong_is_refused(scalar, value, code, told):
    """With a word for programs and a sentence for people."""
    with pytest.raises(Invalid) as refused:
        writer(scalar)(value)
    assert refused.value.code == code
    assert told in refused.value.text


@pytest.mark.parametrize(
    ("scalar", "text", "value"),
    [
        (Scalar("int"), "5", 5),
        (Scalar("int"), " 5 ", 5),
        (Scalar("int"), "five", "five"),
        (Scalar("int"), "5.0", "5.0"),
        (Scalar("int"), "9" * 2000, "9" * 2000),
        (Scalar("long"), "5", "5"),
        (Scalar("double"), "1.5", 1.5),
        (Scalar("double"), "1e400", "1e400"),
        (Scalar("double"), "INF", "INF"),
        (Scalar("boolean"), "true", True),
        (Scalar("boolean"), "0", False),
        (Scalar("boolean"), "yes", "yes"),
        (Scalar("string"), "5", "5"),
        (Scalar("decimal"), "5", "5"),
        (INTS, "1 2 x", [1, 2, "x"]),
        (UNION, "5", 5),
        (UNION, "true", True),
        (UNION, "else", "else"),
    ],
)
def test_a_text_of_a_query_is_the_value_it_spells(scalar, text, value):
    """Where it spells none it stays as it is, and the writer says what is wrong with it."""
    found = from_query(scalar, text)
    assert repr(found) == repr(value)


SCHEMAS = {
    "int": (
        Scalar("int", minimum=D(1)),
        {"type": "integer", "minimum": 1, "maximum": 2147483647, "x-xsd-type": "xs:int"},
    ),
    "long": (
        Scalar("long"),
        {
            "type": "string",
            "x-minimum": "-9223372036854775808",
            "x-maximum": "9223372036854775807",
            "pattern": r"^[+\-]?[0-9]+$",
            "x-xsd-type": "xs:long",
        },
    ),
    "decimal": (
        Scalar("decimal", above=D("1E+2")),
        {
            "type": "string",
            "x-exclusiveMinimum": "100",
            "pattern": r"^[+\-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)$",
            "x-xsd-type": "xs:decimal",
        },
    ),
    "double": (
        Scalar("double", maximum=D(2)),
        {"anyOf": [{"type": "number", "maximum": 2.0}, {"enum": ["INF", "-INF", "NaN"]}], "x-xsd-type": "xs:double"},
    ),
    "boolean": (Scalar("boolean"), {"type": "boolean", "x-xsd-type": "xs:boolean"}),
    "string": (
        Scalar("string", min_length=1, max_length=9, patterns=(("[A-Z]+",),), text="A code."),
        {
            "type": "string",
            "minLength": 1,
            "maxLength": 9,
            "pattern": "^[A-Z]+$",
            "x-xsd-type": "xs:string",
            "description": "A code.",
        },
    ),
    "two steps": (
        Scalar("string", patterns=(("a", "b"), (".",))),
        {"type": "string", "allOf": [{"pattern": "^a$|^b$"}, {"pattern": r"^[^\n\r]$"}], "x-xsd-type": "xs:string"},
    ),
    "a pattern of Unicode": (Scalar("token", patterns=((r"\w", "a"),)), {"type": "string", "x-xsd-type": "xs:token"}),
    "enumeration": (
        Scalar("string", enum=("A", "B")),
        {"type": "string", "enum": ["A", "B"], "x-xsd-type": "xs:string"},
    ),
    "numbers": (Scalar("short", enum=("1", "02")), {"type": "integer", "enum": [1, 2], "x-xsd-type": "xs:short"}),
    "date": (Scalar("date"), {"type": "string", "x-xsd-type": "xs:date"}),
    "octets": (
        Scalar("base64Binary", max_length=9),
        {"type": "string", "contentEncoding": "base64", "x-xsd-type": "xs:base64Binary"},
    ),
    "list": (
        WORDS,
        {
            "type": "array",
            "items": {"type": "string", "x-xsd-type": "xs:NMTOKEN"},
            "minItems": 1,
            "x-xsd-type": "xs:anySimpleType",
        },
    ),
    "union": (
        Scalar("anySimpleType", members=(Scalar("boolean"), Scalar("date"))),
        {
            "anyOf": [{"type": "boolean", "x-xsd-type": "xs:boolean"}, {"type": "string", "x-xsd-type": "xs:date"}],
            "x-xsd-type": "xs:anySimpleType",
        },
    ),
}


@pytest.mark.parametrize(("scalar", "shown"), SCHEMAS.values(), ids=SCHEMAS)
def test_a_type_is_described_as_json_has_it(scalar, shown):
    """What JSON Schema cannot say of a string has a name with x-."""
    assert schema(scalar) == shown


VALUES = {
    **{name: st.integers(low, high) for name, (low, high) in INTEGERS.items() if low is not None and high is not None},
    "double": st.floats(),
    "float": st.floats(width=32),
    "boolean": st.booleans(),
    "decimal": st.decimals(allow_nan=False, allow_infinity=False).map(lambda each: format(each, "f")),
    "dateTime": st.datetimes().map(lambda each: each.isoformat()),
    "date": st.dates().map(lambda each: each.isoformat()),
    "time": st.times().map(lambda each: each.isoformat()),
    "string": st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"])),
    "hexBinary": st.binary().map(lambda each: each.hex()),
}


@pytest.mark.parametrize("base", VALUES)
@given(st.data())
def test_what_was_written_reads_the_same(base, data):
    """Every value of a type, in the form that JSON has of it."""
    value = data.draw(VALUES[base])
    if isinstance(value, float) and not math.isfinite(value):
        value = "NaN" if math.isnan(value) else "INF" if value > 0 else "-INF"
    text = writer(Scalar(base))(value)
    found = (reader(Scalar(base)) or str)(text)
    assert repr(found) == repr(value if isinstance(found, type(value)) else str(value))


@given(st.sampled_from(BASES), st.text() | st.text("0123456789+-.eEINFaNtrue \n:TZ", max_size=25))
def test_whatever_stands_in_a_reply_is_read(base, text):
    """Without an error; what comes is the text or a value that its type can write again."""
    read = reader(Scalar(base))
    value = text if read is None else read(text)
    if not isinstance(value, str) and value is not None:
        assert (reader(Scalar(base)) or str)(writer(Scalar(base))(value)) == value


@given(st.sampled_from(BASES), st.text(max_size=30))
def test_whatever_stands_in_a_query_is_a_value(base, text):
    """The writer takes it or refuses it, and nothing else happens."""
    assert code(writer(Scalar(base)), from_query(Scalar(base), text)) in {
        None,
        "type",
        "range",
        "pattern",
        "characters",
    }


ZEEPS = {
    "int": (zeeps.Int, st.integers(-(2**31), 2**31 - 1).map(str), int),
    "unsignedByte": (zeeps.UnsignedByte, st.integers(0, 255).map("{:03}".format), int),
    "boolean": (zeeps.Boolean, st.sampled_from(["true", "false", "1", "0"]), bool),
    "double": (zeeps.Double, st.floats(allow_nan=False, allow_infinity=False).map(repr), float),
    "decimal": (
        zeeps.Decimal,
        st.decimals(allow_nan=False, allow_infinity=False).map(lambda each: format(each, "f")),
        D,
    ),
    "long": (zeeps.Long, st.integers(-(2**63), 2**63 - 1).map(str), int),
}


@pytest.mark.parametrize("base", ZEEPS)
@given(st.data())
def test_zeep_reads_the_same_values(base, data):
    """Of what is well formed."""
    kind, texts, plain = ZEEPS[base]
    text = data.draw(texts)
    assert plain(reader(Scalar(base))(text)) == kind().pythonvalue(text)


@pytest.mark.unmeasured
@pytest.mark.parametrize("base", BASES)
def test_a_megabyte_holds_the_loop_for_milliseconds(base):
    """Whatever the type and whatever the text: a caller chooses both."""
    read, write = reader(Scalar(base)) or str, writer(Scalar(base))
    for unit in ("a b ", "1", " ", "é\n", "QUJD", "-"):
        text = unit * (2**20 // len(unit.encode()))
        assert best_s(lambda text=text: code(write, text), 3) < 0.01
        assert best_s(lambda text=text: read(text), 3) < 0.01


def code(write, value):
    try:
        write(value)
    except Invalid as error:
        return error.code
    return None
