"""From a reply's XML to JSON, by functions that are compiled once per type and operation.

Asked by the facade with a parsed reply. Small types are read at once, whatever may grow in slices: `steps` gives control back about
every millisecond, and turns each hundred items of an array into bytes on the way, so that no reply becomes a forest of Python objects.
It never raises over what a backend sends: what the schema does not know is told by its name, and text that is not of its type as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from adapters.soap import dataset, namespaces, scalars
from adapters.soap.types import ANY, TYPE, VALUE, Scalar
from adapters.xml import local, ns

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    from lxml import etree

    from adapters.soap.types import Complex, Member, Types

    Read = Callable[[etree._Element], Any]
    Steps = Callable[[etree._Element], Generator[None, None, Any]]

_NIL: Final = f"{{{namespaces.XSI}}}nil"
_TYPE: Final = f"{{{namespaces.XSI}}}type"
_QUIET: Final = f"{{{namespaces.XSI}}}"
_TRUE: Final = frozenset(("true", "1"))
_WIDE: Final = 256  # children of one element that are read at once: 0.1 ms
_BREATH: Final = 64  # children between two yields: 30 us, or as many small records
_SLICE: Final = 128  # items of an array that become bytes together


class _Wide(Exception):  # noqa: N818 -- turned into slices by whoever called
    """An element that is too wide to be read at once."""


class Decoder:
    """The readers of one set of types; each is made when it is first needed."""

    def __init__(self, types: Types) -> None:
        self._types = types
        self._reads: dict[str, Read] = {}
        self._steps: dict[str, Steps] = {}
        self._deep: dict[str, bool] = {}

    def steps(self, member: Member, element: etree._Element) -> Generator[None, None, Any]:
        """Read an element as its declaration says, in slices; returns a value that orjson writes."""
        return self._way(member).steps(element)

    def anything(self, element: etree._Element) -> Generator[None, None, Any]:
        """Read an element of which nothing is known, in slices."""
        return self._anything_steps(element)

    # --- complex types

    def _read_of(self, name: str) -> Read:
        if name not in self._reads:
            # What refers to itself asks here again while it is made: it is called by name then.
            self._reads[name] = lambda element: self._reads[name](element)  # noqa: PLW0108 -- not what it is now
            self._reads[name] = self._polymorphic(self._types[name], self._make_read(self._types[name]))
        return self._reads[name]

    def _polymorphic(self, made: Complex, read: Read) -> Read:
        """Follow xsi:type where the schema knows types that may stand in place of this one."""
        if not made.derived:
            return read
        others = {each: self._read_of(each) for each in made.derived}

        def follow(element: etree._Element) -> Any:
            named = element.get(_TYPE)
            name = made.name if named is None else _resolved(element, named)
            if name == made.name or name not in others:
                return read(element)
            value = others[name](element)
            return {TYPE: _short(name, made.space), **value} if isinstance(value, dict) else value

        return follow

    def _make_read(self, made: Complex) -> Read:
        if made.anything:
            return self._anything
        if made.dataset:
            return _wide
        if made.array is not None:
            return self._make_array(made.array)
        table = {each.clark: self._entry(each) for each in made.members}
        finish = self._finish(made)
        other = self._other(made)
        get = table.get

        def read(element: etree._Element) -> Any:
            if len(element) > _WIDE:
                raise _Wide
            out: dict[str, Any] = {}
            for child in element:
                entry = get(child.tag)
                if entry is None:
                    other(child, out)
                    continue
                key, many, of_text, of_element = entry
                if of_element is not None:
                    value = of_element(child)
                else:
                    value = child.text
                    if value is None:
                        value = _nothing(child, of_text)
                    elif of_text is not None:
                        value = of_text(value)
                if not many:
                    out[key] = value
                elif key in out:
                    out[key].append(value)
                else:
                    out[key] = [value]
            if finish is not None:
                return finish(element, out)
            return out if out or element.get(_NIL) not in _TRUE else None

        return read

    def _make_array(self, item: Member) -> Read:
        read = self._item(item)

        def array(element: etree._Element) -> Any:
            if len(element) > _WIDE:
                raise _Wide
            if not len(element) and element.get(_NIL) in _TRUE:
                return None
            return [read(child) for child in element]

        return array

    def _item(self, item: Member) -> Read:
        return _of_scalar(item.type) if isinstance(item.type, Scalar) else self._read_of(item.type)

    def _entry(self, member: Member) -> tuple[str, bool, Callable[[str], object] | None, Read | None]:
        if isinstance(member.type, Scalar):
            if member.type.base == "QName":
                return member.key, member.many, None, _qname
            return member.key, member.many, scalars.reader(member.type), None
        return member.key, member.many, None, self._read_of(member.type)

    def _finish(self, made: Complex) -> Callable[[etree._Element, dict[str, Any]], Any] | None:
        """Return what adds text and attributes; None where the type has neither."""
        if not (made.attributes or made.value or made.mixed or made.wild_attributes):
            return None
        attributes = {each.clark: (each.key, scalars.reader(each.type)) for each in made.attributes}
        of_value = scalars.reader(made.value) if made.value is not None else None

        def finish(element: etree._Element, out: dict[str, Any]) -> Any:
            found: dict[str, Any] = {}
            for name, text in _attributes(element):
                entry = attributes.get(name)
                if entry is not None:
                    found[entry[0]] = text if entry[1] is None else entry[1](text)
                elif not name.startswith(_QUIET):
                    found[f"@{name}"] = text
            if made.value is not None:
                text = element.text or ""
                if not text and element.get(_NIL) in _TRUE:
                    if not found:
                        return None
                    found[VALUE] = None
                else:
                    found[VALUE] = text if of_value is None else of_value(text)
            elif made.mixed and (text := _own_text(element)).strip():
                found[VALUE] = text
            if not found and not out and element.get(_NIL) in _TRUE:
                return None
            return {**found, **out}

        return finish

    # --- what no schema says

    def _other(self, made: Complex) -> Callable[[etree._Element, dict[str, Any]], None]:
        space = made.space

        def other(child: etree._Element, out: dict[str, Any]) -> None:
            """Keep a wildcard's, or what the backend has learnt since the contract was written."""
            key, value = _short(child.tag, space), self._anything(child)
            if made.wild:
                out.setdefault(ANY, []).append({key: value})
            else:
                _put(out, key, value)

        return other

    def _anything(self, element: etree._Element) -> Any:
        """Read an element of which nothing is known but itself, and perhaps the type that it names."""
        if len(element) > _WIDE:
            raise _Wide
        named = element.get(_TYPE)
        if named is not None and (typed := self._typed(element, named)) is not None:
            return typed(element)
        if not len(element) and not element.keys():
            return element.text or ""
        if element.get(_NIL) in _TRUE and not len(element):
            return None
        if dataset.is_dataset(element):
            raise _Wide
        out, space = dict[str, Any](), ns(element.tag)
        for child in element:
            _put(out, _short(child.tag, space), self._anything(child))
        return _with_rest(element, out)

    def _typed(self, element: etree._Element, named: str) -> Read | None:
        name = _resolved(element, named)
        space = ns(name)
        if space == namespaces.XSD and local(name) != "anyType":
            read = scalars.reader(Scalar(local(name) if local(name) != "base64" else "base64Binary"))
            return lambda each: _nothing(each, read) if each.text is None else read(each.text) if read else each.text
        found = self._types.get(name)
        if found is None or found.anything:
            return None
        inner = self._read_of(name)

        def typed(each: etree._Element) -> Any:
            value = inner(each)
            return {TYPE: _short(name, ""), **value} if isinstance(value, dict) else value

        return typed

    # --- in slices

    def _steps_of(self, name: str) -> Steps:
        if name not in self._steps:
            self._steps[name] = self._make_steps(self._types[name])
        return self._steps[name]

    def _make_steps(self, made: Complex) -> Steps:
        if made.anything:
            return self._anything_steps
        if made.dataset:
            return self._dataset_steps
        read = self._read_of(made.name)
        if not self._is_deep(made.name):
            wide = self._wide_steps(made)

            def shallow(element: etree._Element) -> Generator[None, None, Any]:
                try:
                    return read(element)
                except _Wide:
                    return (yield from wide(element))

            return shallow
        return self._polymorphic_steps(made, self._wide_steps(made))

    def _polymorphic_steps(self, made: Complex, own: Steps) -> Steps:
        if not made.derived:
            return own

        def follow(element: etree._Element) -> Generator[None, None, Any]:
            named = element.get(_TYPE)
            name = made.name if named is None else _resolved(element, named)
            if name == made.name or name not in made.derived:
                return (yield from own(element))
            value = yield from self._steps_of(name)(element)
            return {TYPE: _short(name, made.space), **value} if isinstance(value, dict) else value

        return follow

    def _wide_steps(self, made: Complex) -> Steps:
        """Read a type child by child, with a breath between; items of an array become bytes as they come."""
        table = {each.clark: self._way(each) for each in made.members}
        finish, item = self._finish(made), made.array
        of_item = None if item is None else self._way(item)

        def steps(element: etree._Element) -> Generator[None, None, Any]:
            made_of = _Growing()
            for count, child in enumerate(element, 1):
                way = of_item or table.get(child.tag)
                if way is None:
                    value = yield from self._anything_steps(child)
                    key = _short(child.tag, made.space)
                    made_of.put(*((ANY, {key: value}, True) if made.wild else (key, value, False)))
                else:
                    value = yield from way.steps(child)
                    made_of.put(way.key, value, way.many or item is not None)
                if count % _BREATH == 0:
                    yield
            out = made_of.value()
            if item is not None:
                return None if not out and element.get(_NIL) in _TRUE else out.get(item.key, [])
            if finish is not None:
                return finish(element, out)
            return out if out or element.get(_NIL) not in _TRUE else None

        return steps

    def _way(self, member: Member) -> _Way:
        """Return how a member is read in slices; what cannot grow is read at once."""
        type_ = member.type
        if isinstance(type_, Scalar):
            return _Way(member.key, member.many, _of_scalar(type_), None)
        read = None if self._is_deep(type_) else self._read_of(type_)
        return _Way(member.key, member.many, read, lambda element: self._steps_of(type_)(element))

    def _anything_steps(self, element: etree._Element) -> Generator[None, None, Any]:
        named = element.get(_TYPE)
        if named is not None:
            name = _resolved(element, named)
            found = self._types.get(name)
            if found is not None and not found.anything:
                value = yield from self._steps_of(name)(element)
                return {TYPE: _short(name, ""), **value} if isinstance(value, dict) else value
        if dataset.is_dataset(element):
            return (yield from dataset.steps(element))
        if len(element) <= _WIDE:
            try:
                return self._anything(element)
            except _Wide:
                pass
        made_of, space = _Growing(), ns(element.tag)
        for count, child in enumerate(element, 1):
            made_of.put(_short(child.tag, space), (yield from self._anything_steps(child)), False)
            if count % _BREATH == 0:
                yield
        return _with_rest(element, made_of.value())

    def _dataset_steps(self, element: etree._Element) -> Generator[None, None, Any]:
        if dataset.is_dataset(element):
            return (yield from dataset.steps(element))
        return (yield from self._anything_steps(element))

    def _is_deep(self, name: str) -> bool:
        """Say whether a type may hold more than its schema lists one by one: arrays, wildcards, itself."""
        if name not in self._deep:
            self._deep[name] = True  # where it holds itself
            made = self._types[name]
            self._deep[name] = (
                made.anything
                or made.dataset
                or made.wild
                or made.array is not None
                or any(each.many or (isinstance(each.type, str) and self._is_deep(each.type)) for each in made.members)
                or any(self._is_deep(each) for each in made.derived)
            )
        return self._deep[name]


class _Way:
    """How one member is read: at once by `read` where it can be, else by `slow`."""

    __slots__ = ("key", "many", "read", "slow")

    def __init__(self, key: str, many: bool, read: Read | None, slow: Steps | None) -> None:
        self.key, self.many, self.read, self.slow = key, many, read, slow

    def steps(self, element: etree._Element) -> Generator[None, None, Any]:
        if self.read is not None:
            try:
                return self.read(element)
            except _Wide:
                pass
        assert self.slow is not None, "a simple type is never wide"
        return (yield from self.slow(element))


class _Rows:
    """An array while it grows: what is complete is bytes already."""

    __slots__ = ("_done", "_open")

    def __init__(self, *values: Any) -> None:
        self._done: list[bytes] = []
        self._open: list[Any] = [*values]

    def append(self, value: Any) -> None:
        self._open.append(value)
        if len(self._open) >= _SLICE:
            self._done.append(orjson.dumps(self._open)[1:-1])
            self._open.clear()

    def value(self) -> Any:
        if not self._done:
            return self._open
        if self._open:
            self._done.append(orjson.dumps(self._open)[1:-1])
        return orjson.Fragment(b"[" + b",".join(self._done) + b"]")


class _Growing:
    """An object while it grows: its arrays may become long."""

    __slots__ = ("_out", "_rows")

    def __init__(self) -> None:
        self._out: dict[str, Any] = {}
        self._rows: dict[str, _Rows] = {}

    def put(self, key: str, value: Any, many: bool) -> None:
        """Take a member; `many`: of an array. A name that comes again becomes one."""
        if key in self._rows:
            self._rows[key].append(value)
        elif many or key in self._out:
            self._rows[key] = _Rows(value) if many else _Rows(self._out[key], value)
            self._out[key] = None  # keeps its place
        else:
            self._out[key] = value

    def value(self) -> dict[str, Any]:
        for key, rows in self._rows.items():
            self._out[key] = rows.value()
        return self._out


def _wide(element: etree._Element) -> Any:
    del element
    raise _Wide


def _of_scalar(scalar: Scalar) -> Read:
    if scalar.base == "QName":
        return _qname
    read = scalars.reader(scalar)

    def value(element: etree._Element) -> Any:
        text = element.text
        if text is None:
            return _nothing(element, read)
        return text if read is None else read(text)

    return value


def _nothing(element: etree._Element, read: Callable[[str], object] | None) -> Any:
    """Return what an element without text stands for: nil, or the empty text of its type."""
    if element.get(_NIL) in _TRUE:
        return None
    return "" if read is None else read("")


def _qname(element: etree._Element) -> Any:
    text = (element.text or "").strip()
    if not text:
        return _nothing(element, None)
    prefix, _, plain = text.rpartition(":")
    space = element.nsmap.get(prefix or None)
    return f"{{{space}}}{plain}" if space else text


def _resolved(element: etree._Element, named: str) -> str:
    prefix, _, plain = named.strip().rpartition(":")
    space = element.nsmap.get(prefix or None)
    return f"{{{space}}}{plain}" if space else plain


def _short(name: str, space: str) -> str:
    """Name what a schema does not know by its local name, where it is of the namespace around it or of none."""
    return local(name) if not space or ns(name) in ("", space) else name


def _put(out: dict[str, Any], key: str, value: Any) -> None:
    """Put a value under a name that may come again: the second makes it an array."""
    if key not in out:
        out[key] = value
    elif isinstance(out[key], _Again):
        out[key].append(value)
    else:
        out[key] = _Again((out[key], value))


class _Again(list[Any]):
    """An array that came about because a name came again."""


def _with_rest(element: etree._Element, out: dict[str, Any]) -> Any:
    found = {f"@{name}": text for name, text in _attributes(element) if not name.startswith(_QUIET)}
    if not len(element):
        text = element.text or ""
        if not found:
            return text
        return {**found, VALUE: text}
    if (text := _own_text(element)).strip():
        found[VALUE] = text
    return {**found, **out}


def _attributes(element: etree._Element) -> Iterable[tuple[str, str]]:
    return element.items()  # type: ignore[return-value]  # lxml has bytes for those who gave it bytes


def _own_text(element: etree._Element) -> str:
    return (element.text or "") + "".join([child.tail or "" for child in element])
