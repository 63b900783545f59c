"""Values of SOAP's own encoding that stand elsewhere in the Body, put where they are referred to (SOAP 1.1 section 5.4.1).

Before an rpc reply is read. What refers to itself, and what would grow past all bounds, is left as the reference that it is. It gives
control back while it looks and while it copies, and never raises.
"""

from __future__ import annotations

from copy import deepcopy
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from lxml import etree

from adapters.soap import namespaces

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

_REF: Final = f"{{{namespaces.ENCODING12}}}ref"
_ID: Final = f"{{{namespaces.ENCODING12}}}id"
_OURS: Final = frozenset(("href", "id", _REF, _ID))
_NAMING: Final = (  # attributes that name a type by a prefix
    f"{{{namespaces.XSI}}}type",
    f"{{{namespaces.ENCODING11}}}arrayType",
    f"{{{namespaces.ENCODING12}}}itemType",
)
_DEPTH: Final = 64  # elements inside one another, as the parser has it: what reads them calls itself for each
_BREATH: Final = 100  # elements that are looked at between two yields, or half as many copied: 0.2 ms
_SMALL: Final = 50  # elements that are copied at once


def expanded(body: etree._Element, elements_max: int) -> Generator[None, None, None]:
    """Expand all references in a Body's first child, with yields between.

    References to references double with each step: past `elements_max` elements in all the rest is left.
    """
    return _Expansion(body, elements_max).steps()


class _Expansion:
    """The references of one Body. `left` elements may still be made, `spent` have been looked at since others had their turn."""

    def __init__(self, body: etree._Element, elements_max: int) -> None:
        self._body, self._left, self._spent = body, elements_max, 0
        self._targets: dict[str, etree._Element] = {}
        self._pending: list[tuple[etree._Element, tuple[str, ...]]] = []

    def steps(self) -> Generator[None, None, None]:
        yield from self._look()
        while self._pending and self._targets and self._left > 0:
            element, through = self._pending.pop()
            name = _refers(element)
            target = self._targets.get(name)
            # What it stands in is not there twice: a list of its own items has no end.
            if target is None or name in through or any(each is target for each in element.iterancestors()):
                continue
            size = yield from self._size(target)
            if size > self._left:
                self._left = 0
            elif not _is_deep(target, _DEPTH - 1 - sum(1 for _ in element.iterancestors())):
                self._left -= size
                yield from self._put(element, target, (*through, name))
            yield from self._turn()

    def _look(self) -> Iterator[None]:
        """Find what is referred to, and what refers."""
        for each in self._body.iter():
            if each.keys() and (name := each.get("id") or each.get(_ID)):
                self._targets.setdefault(name, each)
            self._left -= 1
            self._spent += 1
            yield from self._turn()
        yield from self._refer(self._body[0], ())

    def _refer(self, within: etree._Element, through: tuple[str, ...]) -> Iterator[None]:
        """Remember what refers inside an element."""
        for each in within.iter():
            if each.keys() and each is not self._body[0] and _refers(each):
                self._pending.append((each, through))
            self._spent += 1
            yield from self._turn()

    def _size(self, target: etree._Element) -> Generator[None, None, int]:
        """Count what would be copied, as far as that matters."""
        size = 0
        for size, _ in enumerate(islice(target.iter(), self._left + 1), 1):
            if size % _COUNTED == 0:
                yield
        self._spent += size // _CHEAP
        return size

    def _put(self, element: etree._Element, target: etree._Element, through: tuple[str, ...]) -> Iterator[None]:
        """Put a copy of what is referred to in place of what refers, under its name."""
        parent = element.getparent()
        assert parent is not None, "what refers stands below the first child"
        made = element.makeelement(element.tag, _attributes(element, target), nsmap=_scope(element, target))
        made.text, tail = target.text, element.tail
        parent.replace(element, made)
        made.tail = tail
        self._mean(target, made)
        yield from self._copy(target, made)
        yield from self._refer(made, through)

    def _copy(self, original: etree._Element, made: etree._Element) -> Iterator[None]:
        """Copy the children: those that are large by theirs."""
        for child in original:
            size = sum(1 for _ in islice(child.iter(), _SMALL + 1))
            if size > _SMALL:
                twin = etree.SubElement(made, child.tag, _all(child), nsmap=_scope(made, child))
                twin.text, twin.tail = child.text, child.tail
                yield from self._copy(child, twin)
            else:
                twin = deepcopy(child)
                made.append(twin)
                for was, now in zip(child.iter(), twin.iter(), strict=True):
                    self._mean(was, now)
                    yield from self._turn()
            self._spent += 2 * size
            yield from self._turn()

    def _mean(self, was: etree._Element, now: etree._Element) -> None:
        """Let a copy name the type that the original names: lxml drops a prefix where its namespace has another one around already."""
        for said in _NAMING if now.keys() else ():
            if (named := was.get(said)) is None:
                continue
            prefix, _, plain = named.strip().rpartition(":")
            meant, known = was.nsmap, now.nsmap
            self._spent += (len(meant) + len(known)) // _NAMES
            space = meant.get(prefix or None)
            if space is not None and known.get(prefix or None) != space:
                other = next((each for each, uri in known.items() if uri == space), None)
                now.set(said, f"{other}:{plain}" if other else plain)

    def _turn(self) -> Iterator[None]:
        if self._spent >= _BREATH:
            self._spent = 0
            yield


_COUNTED: Final = 4_000  # elements that are counted between two yields: 0.2 ms
_CHEAP: Final = 8  # elements that are counted in the time that one is looked at
_NAMES: Final = 8  # prefixes in scope that are gathered in that time


def _is_deep(target: etree._Element, most: int) -> bool:
    """Say whether more elements stand inside one another than may."""
    return most < 0 or bool(_deeper(most)(target))


def _deeper(most: int) -> etree.XPath:
    if most not in _DEEPER:
        _DEEPER[most] = etree.XPath("boolean(" + "/".join(["*"] * (most + 1)) + ")")
    return _DEEPER[most]


_DEEPER: Final[dict[int, etree.XPath]] = {}


def _refers(element: etree._Element) -> str:
    said = element.get("href") or element.get(_REF) or ""
    return said[1:] if said.startswith("#") else ""


def _all(element: etree._Element) -> Any:
    return dict(element.attrib)


def _attributes(element: etree._Element, target: etree._Element) -> Any:
    """Return what both say of themselves, but for how they are referred to."""
    found = {**_all(element), **_all(target)}
    return {name: text for name, text in found.items() if name not in _OURS}


def _scope(place: etree._Element, original: etree._Element) -> Any:
    """Return the prefixes that an element meant where it stood, for the names in its texts and types."""
    known = place.nsmap
    return {prefix: space for prefix, space in original.nsmap.items() if known.get(prefix) != space}
