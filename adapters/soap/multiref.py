"""Values of SOAP's own encoding that stand elsewhere in the Body, put where they are referred to (SOAP 1.1 section 5.4.1).

Before an rpc reply is read. What refers to itself, and what would grow past all bounds, is left as the reference that it is. It gives
control back while it looks and while it copies, and never raises.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from lxml import etree

from adapters.soap import namespaces

if TYPE_CHECKING:
    from collections.abc import Generator

_REF: Final = f"{{{namespaces.ENCODING12}}}ref"
_ID: Final = f"{{{namespaces.ENCODING12}}}id"
_REFERS: Final = ("href", _REF)
_KNOWN: Final = ("id", _ID)
_NIL: Final = f"{{{namespaces.XSI}}}nil"
_DEPTH: Final = 64  # elements inside one another, as the parser has it: what reads them calls itself for each
_BREATH: Final = 100  # elements that are looked at, or copied, between two yields: 0.2 ms


def expanded(body: etree._Element, elements_max: int) -> Generator[None, None, int]:
    """Expand all references in a Body's first child; returns how many elements were copied.

    References to references double with each step: past `elements_max` copies the rest is left.
    """
    targets: dict[str, etree._Element] = {}
    pending: list[tuple[etree._Element, tuple[str, ...]]] = []
    first = body[0]
    inside = True
    for count, each in enumerate(body.iter(), 1):
        if inside and each.getparent() is body and each is not first:
            inside = False
        if each.keys():
            if name := each.get("id") or each.get(_ID):
                targets.setdefault(name, each)
            if inside and each is not body and each is not first and _refers(each):
                pending.append((each, ()))
        if count % _BREATH == 0:
            yield
    left = elements_max
    pending.reverse()
    while pending and targets:
        element, through = pending.pop()
        name = _refers(element)
        target = targets.get(name)
        if target is None or name in through or any(each is target for each in element.iterancestors()):
            continue
        copying = _Copying(target, left)
        yield from copying.steps(element)
        left -= copying.count
        if copying.made is not None:
            parent = element.getparent()
            assert parent is not None, "what refers stands below the first child"
            parent.replace(element, copying.made)
            pending += [(each, (*through, name)) for each in reversed(copying.found)]
    return elements_max - left


class _Copying:
    """A copy of what is referred to, with the name of what refers. `made` is None where it would be too deep, or too much."""

    def __init__(self, target: etree._Element, left: int) -> None:
        self._target, self._left = target, left
        self.count = 0
        self.made: etree._Element | None = None
        self.found: list[etree._Element] = []

    def steps(self, element: etree._Element) -> Generator[None, None, None]:
        """Copy one by one: at once, a large tree holds the loop."""
        target = self._target
        depth = 1 + sum(1 for _ in element.iterancestors())
        made = element.makeelement(element.tag, _attributes(element, target), nsmap=_scope(element, target))
        made.text, made.tail = target.text, element.tail
        pending = [(made, target, depth)]
        while pending:
            copy, original, depth = pending.pop()
            for child in original:
                self.count += 1
                if depth >= _DEPTH or self.count > self._left:
                    return
                attributes: Any = dict(child.items())
                twin = etree.SubElement(copy, child.tag, attributes, nsmap=_scope(copy, child))
                twin.text, twin.tail = child.text, child.tail
                if len(child):
                    pending.append((twin, child, depth + 1))
                elif twin.keys() and _refers(twin):
                    self.found.append(twin)
                if self.count % _BREATH == 0:
                    yield
        self.made = made


def _refers(element: etree._Element) -> str:
    said = element.get("href") or element.get(_REF) or ""
    return said[1:] if said.startswith("#") else ""


def _attributes(element: etree._Element, target: etree._Element) -> dict[str, Any]:
    """Return what both say of themselves, but for how they are referred to."""
    found: dict[Any, Any] = {**element.attrib, **target.attrib}
    return {name: text for name, text in found.items() if name not in _REFERS and name not in _KNOWN}


def _scope(place: etree._Element, original: etree._Element) -> Any:
    """Return the prefixes that an element meant where it stood, for the names in its texts and types."""
    known = place.nsmap
    return {prefix: space for prefix, space in original.nsmap.items() if known.get(prefix) != space}
