"""Each built-in type takes the texts that XSD 1.0 part 2 section 3 gives it, and no others; a validator agrees case by case."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from adapters.soap import lexical
from adapters.soap.lexical import INTEGERS, LONG, WRITERS, Invalid, is_ncname, is_text, words

FORMS = {  # section: type, valid, invalid
    "3.2.3 decimal": (
        "decimal",
        ["0", "-1.23", "12678967.543233", "+100000.00", "210", ".5", "5.", "-.5", "007", "1" * 40],
        ["", ".", "1e3", "1,5", "1 2", "INF", "NaN", "0x1", "--1", "1.2.3", "\u0661", "1_0"],
    ),
    "3.2.6 duration": (
        "duration",
        ["P1Y2M3DT10H30M", "-P120D", "P1347Y", "P1347M", "P1Y2MT2H", "P0Y1347M", "P0Y1347M0D", "-P1347M", "PT1.5S"],
        ["P-1347M", "P1Y2MT", "P", "PT", "1Y", "P1S", "PT1D", "P1.5D", "P1M1Y", ""],
    ),
    "3.2.7 dateTime": (
        "dateTime",
        [
            *("2002-10-10T12:00:00-05:00", "2002-10-10T17:00:00Z", "2000-01-20T12:00:00", "2000-01-20T12:00:00.000123"),
            *("2000-03-04T24:00:00", "-0044-03-15T00:00:00", "12004-02-29T23:59:59+14:00", "2004-02-29T00:00:00"),
        ],
        [
            *("2000-01-20", "2000-01-20T12:00", "2000-01-20 12:00:00", "2000-01-20T24:00:01", "2000-01-20T12:60:00"),
            *("2000-1-20T12:00:00", "2000-01-20T12:00:00+14:01", "2000-01-20T12:00:00+15:00", "2000-02-30T00:00:00"),
            *("0000-01-20T12:00:00", "02000-01-20T12:00:00", "2000-13-01T00:00:00", "2000-01-20T12:00:00z", "junk", ""),
            *("1900-02-29T00:00:00", "2000-01-20T12:00:00.", "+2000-01-20T12:00:00", "20000120T12:00:00"),
        ],
    ),
    "3.2.8 time": (
        "time",
        ["13:20:00", "13:20:00-05:00", "00:00:00.5Z", "24:00:00"],
        ["13:20", "1:20:00", "25:00:00", "24:00:01", "13:20:60", ""],
    ),
    "3.2.9 date": (
        "date",
        ["2002-10-10", "2002-10-10+13:00", "2002-10-10Z", "2000-02-29", "-0001-01-01", "99999-12-31"],
        ["2002-02-29", "2002-04-31", "2002-10-10T00:00:00", "10-10-2002", "2002-10-00", "0000-10-10", "2002-10-32", ""],
    ),
    "3.2.10 gYearMonth": ("gYearMonth", ["1999-05", "1999-05Z"], ["1999-13", "1999-5", "1999", "0000-01"]),
    "3.2.11 gYear": ("gYear", ["1999", "-0045", "12000", "1999-05:00"], ["99", "0000", "01999", ""]),
    "3.2.12 gMonthDay": ("gMonthDay", ["--02-29", "--12-31Z"], ["--02-30", "--04-31", "--13-01", "02-29"]),
    "3.2.13 gDay": ("gDay", ["---01", "---31Z"], ["---32", "---00", "31"]),
    "3.2.14 gMonth": ("gMonth", ["--05", "--12Z"], ["--13", "-05", "5"]),
    "3.2.15 hexBinary": ("hexBinary", ["0FB7", "0fb7", ""], ["0FB", "0G", "0x0F"]),
    "3.2.16 base64Binary": (
        "base64Binary",
        ["", "QQ==", "QUI=", "QUJD", "QUJD\nQUJD", "Q U J D", "+/+/"],
        ["QQ", "QQ=", "Q", "QUJD=", "QUJD====", "Q===", "QQ==QQ==", "-_-_", "é"],
    ),
    "3.3.3 language": ("language", ["en", "nl-BE", "zh-Hant-TW"], ["", "en-languages", "en_GB", "-", "e1"]),
    "3.3.4 NMTOKEN": ("NMTOKEN", ["a", "1a:b.c-d_e", "-1"], ["", "a b", "a,b"]),
    "3.3.6 Name": ("Name", ["a", "a:b", ":", "_a1", "é"], ["", "1a", "-a", "a b"]),
    "3.3.7 NCName": ("NCName", ["a", "_a-1.b"], ["", "a:b", "1a", "a b"]),
}
INTEGER_ENDS = [(name, low, high) for name, (low, high) in INTEGERS.items()]


@pytest.mark.parametrize(("name", "valid", "invalid"), FORMS.values(), ids=FORMS)
def test_each_type_takes_its_forms_alone(name, valid, invalid):
    """The examples of the standard, and the mistakes that it names."""
    write = WRITERS[name]
    assert [write(each).replace(" ", "") for each in valid] == [
        each.replace(" ", "").replace("\n", "") for each in valid
    ]
    assert [each for each in invalid if accepts(write, each)] == []


NOT_ALIKE = {  # what libxml2 says otherwise, and why that is not what we say
    "0000-01-20T12:00:00": "libxml2 takes the year 0 of XSD 1.1",
    "-_-_": "libxml2 passes over what is not of the alphabet (RFC 2045 section 6.8)",
    "é": "as above",
    "0000-10-10": "the year 0",
    "0000-01": "the year 0",
    "0000": "the year 0",
    "12004-02-29T23:59:59+14:00": "libxml2 2.12 and later agree, earlier ones do not",
    "2000-01-20T12:00:00z": "libxml2 takes the small letter",
}


@pytest.mark.parametrize(("name", "valid", "invalid"), FORMS.values(), ids=FORMS)
def test_a_validator_agrees(name, valid, invalid):
    """lxml's, libxml2; where it does not, the difference and its reason stand above."""
    schema = etree.XMLSchema(
        etree.XML(
            f'<s:schema xmlns:s="http://www.w3.org/2001/XMLSchema"><s:element name="x" type="s:{name}"/></s:schema>'
        )
    )

    def is_valid(text):
        element = etree.Element("x")
        element.text = text
        return schema.validate(element)

    assert [each for each in valid if not is_valid(each) and each not in NOT_ALIKE] == []
    assert [each for each in invalid if is_valid(each) and each not in NOT_ALIKE] == []


@pytest.mark.parametrize(("name", "low", "high"), INTEGER_ENDS, ids=INTEGERS)
def test_an_integer_has_the_bounds_of_its_type(name, low, high):
    """Section 3.3.13 to 3.3.25: the ends are in, what is next to them is out; a string is taken where a double is too narrow."""
    write = lexical.small_writer(low, high) if name in lexical.SMALL else lexical.integer_writer(low, high)
    for end, beyond in ((low, -1), (high, 1)):
        near = end if end is not None else beyond * 10**30
        assert write(near) == str(near)
        if end is not None:
            assert code(write, end + beyond) == "range"
        if name not in lexical.SMALL:
            assert write(f" {near}\n") == str(near)
            assert end is None or code(write, str(end + beyond)) == "range"
    assert [
        each
        for each in (True, None, "x", "", "1.0", "1e3", 1.5, [], {}, "1_0", "\u0661")
        if code(write, each) != "type"
    ] == []


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("int", "5", "must be an integer from -2147483648 to 2147483647, write it without quotes"),
        ("int", "five", "must be an integer from -2147483648 to 2147483647"),
        ("nonNegativeInteger", -1, "must be an integer, 0 or more"),
        ("negativeInteger", 0, "must be an integer, -1 or less"),
        ("integer", 1e22, "must be an integer, write one so large in quotes"),
        (
            "decimal",
            1e22,
            "must be a decimal number, such as 12.50, write one so large or so small in quotes and without exponent",
        ),
        ("double", "1.5", 'must be a number, or one of the strings "INF", "-INF", "NaN", write it without quotes'),
        ("float", 1e39, "must be a number of a float's range, 3.4e+38 at most"),
        ("boolean", "true", "must be true or false, write it without quotes"),
        ("boolean", 1, "must be true or false"),
        ("string", 5, "must be a string, write it in quotes"),
        ("string", None, "must be a string"),
        ("date", "2023-02-29", "must be a date of the calendar, such as 2024-02-29"),
    ],
)
def test_what_is_refused_is_told_with_its_remedy(name, value, told):
    """The text follows the place: "/seats must be …"."""
    write = WRITERS.get(name) or (
        lexical.small_writer(*INTEGERS[name]) if name in lexical.SMALL else lexical.integer_writer(*INTEGERS[name])
    )
    with pytest.raises(Invalid) as refused:
        write(value)
    assert refused.value.text == str(refused.value) == told


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("integer", 5, "5"),
        ("long", 5.0, "5"),
        ("decimal", 12.5, "12.5"),
        ("decimal", 10**30, "1" + "0" * 30),
        ("double", 1, "1"),
        ("double", 5.0, "5.0"),
        ("double", 1e300, "1e+300"),
        ("double", "INF", "INF"),
        ("float", "NaN", "NaN"),
        ("boolean", True, "true"),
        ("boolean", False, "false"),
        ("anySimpleType", True, "true"),
        ("anySimpleType", 5, "5"),
        ("anySimpleType", 0.5, "0.5"),
        ("anySimpleType", "x", "x"),
        ("QName", "{urn:a}b", "{urn:a}b"),
        ("QName", "b", "b"),
    ],
)
def test_json_values_have_one_text(name, value, text):
    """Numbers are taken for decimals and wide integers where nothing is lost."""
    write = WRITERS.get(name) or lexical.integer_writer(*INTEGERS[name])
    assert write(value) == text


@pytest.mark.parametrize("value", ["a:b", "{urn:a}", "{urn:a}b:c", "", "{a{b}c", "{urn:a b", 5])
def test_a_qualified_name_has_no_prefix(value):
    """What a prefix stands for is the document's business, and the caller has no document."""
    assert code(lexical.qname, value) in ("pattern", "type")


@pytest.mark.parametrize("length", [0, LONG], ids=["short", "long"])
def test_what_xml_cannot_hold_is_no_text(length):
    """XML 1.0 section 2.2, whichever way it is looked for."""
    good, more = "\t\n\r \x7f\x85\xa0é\ud7ff\ue000\ufffd\U0010ffff", "x" * length
    assert is_text(more + good)
    for bad in "\x00\x08\x0b\x0c\x0e\x1f\ud800\udfff\ufffe\uffff":
        assert not is_text(more + bad)
        assert code(WRITERS["string"], bad + more) == "characters"


def test_the_items_of_a_list_stand_between_xml_white_space():
    """A no-break space is none."""
    assert words(" a\tb\n c ") == ["a", "b", "c"]
    assert words("é\xa0b  c") == ["é\xa0b", "c"]
    assert words("") == words(" ") == words("\u3000".strip()) == []
    assert words("a b c d", 2) == ["a", "b", "c d"]


def test_a_number_that_python_does_not_write_is_out_of_range():
    """An integer of more than 4300 digits takes the square of its length."""
    for name in ("decimal", "anySimpleType", "double", "float"):
        assert code(WRITERS[name], 10**5000) == "range"
    assert code(lexical.integer_writer(None, None), 10**5000) == "range"


def test_names_are_those_of_xml():
    """XML names 1.0 section 3."""
    assert all(map(is_ncname, ("a", "_", "é", "a-1.b", "Ω")))
    assert not any(map(is_ncname, ("", "a:b", "1", "-a", "a b", "a\n", "a<", 'a"')))


@given(
    st.sampled_from([*WRITERS]),
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text()
        | st.text("0123456789-+:.TZPYMDHSeE=", max_size=30),
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    ),
)
def test_whatever_is_written_is_text_or_refused(name, value):
    """No value raises anything else, none becomes what XML cannot hold, and what was written once is written the same again."""
    if (refused := code(WRITERS[name], value)) is not None:
        assert refused in ("type", "range", "pattern", "characters")
        return
    text = WRITERS[name](value)
    assert is_text(text)
    if isinstance(value, str):
        assert WRITERS[name](text) == text


def accepts(write, value):
    return code(write, value) is None


def code(write, value):
    try:
        write(value)
    except Invalid as error:
        return error.code
    return None
