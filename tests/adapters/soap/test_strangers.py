"""What no contract speaks of is read by its looks: by name, by xsi:type, in arrays of SOAP's own; names can be written again."""

from __future__ import annotations

from typing import Any

import pytest
from lxml import etree

from adapters.soap.growing import Meter
from adapters.soap.strangers import Again, exactly, holds, resolved, short
from tests.adapters.soap.contracts import both, element, extension, sent, sequence, told

MANY = 'minOccurs="0" maxOccurs="unbounded"'
ANY = f"<x:any {MANY}/>"
KINDS = sequence(element("n"), name="Base") + extension("Own", "t:Base", element("k", "x:int"))


def test_a_type_may_be_named_that_no_operation_needs() -> None:
    """Be it the first reply that is read, or another has needed it before; in an array it is read so for each."""
    speech = both(element("v", "x:anyType", MANY), types=KINDS)
    own = {"@type": "Own", "n": "x", "k": 1}
    said = '<v i:type="t:Own"><n>x</n><k>1</k></v>'
    for _ in range(2):
        assert told(speech, said) == {"v": [own]}
    fresh = both(element("v", "x:anyType", MANY), types=KINDS)
    assert told(fresh, f"<v><w/>{said}</v><v c:arrayType='t:Base[1]'>{said}</v>") == {"v": [{"w": "", "v": own}, [own]]}
    assert told(fresh, "<new>" + said + "</new>") == {"new": {"v": own}}


def test_a_type_that_cannot_be_resolved_is_read_by_its_looks() -> None:
    """As one that no document has."""
    speech = both(element("v", "x:anyType", MANY), types=sequence(element("z", "t:Gone"), name="Broken"))
    for name in ("t:Broken", "t:Gone", "u:Else"):
        assert told(speech, f'<v i:type="{name}"><z>1</z></v>') == {"v": [{"z": "1"}]}


def test_what_is_read_from_a_wildcard_can_be_written_again() -> None:
    """Names, attributes, texts, null, at every level."""
    speech = both(ANY)
    said = '<t:Op><t:a k="v" u:k="w">x</><b><u:c/><b>1</></><t:a i:nil="true"/><u:d><u:e>1</><u:e>2</><f/><t:g/></></>'
    value = {
        "$any": [
            {"a": {"@k": "v", "@{urn:u}k": "w", "$value": "x"}},
            {"{}b": {"{urn:u}c": "", "b": "1"}},
            {"a": None},
            {"{urn:u}d": {"e": ["1", "2"], "{}f": "", "{urn:t}g": ""}},
        ]
    }
    inside = '<a k="v" u:k="w">x</a><b xmlns=""><u:c/><b>1</b></b><a i:nil="true"/><u:d><u:e>1</u:e><u:e>2</u:e><f xmlns=""/><g/></u:d>'
    assert told(speech, inside) == value
    assert sent(speech, value) == said


@pytest.mark.parametrize(
    ("name", "space", "expected"),
    [
        ("{urn:t}a", "urn:t", ("a", "a")),
        ("{urn:u}a", "urn:t", ("{urn:u}a", "{urn:u}a")),
        ("a", "urn:t", ("a", "{}a")),
        ("a", "", ("a", "a")),
        ("{urn:t}a", "", ("a", "{urn:t}a")),
        ("{urn:t}__proto__", "urn:t", ("{urn:t}__proto__", "{urn:t}__proto__")),
        ("__proto__", "", ("{}__proto__", "{}__proto__")),
    ],
)
def test_names_are_short_where_nothing_is_lost(name: str, space: str, expected: tuple[str, str]) -> None:
    """In what can be written again; elsewhere one of no namespace is short, too."""
    assert (short(name, space), exactly(name, space)) == expected


def test_what_comes_again_is_told_from_an_array_that_came_once() -> None:
    """A list is one value."""
    out: dict[str, Any] = {}
    for value in ([1], [2], [3]):
        Again.put(out, "a", value)
    assert out == {"a": [[1], [2], [3]]}


def test_prefixes_are_looked_up_where_they_stand() -> None:
    """In what surrounds an element, too; looking through many has its price."""
    declared = " ".join(f'xmlns:p{each}="urn:{each}"' for each in range(64))
    root = etree.fromstring(f'<a xmlns="urn:d" {declared}><b/></a>')
    meter = Meter()
    found = [resolved(root[0], name, meter) for name in (" p7:x ", "x", "xml:lang", "zz:x")]
    assert found == ["{urn:7}x", "{urn:d}x", "{http://www.w3.org/XML/1998/namespace}lang", "zz:x"]
    assert meter.spent >= 4 * 4
    assert (holds(root), holds(root[0])) == (True, False)


LONG = '"é' * 40_000


def test_long_texts_are_read_in_pieces() -> None:
    """As members, in arrays, beside attributes, of a type that trims, as anything, where others stand beside them."""
    kinds = (
        '<x:complexType name="S"><x:simpleContent><x:extension base="x:string"><x:attribute name="k"/></x:extension>'
        '</x:simpleContent></x:complexType><x:complexType name="M" mixed="true"><x:sequence><x:element name="b" '
        'minOccurs="0" maxOccurs="unbounded"/></x:sequence></x:complexType>'
    )
    speech = both(
        element("a"),
        element("b", more=MANY),
        element("s", "t:S"),
        element("m", "t:M"),
        element("v", "x:anyType", MANY),
        types=kinds,
    )
    said = (
        f'<a>{LONG}</a><b>{LONG}</b><b/><s k="1">{LONG}</s><m>{LONG}<b/></m><v>{LONG}</v><v k="1">{LONG}</v>'
        f"<v><w>{LONG}</w></v><v>{LONG}<w/></v><new>{LONG}</new>"
    )
    assert told(speech, said) == {
        "a": LONG,
        "b": [LONG, ""],
        "s": {"@k": "1", "$value": LONG},
        "m": {"$value": LONG, "b": [""]},
        "v": [LONG, {"@k": "1", "$value": LONG}, {"w": LONG}, {"$value": LONG, "w": ""}],
        "new": LONG,
    }
    octets = both(element("o", "x:base64Binary"), element("t", "x:token"), element("l", "x:NMTOKENS"))
    lines, items = "QUJD\n" * 20_000, "a " * 20_000
    assert told(octets, f"<o>{lines}</o><t> a  b </t><l>{items}</l>") == {
        "o": "QUJD" * 20_000,
        "t": "a b",
        "l": items,  # more than a list of anybody's
    }
