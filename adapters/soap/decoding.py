"""From a reply's XML to JSON, by functions that are compiled once per type and operation.

Asked by the facade with a parsed reply. Small types are read at once, whatever may grow in slices: `steps` gives control back about
every half millisecond, and turns what is complete into bytes on the way, so that no reply becomes a forest of Python objects.
It never raises over what a backend sends: what the schema does not know is told by its name, and text that is not of its type as it is.
"""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, TypeVar

from adapters.soap import scalars
from adapters.soap.growing import LONG, WIDE, Growing, Meter, Rows, Texts, long
from adapters.soap.strangers import (
    NIL,
    QUIET,
    TRUE,
    TYPED,
    Again,
    Strangers,
    Wide,
    exactly,
    holds,
    is_name,
    nothing,
    of_scalar,
    own_text,
    qualified,
    resolved,
    scalar_steps,
    short,
    with_type,
)
from adapters.soap.types import ANY, TYPE, VALUE, Member, Scalar
from adapters.xml import local

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from lxml import etree

    from adapters.soap.strangers import Front, Read, Steps
    from adapters.soap.types import Complex, Named, Types

    Entry = tuple[str, bool, Callable[[str], object] | None, Read | None]
    """A member while it is read: its key, whether it is an array, and what makes a value of its text or of its element."""
    T = TypeVar("T")

_VALUE: Final = Member(VALUE, VALUE, Scalar("string"))
_SKIPPED: Final = 8  # elements that are read in slices after one that was too large to be read at once
_MOST: Final = WIDE + 1  # children that are looked at: to count all holds the loop, where there are a hundred thousand
_LEAST: Final = "!"  # what begins with white space is less


class Decoder:
    """The readers of one set of types; each is made when it is first needed."""

    def __init__(self, types: Types, named: Named) -> None:
        self._types = types
        self._meter = Meter()
        self._reads: dict[str, Read] = {}
        self._steps: dict[str, Steps] = {}
        self._growing: dict[str, bool] = {}
        self._strangers = Strangers(types, named, self._meter, self._read_of, self._steps_of)

    def steps(self, member: Member, element: etree._Element, front: Front = None) -> Generator[None, None, Any]:
        """Read an element as its declaration says, in slices; returns a value that orjson writes.

        An object begins with the members of `front`; what is none stands in an object that does, as its own member.
        """
        value = yield from self._way(member).steps(element, front, self._meter)
        if not front:
            return value
        is_object = not isinstance(member.type, Scalar) and self._types[member.type].array is None
        return {**front, VALUE: value} if not is_object or value is None or isinstance(value, str) else value

    def children(self, members: Mapping[str, Member], element: etree._Element) -> Generator[None, None, Any]:
        """Read what stands in an element, such as a fault's detail: what is declared by its type, anything else by its looks."""
        grown, meter = Growing(), self._meter
        ways = {clark: self._way(member) for clark, member in members.items()}
        for child in element:
            before, way = meter.spent, ways.get(child.tag)
            if way is not None:
                value = yield from way.steps(child, None, meter)
            else:
                value = yield from self._strangers.steps(child, None, exact=False)
            grown.put(short(child.tag, "") if way is None else way.key, value, meter.spent - before + 1)
            yield from meter.turn()
        return (yield from grown.finished())

    # --- complex types

    def _read_of(self, name: str) -> Read:
        if name not in self._reads:
            self._reads[name] = self._polymorphic(self._types[name], self._make_read(self._types[name]))
        return self._reads[name]

    def _polymorphic(self, made: Complex, read: Read) -> Read:
        """Follow xsi:type where the schema knows types that may stand in place of this one."""
        if not made.derived:
            return read

        def follow(element: etree._Element) -> Any:
            named = element.get(TYPED)
            name = made.name if named is None else resolved(element, named, self._meter)
            if name == made.name or name not in made.derived:
                return read(element)
            return with_type(name, made.space, self._read_of(name)(element))

        return follow

    def _make_read(self, made: Complex) -> Read:
        if made.anything:
            return self._strangers.read_exactly
        if made.dataset:
            return _wide
        if made.array is not None:
            return self._make_array(made.array)
        table: dict[str, Entry] = {}
        for each in made.members:
            table[each.clark] = self._entry(each, table)
        loose, front_of, other = _loose(made, table), self._front(made), self._other(made)
        get, meter, strange, special = table.get, self._meter, self._strangers.read, self._special

        def read(element: etree._Element) -> Any:
            children = [*islice(element, _MOST)]
            spent = meter.spent = meter.spent + len(children) + 1
            if spent > meter.most:
                raise Wide
            out: dict[str, Any] = {} if front_of is None else front_of(element)
            for child in children:
                entry = get(child.tag) or loose.get(_otherwise(child.tag))
                if entry is None:
                    other(child, out)
                    continue
                key, many, of_text, of_element = entry
                if of_element is not None:
                    value = of_element(child)
                else:
                    value = child.text
                    if of_text is not None and value is not None:
                        value = of_text(value)
                        if value is None and holds(child):
                            value = strange(child, exact=False)
                    elif value is None or value < _LEAST or len(value) > LONG:
                        value = special(child, value, of_text)
                if key not in out:
                    out[key] = [value] if many else value
                elif many:
                    out[key].append(value)
                else:
                    Again.put(out, key, value)
            return out if out or element.get(NIL) not in TRUE else None

        return read

    def _special(self, element: etree._Element, text: str | None, of_text: Callable[[str], object] | None) -> Any:
        """Read an element of a simple type that has no text, or a long one, or begins with white space, as one with others in it does."""
        if text is not None and len(text) > LONG:
            raise Wide
        if holds(element) and (text is None or text.isspace()):
            return self._strangers.read(element, exact=False)
        return nothing(element, of_text) if text is None else text

    def _make_array(self, item: Member) -> Read:
        meter, read = self._meter, self._item(item)

        def array(element: etree._Element) -> Any:
            children = [*islice(element, _MOST)]
            spent = meter.spent = meter.spent + len(children) + 1
            if spent > meter.most:
                raise Wide
            if not children and element.get(NIL) in TRUE:
                return None
            return [read(child) for child in children]

        return array

    def _item(self, item: Member) -> Read:
        type_ = item.type
        if isinstance(type_, Scalar):
            return of_scalar(type_, self._meter)
        reads = self._reads

        def item_of(element: etree._Element) -> Any:
            return (reads.get(type_) or self._read_of(type_))(element)

        return item_of

    def _entry(self, member: Member, table: dict[str, Entry]) -> Entry:
        type_, key, many = member.type, member.key, member.many
        if isinstance(type_, Scalar):
            by_element = of_scalar(type_, self._meter) if is_name(type_) else None  # with its prefixes
            return key, many, scalars.reader(type_), by_element

        def first(element: etree._Element) -> Any:
            """Make the reader when it is needed: types hold one another in chains that are longer than Python's stack."""
            read = self._read_of(type_)
            table[member.clark] = key, many, None, read
            return read(element)

        return key, many, None, first

    def _front(self, made: Complex) -> Callable[[etree._Element], dict[str, Any]] | None:
        """Return what reads attributes and text; None where the type has neither."""
        if not _has_attributes(made):
            return None
        attributes, of_value = self._attributes(made), None
        if made.value is not None:
            of_value = of_scalar(made.value, self._meter)

        def front(element: etree._Element) -> dict[str, Any]:
            found = attributes(element)
            if of_value is not None:
                value = (element.text or "") if holds(element) else of_value(element)
                if value is not None or found or element.get(NIL) not in TRUE:
                    found[VALUE] = value
            elif made.mixed and (text := own_text(element)).strip():
                if len(text) > LONG:
                    raise Wide
                found[VALUE] = text
            return found

        return front

    def _attributes(self, made: Complex) -> Callable[[etree._Element], dict[str, Any]]:
        known = {each.clark: (each.key, each.type, scalars.reader(each.type)) for each in made.attributes}
        meter = self._meter

        def attributes(element: etree._Element) -> dict[str, Any]:
            found: dict[str, Any] = {}
            if not element.keys():
                return found
            items: Any = element.items()
            meter.spent += len(items)
            for name, text in items:
                entry = known.get(name)
                if entry is not None:
                    key, scalar, read = entry
                    if is_name(scalar):
                        found[key] = qualified(element, text, scalar, meter)
                    else:
                        found[key] = text if read is None else read(text)
                elif not name.startswith(QUIET):
                    found[f"@{name}"] = text
            return found

        return attributes

    def _other(self, made: Complex) -> Callable[[etree._Element, dict[str, Any]], None]:
        """Return what keeps a wildcard's, or what the backend has learnt since the contract was written."""
        read, keys = self._strangers.read, _keys(made)

        def other(child: etree._Element, out: dict[str, Any]) -> None:
            value = read(child, exact=made.wild)
            if made.wild:
                out.setdefault(ANY, []).append({exactly(child.tag, made.space): value})
            else:
                Again.put(out, _unknown(child.tag, made.space, keys), value)

        return other

    # --- in slices

    def _steps_of(self, name: str) -> Steps:
        if name not in self._steps:
            self._steps[name] = self._make_steps(self._types[name])
        return self._steps[name]

    def _make_steps(self, made: Complex) -> Steps:
        if made.anything:
            return lambda element, front: self._strangers.steps(element, front, exact=True)
        if made.dataset:
            return self._strangers.dataset
        if made.array is not None:
            return self._array_slices(made.array)
        own = self._slices(made)
        if not made.derived:
            return own

        def follow(element: etree._Element, front: Front) -> Generator[None, None, Any]:
            named = element.get(TYPED)
            name = made.name if named is None else resolved(element, named, self._meter)
            if name == made.name or name not in made.derived:
                return (yield from own(element, front))
            return (yield from self._steps_of(name)(element, {TYPE: short(name, made.space), **(front or {})}))

        return follow

    def _slices(self, made: Complex) -> Steps:
        """Return what reads a type child by child, with a breath between."""
        table = {each.clark: self._way(each) for each in made.members}
        loose, keys, meter, strangers = _loose(made, table), _keys(made), self._meter, self._strangers
        attributes = self._attributes(made) if _has_attributes(made) else _none
        of_value = (
            None if made.value is None else _Way(_VALUE, of_scalar(made.value, meter), self._scalar_steps(made.value))
        )

        def slices(element: etree._Element, front: Front) -> Generator[None, None, Any]:
            grown = Growing({**(front or {}), **attributes(element)})
            texts = Texts(element.text)
            if of_value is not None:
                value = (element.text or "") if holds(element) else (yield from of_value.steps(element, None, meter))
                if value is not None or grown or element.get(NIL) not in TRUE:
                    grown.put(VALUE, value, 1)
            for child in element:
                before = meter.spent
                meter.spent += 1
                way = table.get(child.tag) or loose.get(_otherwise(child.tag))
                if way is not None:
                    if way.skip:
                        value = yield from way.steps(child, None, meter)
                    else:
                        meter.most = meter.spent + WIDE
                        value = way.tried(child)
                        if value is Wide:
                            value = yield from way.gone(child, meter)
                    grown.put(way.key, value, meter.spent - before, many=way.many)
                else:
                    value = yield from strangers.steps(child, None, exact=made.wild)
                    if made.wild:
                        grown.put(ANY, {exactly(child.tag, made.space): value}, meter.spent - before, many=True)
                    else:
                        grown.put(_unknown(child.tag, made.space, keys), value, meter.spent - before)
                if made.mixed and (tail := child.tail):
                    texts.append(tail)
                if meter.spent >= meter.due:
                    meter.breathe()
                    yield
            if made.mixed and (text := texts.whole()):
                grown.put(VALUE, (yield from long(text)) if len(text) > LONG else text, 1)
            if len(grown) <= len(front or ()) and element.get(NIL) in TRUE:
                return None
            return (yield from grown.finished())

        return slices

    def _array_slices(self, item: Member) -> Steps:
        way, meter = self._way(item), self._meter

        def slices(element: etree._Element, _: Front) -> Generator[None, None, Any]:
            rows = Rows()
            if not holds(element) and element.get(NIL) in TRUE:
                return None
            for child in element:
                before = meter.spent
                meter.spent += 1
                if way.skip:
                    value = yield from way.steps(child, None, meter)
                else:
                    meter.most = meter.spent + WIDE
                    value = way.tried(child)
                    if value is Wide:
                        value = yield from way.gone(child, meter)
                rows.append(value, meter.spent - before)
                if meter.spent >= meter.due:
                    meter.breathe()
                    yield
            return (yield from rows.finished())

        return slices

    def _way(self, member: Member) -> _Way:
        """Return how a member is read."""
        type_ = member.type
        if isinstance(type_, Scalar):
            return _Way(member, of_scalar(type_, self._meter), self._scalar_steps(type_))

        def slow(element: etree._Element, front: Front) -> Generator[None, None, Any]:
            """Make them when they are needed: a type may hold itself."""
            return self._steps_of(type_)(element, front)

        return _Way(member, self._read_of(type_), slow)

    def _scalar_steps(self, scalar: Scalar) -> Steps:
        strangers, of_text = self._strangers, scalar_steps(scalar)

        def steps(element: etree._Element, front: Front) -> Generator[None, None, Any]:
            return strangers.steps(element, front, exact=False) if holds(element) else of_text(element)

        return steps


class _Way:
    """How one member is read: at once by `read`, in slices by `slow` where that is too much.

    `skip` is how often the first is not tried, because there was too much the last time.
    """

    __slots__ = ("_slow", "key", "many", "read", "skip")

    def __init__(self, member: Member, read: Read, slow: Steps) -> None:
        self.key, self.many, self.read, self._slow, self.skip = member.key, member.many, read, slow, 0

    def steps(self, element: etree._Element, front: Front, meter: Meter) -> Generator[None, None, Any]:
        """Read an element, whose object begins with `front`."""
        if self.skip:
            self.skip -= 1
            return (yield from self._slow(element, front))
        meter.most = meter.spent + WIDE
        value = self.tried(element)
        if value is Wide:
            return (yield from self.gone(element, meter, front))
        return {**front, **value} if front and isinstance(value, dict) else value

    def tried(self, element: etree._Element) -> Any:
        """Read an element at once; `Wide` where that is too much.

        It is no exception any more then: while one is handled it holds what was read before it, texts of a megabyte too.
        """
        try:
            return self.read(element)
        except Wide:
            return Wide

    def gone(self, element: etree._Element, meter: Meter, front: Front = None) -> Generator[None, None, Any]:
        """Read an element that was too much."""
        self.skip = _SKIPPED
        yield from meter.turn()
        return (yield from self._slow(element, front))


def _wide(element: etree._Element) -> Any:
    del element
    raise Wide


def _has_attributes(made: Complex) -> bool:
    """Say whether an element of a type may have attributes that mean something, or text beside its children."""
    return bool(made.attributes or made.value or made.mixed or made.wild_attributes)


def _none(element: etree._Element) -> dict[str, Any]:
    del element
    return {}


def _loose(made: Complex, table: Mapping[str, T]) -> dict[str, T]:
    """Return members by what they are called where one side forgets the namespace, which many services do; see `_otherwise`.

    What a wildcard could mean is left to it.
    """
    members = () if made.wild else made.members
    times = Counter(local(each.clark) for each in members)
    alone = [each.clark for each in members if times[local(each.clark)] == 1]
    return {local(each) if each.startswith("{") else f"}}{each}": table[each] for each in alone}


def _otherwise(tag: str) -> str:
    """Return a name for `_loose`: of no namespace as it is, of any as such."""
    return f"}}{local(tag)}" if tag[0] == "{" else tag


def _keys(made: Complex) -> frozenset[str]:
    return frozenset(each.key for each in made.members)


def _unknown(tag: str, space: str, keys: frozenset[str]) -> str:
    """Name what no schema knows: by its local name, where nothing else is called that."""
    key = short(tag, space)
    if key not in keys:
        return key
    return tag if tag.startswith("{") else f"{{}}{tag}"
