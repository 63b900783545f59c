"""Examples of what an operation takes and gives, made of its types alone: the pages show them, and tests send them.

It reads `types` and answers a JSON value that the codec takes, or `{}` where a type cannot end. It draws nothing at random, knows
no backend, and never grows past its bounds, however a schema nests.
"""

from __future__ import annotations

from base64 import b64encode
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from adapters.soap import scalars
from adapters.soap.types import ANY, HEADERS, TYPE, VALUE, Group, Leaf, Message, Scalar, Wild
from adapters.xml import local, ns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adapters.soap.types import Attribute, Complex, Member, Particle, Types

SIZE: Final = 300  # values: an example is read by a person, and FedEx' deepest request has thousands
DEEP: Final = 4  # objects within objects that show what is optional
_LONG: Final = 1_000  # characters (octets, items) of one value: an example is not where a long one is tried
_TRIED: Final = 20  # values of an enumeration, which a pattern beside it may forbid
_WILD: Final = -1  # the place of what wildcards hold, beside places in `Complex.members`
_TEXT: Final = ("text", "A", "1", "12", "123", "1234", "12345", "AB", "ABC", "a1", "AB12", "+15550100", "a@example.org")
_NUMERIC: Final[dict[str, tuple[str, ...]]] = {
    "decimal": ("12.50", "1", "0"),
    "float": ("12.5", "1", "0"),
    "double": ("12.5", "1", "0"),
    "nonPositiveInteger": ("-1", "0"),
    "negativeInteger": ("-1",),
} | dict.fromkeys(
    "integer long int short byte nonNegativeInteger positiveInteger unsignedLong unsignedInt unsignedShort unsignedByte".split(),  # noqa: SIM905 -- names of one kind, on one line
    ("1", "0"),
)
_OTHER: Final[dict[str, tuple[str, ...]]] = {
    "boolean": ("true",),
    "dateTime": ("2026-12-01T19:30:00", "2026-12-01T19:30:00Z"),
    "date": ("2026-12-01",),
    "time": ("19:30:00",),
    "duration": ("PT2H30M", "P1D"),
    "gYear": ("2026",),
    "gYearMonth": ("2026-12",),
    "gMonthDay": ("--12-01",),
    "gDay": ("---01",),
    "gMonth": ("--12",),
    "QName": ("{urn:example}name",),
    "NOTATION": ("{urn:example}name",),
}


class _NothingFits(Exception):  # noqa: N818 -- an answer, not a failure
    """There is no value: a type holds itself whatever is left out, or no usual text matches a pattern."""


class _TooLarge(Exception):  # noqa: N818 -- an answer, not a failure
    """The example has more values than it may."""


def sample(
    of: Member | Message,
    types: Types,
    *,
    full: bool = True,
    deep: int = DEEP,
    size: int = SIZE,
    sent: bool = False,
    wild: bool = False,
    turn: int = 0,
    nil: bool = False,
) -> Any:
    """Return an example of an element's content, or of a message (`$headers` beside it where header blocks are declared).

    `full` shows what is optional too, with two items an array, `deep` objects deep or as deep as `size` values reach; else there is
    only what must be there. A choice has its first branch that can be had, and a type itself stands where others could in its place;
    `turn` begins with another branch and type. What is `sent` has no rows of a DataSet, which is read and never written. With `wild`,
    wildcards hold something where they need not; with `nil` there is null where it may be, outside arrays. `{}` where no value is finite.
    """
    for depth in range(deep, -1, -1) if full else ():
        with suppress(_TooLarge, _NothingFits):
            return _Maker(types, depth, size, sent=sent, wild=wild, turn=turn, nil=nil).whole(of)
    with suppress(_TooLarge, _NothingFits):
        return _Maker(types, -1, size * 10, sent=sent, wild=wild, turn=turn, nil=nil).whole(
            of
        )  # nothing in it can be left out
    return {}


def spelled(kind: Complex, name: str) -> str:
    """Return what `@type` calls a type where `kind` is expected: by its local name, where its namespace is that of `kind` or none."""
    return local(name) if not kind.space or ns(name) in ("", kind.space) else name


class _Maker:
    """One attempt: shows what is optional in objects down to `deep`, and gives up past `size` values."""

    def __init__(self, types: Types, deep: int, size: int, *, sent: bool, wild: bool, turn: int, nil: bool) -> None:
        self._types, self._deep, self._left = types, deep, size
        self._sent, self._wild, self._turn, self._nil = sent, wild, turn, nil

    def whole(self, of: Member | Message) -> Any:
        if not isinstance(of, Message):
            return self._element(of, ()) if not of.many else [self._element(of, ())] * max(1, of.fewest)
        content = {} if of.element is None else self._element(of.element, ())
        headers = {each.key: self._element(each, ()) for each in of.headers if each.required or self._deep >= 0}
        return {HEADERS: headers, **content} if headers and isinstance(content, dict) else content

    def _element(self, member: Member, above: tuple[str, ...]) -> Any:
        self._left -= 1
        if self._left < 0:
            raise _TooLarge
        if self._nil and member.nillable and above and not member.many:
            return None
        if isinstance(member.type, Scalar):
            return _member_text(member, member.type)
        return self._typed(member.type, above)

    def _typed(self, name: str, above: tuple[str, ...]) -> Any:
        """Return a value of a complex type; `above` are those that it stands in."""
        kind = self._types[name]
        if kind.anything:
            return _TEXT[0]
        if kind.dataset:
            return {} if self._sent else {"Table": [{"id": "1", "name": _TEXT[0]}]}
        if name in above:
            raise _NothingFits
        if kind.array is not None:
            return self._array(kind.array, (*above, name))
        known = [
            self._types[each] for each in (name, *kind.derived) if each in self._types
        ]  # what is broken is not there
        for turn in range(len(known)):
            made = known[(turn + self._turn) % len(known)]
            if not made.abstract and (made is kind or made.name not in above):
                with suppress(_NothingFits):
                    return self._standing(made, kind, above)
        raise _NothingFits

    def _standing(self, made: Complex, kind: Complex, above: tuple[str, ...]) -> dict[str, Any]:
        """Return an object of one type where another is expected."""
        if made is kind:
            return self._object(kind, (*above, kind.name))
        return {TYPE: spelled(kind, made.name), **self._object(made, (*above, kind.name, made.name))}

    def _array(self, item: Member, above: tuple[str, ...]) -> list[Any]:
        generous = len(above) <= self._deep + 1
        times = max(item.fewest, min(item.most, 2)) if generous else max(item.fewest, 1 if len(above) == 1 else 0)
        try:
            return [self._element(item, above) for _ in range(times)]
        except _NothingFits:
            if item.fewest:
                raise
            return []

    def _object(self, kind: Complex, above: tuple[str, ...]) -> dict[str, Any]:
        generous = len(above) <= self._deep + 1
        found: dict[str, Any] = {}
        for attribute in kind.attributes:
            if attribute.required or generous:
                _put_attribute(found, attribute)
        if kind.value is not None:
            found[VALUE] = _value(kind.value)
        content = kind.content or Group("all", tuple(_leaf(at, each) for at, each in enumerate(kind.members)))
        values = self._particle(kind, content, above, generous=generous)
        for at, member in enumerate(kind.members):
            if at in values:
                found[member.key] = values[at] if member.many else values[at][0]
        return found if not values.get(_WILD) else {**found, ANY: values[_WILD]}

    def _particle(
        self, kind: Complex, part: Particle, above: tuple[str, ...], *, generous: bool
    ) -> dict[int, list[Any]]:
        """Return values by place in `kind.members`, as often as the particle is to be there."""
        found: dict[int, list[Any]] = {}
        times = max(part.fewest, int(self._wild)) if isinstance(part, Wild) else _times(part, generous=generous)
        for time in range(times):
            try:
                once = self._once(kind, part, above, time, generous=generous)
            except _NothingFits:
                if time >= part.fewest:
                    break
                if not isinstance(part, Leaf) or not kind.members[part.at].nillable:
                    raise
                once = {part.at: [None]}
            for at, values in once.items():
                found.setdefault(at, []).extend(values)
        return found

    def _once(
        self, kind: Complex, part: Particle, above: tuple[str, ...], time: int, *, generous: bool
    ) -> dict[int, list[Any]]:
        if isinstance(part, Leaf):
            return {part.at: [self._element(kind.members[part.at], above)]}
        self._left -= 1  # a group may be asked for any number of times, and hold nothing
        if self._left < 0:
            raise _TooLarge
        if isinstance(part, Wild):
            return {_WILD: [{_wild_name(part.spaces): _TEXT[0]}]}
        if part.kind != "choice":
            found: dict[int, list[Any]] = {}
            for each in part.parts:
                for at, values in self._particle(kind, each, above, generous=generous).items():
                    found.setdefault(at, []).extend(values)
            return found
        for turn in range(len(part.parts)):  # a repeated choice shows one branch after the other
            branch = part.parts[(self._turn + time + turn) % len(part.parts)]
            with suppress(_NothingFits):
                return self._particle(kind, branch, above, generous=generous)
        if part.parts:
            raise _NothingFits
        return {}


def _leaf(at: int, member: Member) -> Leaf:
    return Leaf(at, max(member.fewest, int(member.required)), member.most)


def _times(part: Leaf | Group, *, generous: bool) -> int:
    if not generous:
        return part.fewest
    return min(part.most, max(part.fewest, 1 if part.most == 1 else 2))


def _wild_name(spaces: str) -> str:
    """Return the name of an element that a wildcard takes: of its first namespace, or of one that is nobody's."""
    first = spaces.split(maxsplit=1)[0] if spaces.strip() else "##any"
    known = {"##targetNamespace": "item", "##local": "{}item"}
    return known.get(first) or ("{urn:example}item" if first.startswith("##") else f"{{{first}}}item")


def _put_attribute(found: dict[str, Any], attribute: Attribute) -> None:
    try:
        found[attribute.key] = (
            _value(attribute.type) if attribute.default is None else said(attribute.type, attribute.default)
        )
    except _NothingFits:
        if attribute.required:
            raise


def _member_text(member: Member, scalar: Scalar) -> Any:
    given = member.fixed if member.fixed is not None else member.default
    if given is not None:
        return said(scalar, given)
    return _value(scalar)


def said(scalar: Scalar, text: str) -> Any:
    """Return the JSON value of a text that a schema gives: a default, a value of an enumeration."""
    read = scalars.reader(scalar)
    return text if read is None else read(text)


def _value(scalar: Scalar) -> Any:
    write = scalars.writer(scalar)
    for value in _candidates(scalar):
        with suppress(scalars.Invalid):
            write(value)
            return value
    raise _NothingFits


def _candidates(scalar: Scalar) -> Iterator[Any]:
    """Give what may be values: those of an enumeration, usual ones, and what the facets ask for."""
    shortest = scalar.length or scalar.min_length or 0
    if shortest > _LONG:
        return
    if scalar.enum:
        yield from (said(scalar, text) for text in scalar.enum[:_TRIED])
    elif scalar.items is not None:
        yield [_value(scalar.items)] * max(1, shortest)
    elif scalar.members:
        for each in scalar.members:
            with suppress(_NothingFits):
                yield _value(each)
    else:
        yield from (said(scalar, text) for text in _texts(scalar, shortest))


def _texts(scalar: Scalar, shortest: int) -> Iterator[str]:
    octets = b"A" * max(1, shortest)
    match scalar.base:
        case "hexBinary":
            yield octets.hex()
        case "base64Binary":
            yield b64encode(octets).decode("ascii")
        case base if base in _NUMERIC:
            after = None if scalar.above is None else scalar.above + 1
            before = None if scalar.below is None else scalar.below - 1
            yield from _NUMERIC[base]
            yield from (f"{each:f}" for each in (scalar.minimum, scalar.maximum, after, before) if each is not None)
        case base if base in _OTHER:
            yield from _OTHER[base]
        case base:
            yield from {"anyURI": ("https://example.org/",), "language": ("en",)}.get(base, ())
            yield from _TEXT
            yield ("text" * (shortest // 4 + 1))[: max(shortest, min(4, scalar.max_length or 4))]
