"""What a schema restricts is checked as XSD 1.0 part 2 section 4.3 says, and told so that the caller knows what is taken."""

from decimal import Decimal

import pytest

from adapters.soap.lexical import Invalid
from adapters.soap.restrictions import bounds, checks
from adapters.soap.types import Scalar
from tests.support.timing import best_s

D = Decimal
ZONES = tuple(f"Zone{each:02}" for each in range(15))

CASES = {  # type: texts that pass, texts that do not with the code, a word of what is told
    "enumeration": (
        Scalar("string", enum=("Stalls", "Balcony")),
        ["Stalls"],
        ["stalls", "", "Stalls "],
        "enum",
        "Stalls, Balcony",
    ),
    "enumeration of tokens": (Scalar("token", enum=("a b",)), ["a b", " a\n b "], ["ab"], "enum", "one of: a b"),
    "enumeration of numbers": (
        Scalar("decimal", enum=("1.0", "2")),
        ["1", "1.00", "+2"],
        ["3", "1.01"],
        "enum",
        "1.0, 2",
    ),
    "enumeration of doubles": (
        Scalar("double", enum=("INF", "1")),
        ["INF", "1.0", "1e0"],
        ["NaN", "2"],
        "enum",
        "INF, 1",
    ),
    "enumeration of booleans": (Scalar("boolean", enum=("1",)), ["true"], ["false"], "enum", "one of: 1"),
    "length": (Scalar("string", length=3), ["abc", "äöü", "😀😀😀"], ["ab", "abcd"], "length", "exactly 3 characters"),
    "lengths": (
        Scalar("string", min_length=2, max_length=3),
        ["ab", "abc"],
        ["a", "abcd"],
        "length",
        "2 to 3 characters",
    ),
    "length without end": (Scalar("string", min_length=1), ["a"], [""], "length", "at least 1 characters"),
    "length from nothing": (
        Scalar("string", min_length=0, max_length=2),
        ["", "ab"],
        ["abc"],
        "length",
        "at most 2 char",
    ),
    "length of a token": (Scalar("token", max_length=3), ["abc", "  abc  ", "a    b"], ["abcd"], "length", "at most 3"),
    "length of octets": (Scalar("base64Binary", length=2), ["QUI="], ["QQ==", "QUJD"], "length", "exactly 2 octets"),
    "length of digits": (Scalar("hexBinary", max_length=2), ["0FB7"], ["0FB7FF"], "length", "at most 2 octets"),
    "length of a list": (
        Scalar("anySimpleType", items=Scalar("int"), max_length=2),
        ["1 22222"],
        ["1 2 3"],
        "length",
        "2 items",
    ),
    "length of a number": (Scalar("int", max_length=1), ["12345"], [], "", ""),
    "pattern": (Scalar("string", patterns=((r"[A-Z]\d",),)), ["A1"], ["a1", "A1 "], "pattern", r"pattern [A-Z]\d"),
    "pattern of a token": (Scalar("token", patterns=((r"[A-Z]\d",),)), ["A1", " A1"], ["a1"], "pattern", "pattern"),
    "patterns of one step": (Scalar("string", patterns=(("a+", "b+"),)), ["aa", "b"], ["ab"], "pattern", "a+ or b+"),
    "patterns of two steps": (
        Scalar("string", patterns=(("[a-c]+",), (".{2}",))),
        ["ab"],
        ["abc", "xy"],
        "pattern",
        "pattern",
    ),
    "pattern that is not read": (Scalar("string", patterns=(("a", "^b$"),)), ["a", "b", "c"], [], "", ""),
    "pattern of a number": (Scalar("int", patterns=((r"\d{3}",),)), ["123"], ["12"], "pattern", "pattern"),
    "bounds of a decimal": (
        Scalar("decimal", minimum=D("0.5"), maximum=D(2)),
        ["0.5", "2.0"],
        ["0.4", "2.01"],
        "range",
        "at least 0.5 and at most 2",
    ),
    "bounds that are out": (
        Scalar("decimal", above=D(0), below=D(1)),
        ["0.1"],
        ["0", "1", "1.0"],
        "range",
        "more than 0 and less",
    ),
    "bounds of a double": (
        Scalar("double", minimum=D(0)),
        ["0.0", "1e300", "INF"],
        ["-1", "-INF", "NaN"],
        "range",
        "at least 0",
    ),
    "bound out of reason": (Scalar("decimal", minimum=D("1e999999999")), ["1"], [], "", ""),
    "bounds of a date": (Scalar("date", minimum=D(5)), ["2024-01-01"], [], "", ""),
    "digits": (
        Scalar("decimal", total_digits=3),
        ["1.20", "123", "-001.230", ".5"],
        ["1234", "1.234"],
        "range",
        "3 digits",
    ),
    "digits behind the point": (
        Scalar("decimal", fraction_digits=2),
        ["1.25", "1.2500", "7"],
        ["1.255"],
        "range",
        "2 behind",
    ),
    "digits of an integer": (Scalar("long", total_digits=2), ["99", "-99", "0099"], ["100"], "range", "2 digits"),
    "names with prefixes": (Scalar("QName", enum=("a:b",), length=1), ["b", "{urn:a}b"], [], "", ""),
}


@pytest.mark.parametrize(("scalar", "good", "bad", "code", "told"), CASES.values(), ids=CASES)
def test_a_restriction_takes_what_it_says(scalar, good, bad, code, told):
    """By value where types have values: 1.0 is 1; by the text where they have none."""
    found = checks(scalar)
    for text in good:
        assert refusal(found, text) is None
    for text in bad:
        assert refusal(found, text).code == code
        assert told in refusal(found, text).text


def test_a_long_enumeration_is_told_in_part_and_the_nearest_by_name():
    """Ten are enough to see what kind of thing is meant."""
    (check,) = checks(Scalar("string", enum=ZONES))
    with pytest.raises(Invalid) as refused:
        check("zone14")
    assert refused.value.text.startswith("must be one of: Zone00, Zone01")
    assert refused.value.text.endswith("Zone09 (and 5 more), did you mean 'Zone14'?")


@pytest.mark.parametrize(
    ("scalar", "low", "high"),
    [
        (Scalar("int"), -(2**31), 2**31 - 1),
        (Scalar("int", minimum=D(1), maximum=D("9.5")), 1, 9),
        (Scalar("int", above=D(1), below=D("9.5")), 2, 9),
        (Scalar("int", above=D("1.5"), below=D(9)), 2, 8),
        (Scalar("int", minimum=D("-1.5")), -1, 2**31 - 1),
        (Scalar("byte", maximum=D(1000)), -128, 127),
        (Scalar("integer"), None, None),
        (Scalar("integer", minimum=D("1e999999999")), None, None),
        (Scalar("nonNegativeInteger", maximum=D(5)), 0, 5),
    ],
)
def test_an_integer_has_the_closer_of_two_bounds(scalar, low, high):
    """The type's and the schema's; a bound that is no integer is rounded to the inside."""
    assert bounds(scalar) == (low, high)


def test_a_check_of_a_megabyte_takes_little_time():
    """A parameter is as long as its sender likes."""
    restricted = Scalar("token", enum=("a",), max_length=9, patterns=(("a*",),))
    for text in ("a " * 2**19, "é " * 2**19):
        for check in checks(restricted):
            assert best_s(lambda check=check, text=text: refusal([check], text), 3) < 0.02


def refusal(found, text):
    """Return what the first check says that does not take a text."""
    for check in found:
        try:
            check(text)
        except Invalid as error:
            return error
    return None
