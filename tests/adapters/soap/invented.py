"""Contracts that nobody wrote: a WSDL of one operation, with values that are valid for it and changes that make them invalid.

Made of bytes that hypothesis draws in one go, which costs little and shrinks well: a zero is the simplest choice everywhere. It knows
XML Schema and the facade's convention of names, and asks nothing of the code that is tested.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from xml.sax.saxutils import quoteattr

from adapters.soap.resolver import Options
from sidecar.model import Dialect
from tests.adapters.soap.contracts import ENCODING, SOAP12_NS
from tests.adapters.soap.library import SOAP_NS, WSDL_NS, XSD_NS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Path = tuple[str | int, ...]

MANY: Final = 10**9
T, U, W, R = "urn:t", "urn:u", "urn:w", "urn:r"
PREFIXES: Final = {T: "t", U: "u"}
_DEEP: Final = 3  # what is optional is left out below
_TEXTS: Final = ("a", "", " a ", "a<b>&\"'c]]>", "x\ny\tz\r.", "é漢😀", "<!--", "&#65;", "  ")


class Source:
    """Choices out of bytes."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def below(self, most: int) -> int:
        """Choose a number below `most`."""
        self._at += 1
        return self._data[self._at - 1] % most if self._at <= len(self._data) else 0

    def pick(self, choices: Sequence[Any]) -> Any:
        """Choose one of several, the first being the simplest."""
        return choices[self.below(len(choices))]

    def chance(self, of: int = 3) -> bool:
        """Say yes once in so many times."""
        return self.below(of) == of - 1


# --- the model


@dataclass(frozen=True)
class Simple:
    """A simple type: its name, or what stands in its place. `wrong` are no values of it."""

    named: str
    values: tuple[Any, ...]
    wrong: tuple[Any, ...]
    inside: str = ""

    @property
    def said(self) -> tuple[str, str]:
        """Return what a declaration of it has as an attribute, and as its content."""
        return (f' type="{self.named}"', "") if self.named else ("", f"<x:simpleType>{self.inside}</x:simpleType>")


@dataclass(eq=False)
class Field:
    """An element's declaration. `space` "" is none; `ref` where it is global and referred to."""

    plain: str
    camel: str
    space: str
    type: Any = None
    fewest: int = 1
    most: int = 1
    many: bool = False
    nillable: bool = False
    more: str = ""
    ref: bool = False

    @property
    def clark(self) -> str:
        return f"{{{self.space}}}{self.plain}" if self.space else self.plain


@dataclass(eq=False)
class Attr:
    """An attribute's declaration."""

    key: str
    said: str
    type: Simple
    required: bool


@dataclass(eq=False)
class Group:
    """A sequence, choice or all; `named` where it is a group's."""

    kind: str
    parts: list[Any]
    fewest: int = 1
    most: int = 1
    named: str = ""


@dataclass(eq=False)
class Type:
    """A complex type. `kind`: content, valued (simple content), array (SOAP's own), anything."""

    name: str
    space: str
    kind: str = "content"
    base: Type | None = None
    derived: list[Type] = field(default_factory=list)
    abstract: bool = False
    group: Group | None = None
    attributes: list[Attr] = field(default_factory=list)
    value: Any = None
    wild: str = ""
    any_attribute: bool = False
    mixed: bool = False

    @property
    def chain(self) -> list[Type]:
        return [*(self.base.chain if self.base else ()), self]

    @property
    def below(self) -> list[Type]:
        return [each for child in self.derived for each in (child, *child.below)]

    @property
    def ends(self) -> bool:
        """Whether it asks for no other."""
        return not any(each.fewest and isinstance(each.type, Type) for each in self.fields)

    @property
    def fields(self) -> list[Field]:
        return [each for type_ in self.chain if type_.group for each in _fields(type_.group)]


ANYTHING: Final = Type("anyType", XSD_NS, "anything")


def _fields(group: Group) -> Iterator[Field]:
    for part in group.parts:
        yield from _fields(part) if isinstance(part, Group) else (part,)


def _builtin(name: str, *values: Any, wrong: tuple[Any, ...] = ()) -> Simple:
    return Simple(f"x:{name}", values, (*wrong, {"no": 1}, [[]]))


BUILT_IN: Final = (
    _builtin("string", *_TEXTS, wrong=("\x00", "\ud800", 1)),
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
_GLOBAL_SIMPLE: Final = "".join(
    f'<x:simpleType name="{each.named[2:]}">{each.inside}</x:simpleType>' for each in RESTRICTED if each.named
)


# --- the contract


class Contract:
    """One WSDL, and what it means. `schemas` are its documents by namespace."""

    def __init__(self, source: Source, *, style: str | None = None) -> None:
        self._source, self._count = source, 0
        self.style = style or source.pick(("document", "document", "rpc", "encoded"))
        self.dialect = source.pick((Dialect.SOAP11, Dialect.SOAP12))
        self.options = Options(flatten=source.chance(2), camel=source.chance(3))
        self._forms = {T: not source.chance(3), U: source.chance(2)}
        self._elements: dict[str, list[Field]] = {T: [], U: []}
        self._groups: list[tuple[str, Group]] = []
        self._global_attributes: list[str] = []
        self.types = [Type(f"Kind{order}", source.pick((T, T, U))) for order in range(1 + source.below(5))]
        for order, each in enumerate(self.types):
            self._fill(each, order, 0)
        for each in self.types:  # what is abstract has something that can stand in its place
            each.abstract = each.abstract and any(one.ends and not one.abstract for one in each.below)
        self.header = self._field(Type("", T), 0, 0, heads=True) if source.chance(4) else None
        self.root = self._root()

    def _root(self) -> Type:
        if self.style == "document":
            if self._source.chance(4):
                return next((each for each in self.types if each.kind == "content" and not each.abstract), self._own())
            return self._own()
        made = Type("", R)
        made.group = Group("sequence", [])
        for _ in range(self._source.below(3) + 1):
            kind = self._source.pick(BUILT_IN) if self._source.chance(2) else self._source.pick(self.types)
            plain, camel = self._name("Part")
            made.group.parts.append(Field(plain, camel, "", kind))
        return made

    def _own(self) -> Type:
        made = Type("", T)
        self._fill(made, len(self.types), 0, alone=True)
        return made

    def _name(self, head: str) -> tuple[str, str]:
        self._count += 1
        return f"{head}_{self._count}", f"{head.lower()}{self._count}"

    def _fill(self, made: Type, order: int, depth: int, *, alone: bool = False) -> None:
        source = self._source
        if not alone and depth == 0:
            kind = source.below(8)
            if kind == 7 and self.style == "encoded":
                made.kind, made.value = "array", source.pick(BUILT_IN) if source.chance(2) else source.pick(self.types)
                return
            if kind in (5, 6):
                made.kind = "valued"
                made.value = source.pick([each for each in (*BUILT_IN, *RESTRICTED) if each.named])
                self._attributes(made)
                return
            bases = [each for each in self.types[:order] if each.kind == "content" and not each.wild and each.group]
            if bases and kind in (3, 4):
                made.base = source.pick([each for each in bases if each.group and each.group.kind != "all"] or [None])
            if made.base is not None:
                made.base.derived.append(made)
                made.mixed = made.base.mixed
            else:
                made.mixed = source.chance(12)
            made.abstract = source.chance(4)
        if made.base is None and made.name and source.chance(6):  # ArrayOfX
            made.group = Group("sequence", [self._field(made, order, depth, fewest=0, most=MANY)])
            return
        if made.base is None and depth == 0 and source.chance(7):
            made.group = Group("all", [self._field(made, order, depth, fewest=source.below(2)) for _ in range(3)])
        else:
            made.group = Group("sequence", [])
            if made.name and made.base is None:  # with a member that is none of an array, nothing flattens a base
                made.group.parts.append(self._field(made, order, depth))
            for _ in range(source.below(4)):
                made.group.parts += self._parts(made, order, depth)
            if source.chance(6):
                local = all(each.space for each in made.fields)  # else nobody knows where an element belongs
                made.wild = source.pick((W, "##local") if local else (W,))
        self._attributes(made)

    def _parts(self, made: Type, order: int, depth: int) -> list[Any]:
        source, kind = self._source, self._source.below(10)
        if kind <= 4:
            fewest, most = source.pick(((1, 1), (0, 1), (0, MANY), (1, MANY), (0, 3), (2, 4)))
            return [self._field(made, order, depth, fewest=fewest, most=most)]
        if kind == 5:  # one name in two namespaces
            first = self._field(made, order, depth)
            other = U if first.space != U else T
            second = Field(first.plain, first.camel, other, source.pick(BUILT_IN), ref=True)
            self._elements[other].append(second)
            return [first, second]
        if kind == 6:
            return [self._choice(made, order, depth, nested=True)]
        if kind == 7:  # a group that repeats
            inner: list[Any] = [self._field(made, order, depth, fewest=1)]
            inner += [self._field(made, order, depth, fewest=source.below(2)) for _ in range(source.below(2))]
            if source.chance(3):
                inner.append(self._choice(made, order, depth, nested=False, loop=True))
            return [self._looped(Group("sequence", inner))]
        if kind == 8:
            return [self._looped(self._choice(made, order, depth, nested=source.chance(2), loop=True))]
        group = Group("sequence", [self._field(made, order, depth, fewest=source.below(2)) for _ in range(2)])
        group.named = self._name("Group")[0]
        self._groups.append((made.space, group))
        return [Group("sequence", group.parts, named=group.named)]

    def _looped(self, group: Group) -> Group:
        group.fewest, group.most = self._source.pick(((0, MANY), (1, MANY), (1, 3)))
        for each in _fields(group):
            each.many = True
        return group

    def _choice(self, made: Type, order: int, depth: int, *, nested: bool, loop: bool = False) -> Group:
        source = self._source
        parts: list[Any] = [self._field(made, order, depth) for _ in range(2)]
        if nested:
            parts.append(Group("sequence", [self._field(made, order, depth) for _ in range(2)]))
        if not loop and source.chance(3):
            parts.append(self._field(made, order, depth, most=MANY))
        return Group("choice", parts, fewest=1 if loop else 1 - source.below(2))

    def _field(
        self, made: Type, order: int, depth: int, *, fewest: int = 1, most: int = 1, heads: bool = False
    ) -> Field:
        """Make a declaration. What must be there is of a type that stands before, as bases do, or of a simple one, so that it ends."""
        source = self._source
        plain, camel = self._name("Head" if heads else "Item")
        form = source.pick((None, None, None, True, False))
        is_qualified = True if heads else self._forms[made.space] if form is None else form
        found = Field(plain, camel, made.space if is_qualified else "", fewest=fewest, most=most, many=most > 1)
        if form is not None:
            found.more += f' form="{"qualified" if form else "unqualified"}"'
        kind = source.below(10)
        if kind <= 4:
            found.type = source.pick(BUILT_IN)
            if source.chance(8) and found.type.named == "x:int":
                found.more += ' default="7"'
        elif kind <= 6:
            found.type = source.pick(RESTRICTED)
        elif kind == 7 and depth < 2:
            found.type = Type("", made.space)
            self._fill(found.type, order, depth + 1, alone=True)
        elif kind == 8 and not heads:
            found.type = ANYTHING
        elif not heads and (known := self.types[:order] if fewest else self.types):
            found.type = source.pick(known)
        else:
            found.type = source.pick(BUILT_IN)
        found.nillable = source.chance(5)
        if heads:
            self._elements[T].append(found)
            found.more = ""
        return found

    def _attributes(self, made: Type) -> None:
        source = self._source
        for _ in range(max(0, source.below(5) - 2)):
            plain, camel = self._name("At")
            kind = source.pick([each for each in (*BUILT_IN, *RESTRICTED) if "QName" not in each.named + each.inside])
            how, required = source.below(4), source.chance(3)
            more = ' use="required"' if required else ' default="7"' if kind.named == "x:int" and how == 1 else ""
            named, inside = kind.said
            form = ' form="qualified"' if how == 2 else ""
            said = f'<x:attribute name="{plain}"{named}{more}{form}>{inside}</x:attribute>'
            key = "@" + (camel if self.options.camel else plain)
            made.attributes.append(Attr(key, said, kind, required))
            if how == 3:  # the same name in a namespace
                self._global_attributes.append(f'<x:attribute name="{plain}" type="x:string"/>')
                text = BUILT_IN[0]
                made.attributes.append(Attr(f"@{{{U}}}{plain}", f'<x:attribute ref="u:{plain}"/>', text, False))
        if source.chance(8) and not any(each.any_attribute for each in made.chain):
            made.any_attribute = True

    # --- as text

    @property
    def schemas(self) -> dict[str, str]:
        """The schemas by namespace."""
        return {space: self._schema(space) for space in (T, U)}

    def _schema(self, space: str) -> str:
        other = U if space == T else T
        inside = "".join(self._complex(each) for each in self.types if each.space == space)
        inside += "".join(self._element(each, top=True) for each in self._elements[space])
        for where, group in self._groups:
            if where == space:
                inside += f'<x:group name="{group.named}">{self._group(Group("sequence", group.parts))}</x:group>'
        if space == U:
            inside += "".join(self._global_attributes)
        else:
            inside += _GLOBAL_SIMPLE
            if self.style == "document":
                for name in ("Op", "OpResponse"):
                    said, body = (
                        (f' type="{_prefixed(self.root)}"', "") if self.root.name else ("", self._complex(self.root))
                    )
                    inside += f'<x:element name="{name}"{said}>{body}</x:element>'
        form = ' elementFormDefault="qualified"' if self._forms[space] else ""
        imports = f'<x:import namespace="{other}" schemaLocation="{other}"/>'
        if self.style == "encoded":
            imports += f'<x:import namespace="{ENCODING}"/>'
        return f'<x:schema xmlns:x="{XSD_NS}" xmlns:t="{T}" xmlns:u="{U}" targetNamespace="{space}"{form}>{imports}{inside}</x:schema>'

    def _complex(self, made: Type) -> str:
        more = f' name="{made.name}"' if made.name else ""
        more += ' abstract="true"' if made.abstract else ""
        more += ' mixed="true"' if made.mixed else ""
        attributes = "".join(each.said for each in made.attributes)
        attributes += f'<x:anyAttribute namespace="{W}" processContents="lax"/>' if made.any_attribute else ""
        if made.kind == "array":
            item = made.value.named if isinstance(made.value, Simple) else _prefixed(made.value)
            inside = (
                f'<x:complexContent><x:restriction base="e:Array" xmlns:e="{ENCODING}"><x:attribute ref="e:arrayType" '
                f'w:arrayType="{item}[]" xmlns:w="{WSDL_NS}"/></x:restriction></x:complexContent>'
            )
        elif made.kind == "valued":
            inside = (
                f'<x:simpleContent><x:extension base="{made.value.named}">{attributes}</x:extension></x:simpleContent>'
            )
        else:
            wild = f'<x:any namespace="{made.wild}" processContents="skip" minOccurs="0" maxOccurs="4"/>'
            inside = self._group(made.group, wild if made.wild else "") + attributes
            if made.base is not None:
                base = _prefixed(made.base)
                inside = f'<x:complexContent><x:extension base="{base}">{inside}</x:extension></x:complexContent>'
        return f"<x:complexType{more}>{inside}</x:complexType>"

    def _group(self, group: Group | None, more: str = "") -> str:
        assert group is not None, "asked of types that have one"
        times = _times(group)
        if group.named:
            return f'<x:group ref="{PREFIXES[self._space_of(group)]}:{group.named}"{times}/>'
        inside = "".join(self._group(each) if isinstance(each, Group) else self._element(each) for each in group.parts)
        return f"<x:{group.kind}{times}>{inside}{more}</x:{group.kind}>"

    def _space_of(self, group: Group) -> str:
        return next(space for space, each in self._groups if each.named == group.named)

    def _element(self, made: Field, *, top: bool = False) -> str:
        times = "" if top else _times(made)
        if made.ref and not top:
            return f'<x:element ref="{PREFIXES[made.space]}:{made.plain}"{times}/>'
        more = made.more + (' nillable="true"' if made.nillable else "")
        if isinstance(made.type, Simple):
            named, inside = made.type.said
        elif made.type.name:
            named, inside = f' type="{_prefixed(made.type)}"', ""
        else:
            named, inside = "", self._complex(made.type)
        return f'<x:element name="{made.plain}"{named}{times}{more}>{inside}</x:element>'

    @property
    def wsdl(self) -> bytes:
        """The document."""
        space = SOAP_NS if self.dialect is Dialect.SOAP11 else SOAP12_NS
        more = "" if self.style == "document" else f' namespace="{R}"'
        more += f' encodingStyle="{ENCODING}"' if self.style == "encoded" else ""
        use = "encoded" if self.style == "encoded" else "literal"
        messages = head = ""
        if self.header is not None:
            messages += f'<w:message name="Head"><w:part name="h" element="t:{self.header.plain}"/></w:message>'
            head = '<s:header message="t:Head" part="h" use="literal"/>'
        for name in ("Op", "OpResponse"):
            parts = f'<w:part name="p" element="t:{name}"/>' if self.style == "document" else self._rpc_parts()
            messages += f'<w:message name="{name}In">{parts}</w:message>'
        sides = f'<s:body use="{use}"{more}/>{head}'
        style = "document" if self.style == "document" else "rpc"
        return (
            f'<w:definitions xmlns:w="{WSDL_NS}" xmlns:s="{space}" xmlns:x="{XSD_NS}" xmlns:t="{T}" xmlns:u="{U}" '
            f'targetNamespace="{T}"><w:types>{"".join(self.schemas.values())}</w:types>{messages}<w:portType name="T">'
            '<w:operation name="Op"><w:input message="t:OpIn"/><w:output message="t:OpResponseIn"/></w:operation>'
            f'</w:portType><w:binding name="B" type="t:T"><s:binding style="{style}" '
            'transport="http://schemas.xmlsoap.org/soap/http"/><w:operation name="Op"><s:operation soapAction="a"/>'
            f"<w:input>{sides}</w:input><w:output>{sides}</w:output></w:operation></w:binding>"
            '<w:service name="S"><w:port name="P" binding="t:B"><s:address location="http://b.example/"/></w:port>'
            "</w:service></w:definitions>"
        ).encode()

    def _rpc_parts(self) -> str:
        said = ""
        for each in self.root.fields:
            named = each.type.named if isinstance(each.type, Simple) else _prefixed(each.type)
            said += f'<w:part name="{each.plain}" type="{named}"/>'
        return said


def _prefixed(made: Type) -> str:
    return f"{PREFIXES.get(made.space, 'x')}:{made.name}"


def _times(made: Field | Group) -> str:
    more = f' minOccurs="{made.fewest}"' if made.fewest != 1 else ""
    if made.most != 1:
        more += f" maxOccurs={quoteattr('unbounded' if made.most == MANY else str(made.most))}"
    return more


# --- values


@dataclass(eq=False)
class Change:
    """What makes a value invalid: at a path, and the paths of which one is named by the error."""

    what: str
    path: Path
    wrong: tuple[Path, ...]
    value: Any = None

    def apply(self, value: Any) -> None:
        """Do it."""
        for step in self.path[:-1]:
            value = value[step]
        if self.what == "dropped":
            del value[self.path[-1]]
        else:
            value[self.path[-1]] = self.value


class Values:
    """Valid values of one contract; `changes` are those that the last one can be spoilt by."""

    def __init__(self, contract: Contract, source: Source) -> None:
        self._contract, self._source = contract, source
        self.changes: list[Change] = []

    def make(self) -> Any:
        """Make a value of the operation's element."""
        self.changes = []
        value = self._object(self._contract.root, (), 0, root=True)
        head = self._contract.header
        if head is not None and not self._source.chance(3):
            key = head.camel if self._contract.options.camel else head.plain
            value["$headers"] = {key: self._one(head, ("$headers", key), 1, root=True)}
            self._spoil("unknown", ("$headers", "Nope_0"), 1)
        return value

    def _spoil(self, what: str, path: Path, value: Any = None, wrong: tuple[Path, ...] | None = None) -> None:
        self.changes.append(Change(what, path, wrong or (path,), value))

    def _one(self, made: Field, path: Path, depth: int, *, root: bool = False) -> Any:
        kind = made.type
        if made.nillable and self._source.chance(4) and _can_be_nil(kind):
            return None
        value = (
            self._object(kind, path, depth, root=True)
            if root and isinstance(kind, Type)
            else self._value(kind, path, depth)
        )
        if not made.nillable and kind is not ANYTHING and path and self._contract.root.space != R:
            self._spoil("null", path)
        return value

    def _value(self, kind: Any, path: Path, depth: int) -> Any:
        source = self._source
        if isinstance(kind, Simple):
            value = source.pick(kind.values)
            self._spoil("wrong", path, source.pick(kind.wrong))
            return value
        if kind is ANYTHING:
            return source.pick(
                (
                    "a",
                    5,
                    True,
                    1.5,
                    str(2**70) + "x",
                    {"@x": "1", "Deep": "b"},
                    {"n": 2**40 * 0 + 1, "m": [1, "b", None]},
                    {"{urn:w}a": {"b": "c", "{}d": "e"}},
                )
            )
        return self._object(kind, path, depth)

    def is_flat(self, kind: Type) -> bool:
        """Say whether JSON has an array in the place of a type."""
        if kind.kind == "array":
            return True
        if not self._contract.options.flatten or kind.kind != "content" or kind.derived or kind.base:
            return False
        if kind.attributes or kind.any_attribute or kind.wild or kind.mixed:
            return False
        return len(kind.fields) == 1 and kind.fields[0].many

    def _object(self, kind: Type, path: Path, depth: int, *, root: bool = False) -> Any:
        source, out = self._source, dict[str, Any]()
        if kind.kind == "array":
            item = Field("item", "item", "", kind.value, nillable=True)
            return [
                self._one(item, (*path, order), depth + 1) for order in range(source.below(3) if depth < _DEEP else 0)
            ]
        concrete = [each for each in (kind, *kind.below) if not each.abstract]
        if depth >= _DEEP:
            concrete = concrete[:1] if concrete[0] is kind else [each for each in concrete if each.ends]
        chosen: Type = source.pick(concrete)
        if chosen is not kind:
            out["@type"] = chosen.name if chosen.space == kind.space else f"{{{chosen.space}}}{chosen.name}"
        if kind.below:
            self._spoil("wrong", (*path, "@type"), "Nope_0")
        for type_ in chosen.chain:
            self._attributes(type_, path, out)
        if chosen.kind == "valued":
            out["$value"] = source.pick(chosen.value.values)
            self._spoil("wrong", (*path, "$value"), source.pick(chosen.value.wrong))
            return out
        flat = not root and self.is_flat(chosen)
        if flat:
            only = chosen.fields[0]
            rows: dict[str, Any] = {}
            keys = {only.clark: "only"}
            self._walk(chosen.group, keys, rows, path, depth, always=False, flat=True)
            return rows.get("only", [])
        if chosen.mixed and source.chance(2):
            out["$value"] = "mixed <text>"
        keys = self.keys(chosen)
        for type_ in chosen.chain:
            self._walk(type_.group, keys, out, path, depth, always=True)
        if any(each.wild for each in chosen.chain) and source.chance(2):
            wild = next(each.wild for each in chosen.chain if each.wild)
            name = "{}loose" if wild == "##local" else f"{{{W}}}loose"
            out["$any"] = [{name: source.pick(("a", {"b": "c"}, {"@q": "1", "b": ["c", "d"]}, None))}] * (
                1 + source.below(2)
            )
            self._spoil("wrong", (*path, "$any", 0), source.pick(("x", {}, {"a": 1, "b": 2})))
        self._spoil("unknown", (*path, "Nope_0"), 1)
        return out

    def keys(self, kind: Type) -> dict[str, str]:
        """Return what members are called in JSON: by their local names, where those are not taken."""
        taken, found = {"$value", "$any", "@type"}, dict[str, str]()
        for each in kind.fields:
            first = each.camel if self._contract.options.camel else each.plain
            whole = each.clark if each.space else f"{{}}{each.plain}"
            key = next(one for one in (first, each.plain, whole) if one not in taken)
            taken.add(key)
            found[each.clark] = key
        return found

    def _attributes(self, kind: Type, path: Path, out: dict[str, Any]) -> None:
        source = self._source
        for each in kind.attributes:
            if each.required or source.chance(2):
                out[each.key] = source.pick(each.type.values)
                self._spoil("wrong", (*path, each.key), source.pick(each.type.wrong))
                if each.required:
                    self._spoil("dropped", (*path, each.key))
        if kind.any_attribute and source.chance(2):
            out[f"@{{{W}}}more"] = source.pick(_TEXTS)

    def _walk(
        self,
        group: Group | None,
        keys: dict[str, str],
        out: dict[str, Any],
        path: Path,
        depth: int,
        *,
        always: bool,
        flat: bool = False,
    ) -> None:
        """Put the members of one word of a model into an object."""
        if group is None:
            return
        source = self._source
        deep = depth >= _DEEP
        once = (group.fewest, group.most) == (1, 1)
        rounds = group.fewest if deep else min(group.most, group.fewest + source.below(2 if group.most == 1 else 3))
        for _ in range(rounds):
            parts = group.parts
            if group.kind == "choice":
                parts = [source.pick(parts)]
                self._two(group, parts[0], keys, path, depth, always=always)
                if (
                    once
                    and always
                    and isinstance(parts[0], Field)
                    and all(isinstance(each, Field) for each in group.parts)
                ):
                    self._spoil("dropped", (*path, keys[parts[0].clark]), wrong=(path,))
            for each in parts:
                inside = always and once and group.kind != "choice"
                if isinstance(each, Group):
                    self._walk(each, keys, out, path, depth, always=inside, flat=flat)
                else:
                    self._put(each, keys[each.clark], out, path, depth, always=inside, flat=flat)

    def _two(self, group: Group, taken: Any, keys: dict[str, str], path: Path, depth: int, *, always: bool) -> None:
        """Remember that a second branch of a choice is one too many."""
        others = [each for each in group.parts if each is not taken and isinstance(each, Field)]
        if not always or group.most > 1 or not others or not isinstance(taken, Field):
            return
        other = self._source.pick(others)
        kept, self.changes = self.changes, []
        value = self._one(other, (), depth + 1)
        self.changes = kept
        both = ((*path, keys[other.clark]), (*path, keys[taken.clark]))
        self._spoil("both", both[0], [value] if other.many else value, both)

    def _put(
        self, each: Field, key: str, out: dict[str, Any], path: Path, depth: int, *, always: bool, flat: bool
    ) -> None:
        source = self._source
        deep = depth >= _DEEP
        times = each.fewest if deep else min(each.most, each.fewest + source.below(2 if each.most == 1 else 3))
        if not each.many:
            if times:
                out[key] = self._one(each, (*path, key), depth + 1)
                if always and each.fewest:
                    self._spoil("dropped", (*path, key))
            return
        for _ in range(times):
            rows = out.setdefault(key, [])
            where = (*path, len(rows)) if flat else (*path, key, len(rows))
            rows.append(self._one(each, where, depth + 1))
        if times and always and not flat:
            if each.most < MANY:
                self._spoil("many", (*path, key), [out[key][0]] * (each.most + 1))
            if each.fewest:
                self._spoil("dropped", (*path, key))
            self._spoil("wrong", (*path, key), {"no": "array"})


def _can_be_nil(kind: Any) -> bool:
    """Say whether nil is valid of a type: what must have attributes has them with nil, too."""
    return isinstance(kind, Simple) or not (
        kind.abstract or any(one.required for each in kind.chain for one in each.attributes)
    )


def normal(value: Any) -> Any:
    """Return a value without empty arrays, which are what is absent."""
    if isinstance(value, dict):
        return {key: normal(each) for key, each in value.items() if each != []}
    return [normal(each) for each in value] if isinstance(value, list) else value
