"""Elements of which a contract says nothing, or only that anything may stand there, read by their looks: names, text, xsi:type.

Under the decoder. It never raises over what a backend sends. What may be large is read in slices, with what is complete turned into
bytes on the way.
"""

from __future__ import annotations

from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from adapters.soap import dataset, namespaces, scalars
from adapters.soap.facets import BUILTIN
from adapters.soap.fault import SOAP11_NS, SOAP12_NS
from adapters.soap.growing import LONG, WIDE, Growing, Meter, Rows, Texts, large, long
from adapters.soap.types import TYPE, VALUE, Scalar
from adapters.xml import local, ns

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from lxml import etree

    from adapters.soap.types import Named, Types

    Front = dict[str, Any] | None
    """Members that an object begins with."""
    Read = Callable[[etree._Element], Any]  # noqa: SLF001 -- what lxml calls its elements
    Steps = Callable[[etree._Element, Front], Generator[None, None, Any]]  # noqa: SLF001 -- as above

QUIET: Final = tuple(
    f"{{{space}}}" for space in (namespaces.XSI, SOAP11_NS, SOAP12_NS, namespaces.ENCODING11, namespaces.ENCODING12)
)
"""The namespaces of attributes that speak of the XML and not of what it says."""
NIL: Final = f"{{{namespaces.XSI}}}nil"
TYPED: Final = f"{{{namespaces.XSI}}}type"
TRUE: Final = frozenset(("true", "1"))
_SCALARS: Final = frozenset((namespaces.XSD, namespaces.ENCODING11, namespaces.ENCODING12))
_ARRAYS: Final = frozenset(f"{{{space}}}Array" for space in (namespaces.ENCODING11, namespaces.ENCODING12))
_ARRAY_TYPE: Final = f"{{{namespaces.ENCODING11}}}arrayType"
_NAMES: Final = 16  # declarations in scope that are looked through in the time of one element
_DIFFGRAM: Final = "{urn:schemas-microsoft-com:xml-diffgram-v1}diffgram"
_FIRST: Final = 16  # children among which a diffgram is: before it are schemas, of tables in several namespaces
_PROTO: Final = "__proto__"  # sets an object's prototype in JavaScript programs that copy members (CWE-1321)


class Wide(Exception):  # noqa: N818 -- turned into slices by whoever called
    """There is more than can be read at once."""


class Again(list[Any]):
    """An array that came about because a name came again where the schema has it once, or not at all."""

    @staticmethod
    def put(out: dict[str, Any], key: str, value: Any) -> None:
        """Put a value under a name that may be taken."""
        if key not in out:
            out[key] = value
        elif type(out[key]) is Again:
            out[key].append(value)
        else:
            out[key] = Again((out[key], value))


class Strangers:
    """Their reader. What names a type of the schema is read as that."""

    def __init__(
        self,
        types: Types,
        named: Named,
        meter: Meter,
        read_of: Callable[[str], Read],
        steps_of: Callable[[str], Steps],
    ) -> None:
        self._types, self._named, self._meter = types, named, meter
        self._read_of, self._steps_of = read_of, steps_of

    def read_exactly(self, element: etree._Element) -> Any:
        """As `read`, with names that can be written again."""
        return self.read(element, exact=True)

    def read(self, element: etree._Element, *, exact: bool) -> Any:
        """Read an element at once. Raises `Wide`. Names are told apart by their namespaces where it is `exact`."""
        meter = self._meter
        children = [*islice(element, WIDE + 1)]  # to count all holds the loop, where there are a hundred thousand
        size = len(children)
        meter.spent += size + 1
        if meter.spent > meter.most:
            raise Wide
        if not element.keys():
            if not size:
                text = element.text or ""
                if len(text) > LONG:
                    raise Wide
                return text
        elif (named := element.get(TYPED)) is not None:
            name = resolved(element, named, meter)
            if name not in self._types and self._named.knows(name):
                raise Wide
            if name in self._types and not self._types[name].anything:
                return with_type(name, ns(element.tag), self._read_of(name)(element))
            if not size and (scalar := _scalar(name)) is not None:
                return of_scalar(scalar, meter)(element)
        if not size and element.get(NIL) in TRUE:
            return None
        if _is_dataset(element):
            raise Wide
        if self._is_array(element):
            return [self.read(child, exact=exact) for child in children]
        out = attributes(element, meter)
        text = own_text(element)
        if len(text) > LONG:
            raise Wide
        if text.strip() or not size:
            if not size and not out:
                return text
            out[VALUE] = text
        name_of, space = exactly if exact else short, ns(element.tag)
        for child in children:
            Again.put(out, name_of(child.tag, space), self.read(child, exact=exact))
        return out

    def steps(self, element: etree._Element, front: Front, *, exact: bool) -> Generator[None, None, Any]:
        """Read an element in slices. `front` is what its object begins with, where it is one."""
        meter = self._meter
        named = element.get(TYPED)
        name = "" if named is None else resolved(element, named, meter)
        yield from self._named.summon(name)
        if name in self._types and not self._types[name].anything:
            more = {TYPE: short(name, ns(element.tag)), **(front or {})}
            return (yield from self._steps_of(name)(element, more))
        if _is_dataset(element):
            return (yield from self.dataset(element, front))
        meter.most = meter.spent + WIDE
        value: Any = Wide
        with suppress(Wide):
            value = self.read(element, exact=exact)
        if (
            value is Wide
        ):  # here, for an exception that is being handled holds whatever was read before it, texts of a megabyte too
            meter.due = meter.spent  # and each level around it tries
            return (yield from self._slices(element, front, exact=exact))
        return {**front, **value} if front and isinstance(value, dict) else value

    def dataset(self, element: etree._Element, front: Front) -> Generator[None, None, Any]:
        """Read a DataSet; what should be one and is empty has no tables."""
        if _is_dataset(element):
            found = yield from dataset.steps(element)
            return (yield from large(found, front))
        if not holds(element) and not (element.text or "").strip():
            return None if element.get(NIL) in TRUE else dict(front or {})
        return (yield from self.steps(element, front, exact=False))

    def _slices(self, element: etree._Element, front: Front, *, exact: bool) -> Generator[None, None, Any]:
        meter = self._meter
        yield from meter.turn()
        if not holds(element) and not front and not attributes(element, meter):
            return (yield from long(element.text or ""))
        if self._is_array(element):
            rows = Rows()
            for child in element:
                before = meter.spent
                rows.append((yield from self._child(child, exact=exact)), meter.spent - before)
                yield from meter.turn()
            return (yield from rows.finished())
        grown = Growing({**(front or {}), **attributes(element, meter)})
        texts = Texts(element.text)
        name_of, space = exactly if exact else short, ns(element.tag)
        for child in element:
            before = meter.spent
            value = yield from self._child(child, exact=exact)
            grown.put(name_of(child.tag, space), value, meter.spent - before)
            if tail := child.tail:
                texts.append(tail)
            if meter.spent >= meter.due:
                meter.breathe()
                yield
        if text := texts.whole():
            grown.put(VALUE, (yield from long(text)) if len(text) > LONG else text, 1)
        return (yield from grown.finished())

    def _child(self, child: etree._Element, *, exact: bool) -> Generator[None, None, Any]:
        self._meter.spent += 1
        if not holds(child) and not child.keys():
            text = child.text or ""
            return (yield from long(text)) if len(text) > LONG else text
        return (yield from self.steps(child, None, exact=exact))

    def _is_array(self, element: etree._Element) -> bool:
        """Know an array of SOAP's own encoding, whose items may be called anything (SOAP 1.1 section 5.4.2)."""
        if not element.keys():
            return False
        named = element.get(TYPED)
        return element.get(_ARRAY_TYPE) is not None or (
            named is not None and resolved(element, named, self._meter) in _ARRAYS
        )


def holds(element: etree._Element) -> bool:
    """Say whether there are others in an element; `len` would count them all."""
    return next(iter(element), None) is not None


def _is_dataset(element: etree._Element) -> bool:
    """As `dataset.is_dataset`, of an element that may be wide: a diffgram is its first child, or follows its schema."""
    return any(child.tag == _DIFFGRAM for child in islice(element, _FIRST))


def _scalar(name: str) -> Scalar | None:
    """Return the built-in type of a name, also SOAP encoding's twin of it (SOAP 1.1 section 5.2)."""
    plain = local(name)
    if ns(name) not in _SCALARS or not (plain in BUILTIN or plain == "base64"):
        return None
    return Scalar("base64Binary" if plain == "base64" else plain)


def of_scalar(scalar: Scalar, meter: Meter) -> Read:
    """Return what reads an element of a simple type. It raises `Wide` over a long text, and where others stand in it all the same."""
    read, named = scalars.reader(scalar), is_name(scalar)

    def value(element: etree._Element) -> Any:
        text = element.text
        if text is None or text.isspace() or len(text) > LONG:
            if holds(element) or (text is not None and len(text) > LONG):
                raise Wide
            if text is None:
                return nothing(element, None if named and scalar.items is None else read)
        if named:
            return qualified(element, text, scalar, meter)
        return text if read is None else read(text)

    return value


def scalar_steps(scalar: Scalar) -> Callable[[etree._Element], Generator[None, None, Any]]:
    """Return what reads an element of a simple type whose text is long."""
    read = scalars.reader(scalar)

    def steps(element: etree._Element) -> Generator[None, None, Any]:
        text = element.text or ""
        value = text if read is None else read(text)
        yield
        return (yield from long(value)) if isinstance(value, str) else value

    return steps


def nothing(element: etree._Element, read: Callable[[str], object] | None) -> Any:
    """Return what an element without text stands for: nil, or the empty text of its type."""
    if element.get(NIL) in TRUE:
        return None
    return "" if read is None else read("")


# --- names


def is_name(scalar: Scalar) -> bool:
    """Say whether a text is a qualified name, or a list of them."""
    return (scalar.items or scalar).base in ("QName", "NOTATION")


def qualified(element: etree._Element, text: str, scalar: Scalar, meter: Meter) -> Any:
    """Return the qualified name that a text is, or the list of them, as JSON says it."""
    if scalar.items is not None:
        return [resolved(element, each, meter) for each in text.split()]
    return resolved(element, text, meter)


def resolved(element: etree._Element, named: str, meter: Meter) -> str:
    """Return a qualified name as Clark has it. A prefix that nobody declared stays as it is."""
    prefix, _, plain = named.strip().rpartition(":")
    scope = element.nsmap
    meter.spent += len(scope) // _NAMES
    space = namespaces.XML if prefix == "xml" else scope.get(prefix or None)
    if space:
        return f"{{{space}}}{plain}"
    return named.strip() if prefix else plain


def short(name: str, space: str) -> str:
    """Name an element by its local name, where it is of the namespace `space` around it or of none, or nobody knows of one."""
    plain = local(name)
    if plain == _PROTO:
        return name if name != plain else f"{{}}{plain}"
    return plain if not space or ns(name) in ("", space) else name


def exactly(name: str, space: str) -> str:
    """Name an element by its local name, where it is of the namespace `space` around it; what is of none says so."""
    found, plain = ns(name), local(name)
    if found == space and plain != _PROTO:
        return plain
    return name if found else f"{{}}{name}"


def with_type(name: str, space: str, value: Any) -> Any:
    """Say in an object that it is of a type that stands in place of another."""
    return {TYPE: short(name, space), **value} if isinstance(value, dict) else value


# --- attributes and text


def attributes(element: etree._Element, meter: Meter) -> dict[str, Any]:
    """Read all attributes by their looks."""
    if not element.keys():
        return {}
    found = {f"@{name}": text for name, text in _items(element) if not name.startswith(QUIET)}
    meter.spent += len(found)
    return found


def _items(element: etree._Element) -> list[tuple[str, str]]:
    return element.items()  # type: ignore[return-value]  # lxml has bytes for those who gave it bytes


def own_text(element: etree._Element) -> str:
    """Return an element's text between its children."""
    return (element.text or "") + "".join([child.tail or "" for child in element])
