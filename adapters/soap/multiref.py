"""Values of SOAP's own encoding that stand elsewhere in the Body, put where they are referred to (SOAP 1.1 section 5.4.1).

Before an rpc reply is read. What refers to itself, and what would grow past all bounds, is left as the reference that it is.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Final

from adapters.soap import namespaces

if TYPE_CHECKING:
    from collections.abc import Generator

    from lxml import etree

_REF: Final = f"{{{namespaces.ENCODING12}}}ref"
_ID: Final = f"{{{namespaces.ENCODING12}}}id"
# References to references double with each step: what is copied is bounded, whatever a reply says.
_COPIED_MAX: Final = 200_000
_DEPTH: Final = 32
_BREATH: Final = 100


def expanded(body: etree._Element) -> Generator[None, None, None]:
    """Expand all references of a Body's first child, with yields between."""
    targets: dict[str, etree._Element] = {}
    for count, each in enumerate(body.iter(), 1):
        name = each.get("id") or each.get(_ID)
        if name:
            targets[name] = each
        if count % _BREATH == 0:
            yield
    if not targets:
        return
    left = _COPIED_MAX
    pending = [(each, 0) for each in body[0].iter() if _refers(each)]
    done = 0
    while pending:
        element, depth = pending.pop()
        target = targets.get(_refers(element))
        if target is None or depth > _DEPTH or any(each is target for each in element.iterancestors()):
            continue
        size = sum(1 for _ in target.iter())
        left -= size
        if left < 0:
            return
        _filled(element, target)
        pending += [(each, depth + 1) for each in element.iter() if each is not element and _refers(each)]
        done += size
        if done >= _BREATH:
            done = 0
            yield


def _refers(element: etree._Element) -> str:
    said = element.get("href") or element.get(_REF) or ""
    return said[1:] if said.startswith("#") else ""


def _filled(element: etree._Element, target: etree._Element) -> None:
    copy = deepcopy(target)
    for name in ("href", _REF):
        if name in element.attrib:
            del element.attrib[name]
    for key, value in copy.items():
        if key not in ("id", _ID):
            element.set(key, value)
    element.text = copy.text
    element.extend([*copy])
