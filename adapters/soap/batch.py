"""The operations that a `Batch` runs: one request of a ticketing API that names several others in its content.

Asked while a request is classified. It answers with names, an empty list for a Batch of nothing, or a refusal (too_large, malformed);
it never looks at their arguments.

How members are found: Tessitura's contract (ArrayOfBatchRequest) names each by the text of an `Operation` element; the names next
to it are those that similar contracts use, as elements or attributes. An element inside the Batch that is itself called like an
operation counts too; while no WSDL is known, so do the children of the Batch, or of its one wrapper, that have children or nothing
in them. Naming too many errs on the safe side: each name only adds its own rules.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from adapters.xml import local
from sidecar.model import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from lxml import etree

BATCH: Final = "batch"  # compared without regard to case
_NAMING: Final = frozenset(("operation", "operationname", "method", "methodname"))
_ELEMENTS: Final = 2_000  # looking at each takes 1.5 ms; fifty calls have three elements each in the one contract seen
_PLAIN: Final = re.compile(r"[A-Za-z_][\w.\-]*")


def is_batch(name: str) -> bool:
    """Say whether an operation of this name may run others."""
    return len(name) == len(BATCH) and name.lower() == BATCH


def runs_others(names: tuple[str, ...]) -> bool:
    """Say whether any of `names` may run others."""
    return any(map(is_batch, names))


def members_of(
    batch: etree._Element, most: int, is_known: Callable[[str], bool] | None, *, split_text: bool
) -> tuple[str, ...] | Refusal:
    """Return the names of the operations inside, each once, in order.

    `most`: how many calls one Batch may hold. `is_known` says whether a name is an operation's, None while that is not known.
    `split_text`: the document has comments or the like, at which a backend may cut a name short, so a name with anything but
    plain text is refused.
    """
    names: list[str] = []
    for at, element in enumerate(batch.iterdescendants()):
        if at == _ELEMENTS:
            return Refusal(
                "malformed", "elements", f"more than {_ELEMENTS} elements in one Batch; send fewer at a time"
            )
        names += _named_by(element)
        if is_known is not None and is_known(local(element.tag)):
            names.append(local(element.tag))
        if len(names) > most:
            return Refusal("too_large", detail=f"more than {most} operations in one Batch; send fewer at a time")
    if not names and is_known is None:
        names = [local(str(each.tag)) for each in _entries(batch)]
    return _judged(names, most, split_text=split_text)


def _judged(names: list[str], most: int, *, split_text: bool) -> tuple[str, ...] | Refusal:
    if len(names) > most:
        return Refusal("too_large", detail=f"more than {most} operations in one Batch; send fewer at a time")
    if any(is_batch(name) for name in names):
        return Refusal("malformed", "nested", "a Batch inside a Batch is not taken; send its operations in one")
    if split_text and names:
        return Refusal("malformed", "operation", "a Batch with comments or processing instructions is not taken")
    odd = next((name for name in names if not _PLAIN.fullmatch(name)), None)
    if odd is not None:
        return Refusal("malformed", "operation", f"{odd[:60]!r} in a Batch is no name of an operation")
    return tuple(dict.fromkeys(names))


def _named_by(element: etree._Element) -> list[str]:
    found = [str(value).strip() for name, value in element.items() if local(str(name)).lower() in _NAMING]
    if local(element.tag).lower() in _NAMING and len(element) == 0 and (text := (element.text or "").strip()):
        found.append(text)
    return [each for each in found if each]


def _entries(batch: etree._Element) -> list[etree._Element]:
    """Return what looks like calls: elements with something inside, or with nothing at all, below the Batch or its one wrapper."""
    held = batch[0] if len(batch) == 1 and len(batch[0]) else batch
    return [each for each in held if len(each) or not (each.text or "").strip()]
