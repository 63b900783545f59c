"""Patterns of XML Schema mean to us what they say: a validator agrees, and a matcher by sets; none that we take can run for long."""

import re
import warnings

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from lxml import etree

from adapters.soap.patterns import compiled, ecma
from tests.support.timing import best_s

CASES = {  # pattern: texts that match, texts that do not (XSD 1.0 part 2 appendix F)
    r"[A-Z]{2}": (["NL"], ["nl", "N", "NLD", "", "NL\n"]),
    r"\d{5}(-\d{4})?": (["12345", "12345-6789"], ["1234", "12345-", "x12345", "12345-67890"]),
    r"[ -~]{8,63}": (["password", "~" * 63], ["short", "x" * 64, "tab\tinside"]),
    r"(0[1-9]|1[0-2])/\d\d": (["01/24", "12/99"], ["13/24", "1/24"]),
    r"a|bc|": (["a", "bc", ""], ["abc", "b"]),
    r"": ([""], ["a"]),
    r".": (["x", "é", "😀"], ["", "\n", "\r", "xx"]),
    r"\.\\\?\*\+\(\)\{\}\-\[\]\^\|": [[r".\?*+(){}-[]^|"], ["x"]],
    r"\n\r\t": (["\n\r\t"], ["nrt"]),
    r"\s\S": ([" x", "\té"], ["xx", "  "]),
    r"\i\c*": (["xs:a-1", "_", ":"], ["1a", "-", "a b"]),
    r"[\i-[:]][\c-[:]]*": (["a-1"], ["a:b", ":"]),
    r"\w+": (["a1$+"], ["a_b", "a-b", "a b"]),  # \w has no punctuation, and the underscore is some
    r"\W": (["_", "-", " "], ["a", "1", "$"]),
    r"\D+": (["abc"], ["a1"]),
    r"\p{Lu}\p{Ll}+": (["Hamlet"], ["hamlet", "HAMLET", "H"]),
    r"\p{L}{2}\p{Nd}": (["aB1"], ["a11"]),
    r"\P{L}+": (["12-3"], ["12a"]),
    r"\p{Sc}\p{IsBasicLatin}": (["$x"], ["xx"]),
    r"[^a-z]": (["A", "é", "1"], ["a", "aa", ""]),
    r"[a-z-[aeiou]]+": (["xyz"], ["xaz"]),
    r"[^\d-[5]]": (["a"], ["5", "1"]),
    r"[a\-z]": (["a", "-", "z"], ["b"]),
    r"[-a]": (["-", "a"], ["b"]),
    r"[a-]": (["-", "a"], ["b"]),
    r"[+\-/&~|]": (["+", "-", "/", "&", "~", "|"], [",", "."]),
    r"[\^x]": (["^", "x"], ["y"]),
    r"[à-ü]é": (["éé"], ["eé", "éx"]),
    r"[à-êé-ü]": (["ê", "ü"], ["e"]),
    r"[^à-ü]": (["e", "ý"], ["é"]),
    r"[a-[a]]": ([], ["a", ""]),
    r"[\s\S]*": (["", "a\nb"], []),
    r"a{2}b{1,}c{0,2}": (["aab", "aabbcc"], ["ab", "aa", "aabccc"]),
    r"(ab){2,3}": (["abab", "ababab"], ["ab", "abababab"]),
    r"((a|b)*c)*": (["", "abc", "cc", "aacbc"], ["ab", "ca"]),
    r"[^@]+@[^.]+\..+": (["a@b.c"], ["a@b", "@b.c", "a@.c"]),
    r"/-,": (["/-,"], ["/"]),
}
UNREAD = [
    r"^\d+$",  # by the standard these are characters; .NET and whoever writes them mean anchors
    r"\bword\b",
    r"(?:a)",
    r"(?i)a",
    r"a*?",
    r"a**",
    r"*a",
    r"(a",
    r"a)",
    r"[a",
    r"[]",
    r"[^]",
    r"[z-a]",
    r"[a-\d]",
    r"a{,2}",
    r"a{2,1}",
    r"a{",
    r"a}",
    r"a]",
    r"\p{Xx}",
    r"\pL",
    r"\x41",
    "a\\",
    "a{99999999}",
    "(" * 50 + ")" * 50,
    "a" * 1001,
]
ENDLESS = [  # what may be read in too many ways to try them all
    r"(a+)+b",
    r"(a|a)*b",
    r"(a*)*b",
    r"(x+x+)+y",
    r"(a?){30}a{30}",
    r"([a-zA-Z0-9]+\.?)*@x",
    r"(.*,){12}x",
    r".*.*.*.*=.*",
    r"(a{0,9}){9}b",
    r"((ab)*|a)*b",
]


@pytest.mark.parametrize("pattern", CASES)
def test_a_pattern_takes_what_it_says(pattern):
    """In Python, and in the form for JSON Schema where there is one."""
    good, bad = CASES[pattern]
    found = compiled(pattern)
    assert [each for each in good if not found.fits(each)] == []
    assert [each for each in bad if found.fits(each)] == []
    if (shown := ecma(pattern)) is not None:
        assert [each for each in good if not re.search(shown, each)] == []
        assert [each for each in bad if re.search(shown, each) and not each.endswith("\n")] == []


@pytest.mark.parametrize("pattern", CASES)
def test_a_validator_agrees(pattern):
    """The schema validator of libxml2 takes and refuses the same of our cases."""
    good, bad = CASES[pattern]
    valid = validator(pattern)
    assert [each for each in good if not valid(each)] == []
    assert [each for each in bad if valid(each)] == []


@pytest.mark.parametrize("pattern", [*UNREAD, *ENDLESS])
def test_what_is_not_sure_or_endless_is_not_checked(pattern):
    """It is not offered to readers of the JSON Schema either, whose engines may try for ever."""
    assert compiled(pattern) is None
    assert ecma(pattern) is None


def test_no_language_beyond_ascii_is_refused():
    """What Unicode counts as a letter or a digit is not asked: it is taken."""
    for pattern, text in ((r"\w+", "Größe"), (r"\p{Lu}.*", "Ödipus"), (r"\d", "٣"), (r"\i\c*", "é"), (r"[^\w]", "—")):
        assert compiled(pattern).fits(text)


def test_a_text_that_would_take_long_is_taken_unread():
    """A pattern of two stars is checked for texts in which all ways can be tried, and no longer ones."""
    found = compiled(r".*\S.*")
    assert not found.fits(" " * found.most)
    assert found.fits(" " * (found.most + 1))
    assert found.most >= 100


@pytest.mark.parametrize(
    ("pattern", "shown"),
    [
        (r"\d{5}", "^[0-9]{5}$"),
        (r"a|b", "^(?:a|b)$"),
        (r"[^@]+@x", "^[^@]+@x$"),
        (r"a/b-c", r"^a\/b-c$"),
        (r"\w", None),
        (r"\p{L}", None),
        (r"\i", None),
        (r"[\D]", None),
    ],
)
def test_json_schema_has_what_every_engine_reads_alike(pattern, shown):
    """Classes of Unicode are spelled differently by each, so they are left out."""
    assert ecma(pattern) == shown


def one(pattern, characters):
    """An expression of one character, and where in a text it ends, begun at any of some places."""
    return pattern, lambda text, places: {each + 1 for each in places if text[each : each + 1] in characters}


def in_turn(one, other):
    return one[0] + other[0], lambda text, places: other[1](text, one[1](text, places))


def either(one, other):
    return f"({one[0]}|{other[0]})", lambda text, places: one[1](text, places) | other[1](text, places)


def repeated(inner, mark, fewest, most):
    def ends(text, places):
        found, known = places, set()
        for count in range(most + 1):
            known |= found if count >= fewest else set()
            found = inner[1](text, found)
        return known

    return f"({inner[0]}){mark}", ends


LETTERS = [*"ab-.1 c"]
ATOMS = st.sampled_from(
    [
        *(one(each, [each]) for each in "ab- "),
        one(r"\.", ["."]),
        one(r"\d", ["1"]),
        one(r"\s", [" "]),
        one("[ab]", ["a", "b"]),
        one("[^a]", [each for each in LETTERS if each != "a"]),
        one("[a-c-[b]]", ["a", "c"]),
        one(".", LETTERS),
    ]
)
MARKS = st.sampled_from(
    [("?", 0, 1), ("*", 0, 30), ("+", 1, 30), ("{2}", 2, 2), ("{1,3}", 1, 3), ("{0,2}", 0, 2), ("{2,}", 2, 30)]
)
MADE = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.builds(in_turn, inner, inner),
        st.builds(either, inner, inner),
        st.builds(lambda inside, mark: repeated(inside, *mark), inner, MARKS),
    ),
    max_leaves=8,
)


@given(MADE, st.text("ab-.1 c", max_size=12))
def test_whatever_the_pattern_it_is_matched_by_its_meaning(made, text):
    """A pattern that was made with its meaning takes what that says, in Python and in JSON Schema."""
    pattern, ends = made
    found = compiled(pattern)
    assume(found is not None and len(text) <= found.most)
    assert found.fits(text) == (len(text) in ends(text, {0}))
    assert (re.search(ecma(pattern), text) is not None) == found.fits(text)


@given(st.text(r"ab\dpwi{}()[]|*+?.-^$,12L", max_size=40))
def test_no_pattern_raises_or_warns(pattern):
    """Whatever stands in a WSDL, there is a check or none."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = compiled(pattern)
        if found is not None:
            found.fits("ab1")
        if (shown := ecma(pattern)) is not None:
            re.compile(shown)


@pytest.mark.unmeasured
@given(MADE, st.text("ab1-. ", min_size=1, max_size=4), st.sampled_from(["", "!", "\n"]))
def test_no_text_takes_long(made, seed, end):
    """The longest text that a pattern is matched with, repetitive and wrong at its end, takes some milliseconds."""
    found = compiled(made[0])
    assume(found is not None)
    text = (seed * found.most)[: found.most - len(end)] + end
    assert best_s(lambda: found.fits(text), 3) < 0.02


def validator(pattern):
    """Return what says whether libxml2 takes a text."""
    root = etree.Element("{http://www.w3.org/2001/XMLSchema}schema")
    kind = etree.SubElement(etree.SubElement(root, f"{XS}element", name="x"), f"{XS}simpleType")
    etree.SubElement(
        etree.SubElement(kind, f"{XS}restriction", base=f"{root.prefix}:string"), f"{XS}pattern", value=pattern
    )
    schema = etree.XMLSchema(etree.fromstring(etree.tostring(root)))

    def valid(text):
        element = etree.Element("x")
        element.text = text
        return schema.validate(element)

    return valid


XS = "{http://www.w3.org/2001/XMLSchema}"
