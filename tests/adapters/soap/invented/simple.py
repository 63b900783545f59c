"""Simple types, each with values of it and others that are none: those of XML Schema, and some that restrict or combine them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tests.adapters.soap.invented.model import Simple, T

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXTS: Final = ("a", "", " a ", "a<b>&\"'c]]>", "x\ny\tz\r.", "é漢😀", "<!--", "&#65;", "  ")


def _builtin(name: str, *values: Any, wrong: tuple[Any, ...] = ()) -> Simple:
    return Simple(f"x:{name}", values, (*wrong, {"no": 1}, [[]]))


BUILT_IN: Final = (
    _builtin("string", *TEXTS, wrong=("\x00", "\ud800", 1)),
    _builtin("int", 0, -(2**31), 2**31 - 1, wrong=(2**31, "1", 1.5, True)),
    _builtin("boolean", True, False, wrong=("true", 1)),
    _builtin("double", 1.5, 0.0, -1e300, 5e-324, "INF", "NaN", wrong=("x", True)),
    _builtin("float", 0.5, -2.0, "-INF", wrong=(1e39, "1")),
    _builtin("decimal", "1.50", "-0.1", "123456789012345678901234567890", wrong=("1e3", "x", True)),
    _builtin("integer", "0", "-99999999999999999999", wrong=("1.5", 1.5)),
    _builtin("long", "1", str(2**63 - 1), wrong=(2**63, "x")),
    _builtin("unsignedLong", "0", str(2**64 - 1), wrong=("-1",)),
    _builtin("short", 1, -32768, wrong=(40000,)),
    _builtin("byte", 1, -128, wrong=(128,)),
    _builtin("unsignedByte", 1, 255, wrong=(-1,)),
    _builtin("unsignedShort", 1, 65535, wrong=(65536,)),
    _builtin("unsignedInt", 1, 2**32 - 1, wrong=(-1,)),
    _builtin("positiveInteger", "1", wrong=("0",)),
    _builtin("negativeInteger", "-1", wrong=("0",)),
    _builtin("dateTime", "2024-02-29T19:30:00", "2024-02-29T23:59:59.5+02:00", wrong=("2024-02-30T00:00:00", 5)),
    _builtin("date", "2024-02-29", "1999-12-31Z", wrong=("2023-02-29", "x")),
    _builtin("time", "19:30:00", "00:00:00.25Z", wrong=("25:00:00",)),
    _builtin("duration", "P1DT2H30M", "-P1Y", wrong=("P", "1D")),
    _builtin("gYear", "2024", wrong=("24",)),
    _builtin("gYearMonth", "2024-02", wrong=("2024-13",)),
    _builtin("gMonthDay", "--02-29", wrong=("--02-30",)),
    _builtin("gDay", "---29", wrong=("---32",)),
    _builtin("base64Binary", "AAEC", "", "YQ==", wrong=("a", "?")),
    _builtin("hexBinary", "00FF", "", wrong=("0", "xx")),
    _builtin("anyURI", "http://x/?a=1&b=2", "", wrong=(1,)),
    _builtin("QName", f"{{{T}}}x", "{urn:elsewhere}y", "z", wrong=("a b", "{urn:x}")),
    _builtin("token", "a b", "", wrong=(1,)),
    _builtin("normalizedString", " a  b ", wrong=(1,)),
    _builtin("language", "en", "nl-BE", wrong=("1 2",)),
    _builtin("NCName", "a", "é.1", wrong=("a:b", "")),
    _builtin("NMTOKEN", "1:a", wrong=("a b",)),
)
DERIVED: Final = {
    "Colour": (
        ("red", "light blue"),
        ("green", 1),
        '<x:enumeration value="red"/><x:enumeration value="light blue"/>',
        "",
    ),
    "Small": ((0, 9), (10, -1), '<x:minInclusive value="0"/><x:maxExclusive value="10"/>', "int"),
    "Code": (("AB1", "ZZ9"), ("ab1", "AB12"), r'<x:pattern value="[A-Z]{2}\d"/>', ""),
    "Short": (("a", "é😀"), ("", "abcd"), '<x:minLength value="1"/><x:maxLength value="3"/>', ""),
    "Money": (
        ("1.50", "-0.1"),
        ("1.555", "12345"),
        '<x:totalDigits value="4"/><x:fractionDigits value="2"/>',
        "decimal",
    ),
}


def _restricted() -> Iterator[Simple]:
    for name, (values, wrong, facets, base) in DERIVED.items():
        inside = f'<x:restriction base="x:{base or "string"}">{facets}</x:restriction>'
        yield Simple(f"t:{name}", values, wrong, inside)
        yield Simple("", values, wrong, inside)
    yield Simple("", (3, True, "red"), ("green", [1]), '<x:union memberTypes="x:int x:boolean t:Colour"/>')
    yield Simple("t:Either", (3, "AB1"), ("x", True), '<x:union memberTypes="x:int t:Code"/>')
    yield Simple("t:Numbers", ([1], [1, -2, 3]), ("1", ["x"], [1.5]), '<x:list itemType="x:int"/>')
    two = '<x:simpleType><x:list itemType="x:NMTOKEN"/></x:simpleType><x:maxLength value="2"/>'
    yield Simple("", (["a"], ["a", "b"]), (["a", "b", "c"], [1]), f"<x:restriction>{two}</x:restriction>")
    # Whoever reads a list of qualified names resolves each of them.
    yield Simple("t:Names", ([f"{{{T}}}a", "{urn:b}b"],), (["a b"],), '<x:list itemType="x:QName"/>')


RESTRICTED: Final = tuple(_restricted())
NAMED: Final = "".join(
    f'<x:simpleType name="{each.named[2:]}">{each.inside}</x:simpleType>' for each in RESTRICTED if each.named
)
