"""How XML-RPC writes values, read one level at a time: scalars as their text, structs and arrays as their elements.

Asked while a call is classified. It answers None for what is no such value, so that its caller decides what that means; it
converts nothing, because what passes through must keep its lexical form.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

from adapters.xml import local

if TYPE_CHECKING:
    from lxml import etree

# The specification's, and what Apache (ex:), Python, PHP and xmlrpc-c add. nil is no scalar: it has no text.
_SCALARS: Final = frozenset(
    (
        *("i1", "i2", "i4", "i8", "int", "biginteger", "double", "float", "bigdecimal"),
        *("boolean", "string", "dateTime.iso8601", "base64"),
    )
)
_MEMBERS: Final = 250  # reading that many takes half a millisecond; records of real calls have some dozens


def scalar(value: etree._Element) -> str | None:
    """Return the text of a `<value>` that holds one scalar; without a type element it is a string, spaces kept."""
    if len(value) == 0:
        return value.text or ""
    if len(value) == 1 and local(value[0].tag) in _SCALARS and len(value[0]) == 0:
        return value[0].text or ""
    return None


def items(value: etree._Element, most: int) -> list[etree._Element] | None:
    """Return the first `most` and one more `<value>` elements of an array, None where the value is none or holds anything else."""
    array = value[0] if len(value) == 1 and value[0].tag == "array" else None
    if array is None or len(array) != 1 or array[0].tag != "data":
        return None
    found = [*islice(array[0], most + 1)]
    return found if all(each.tag == "value" for each in found) else None


def members(value: etree._Element) -> list[tuple[str, etree._Element]] | None:
    """Return names and `<value>` elements of a struct, in order and with repetitions.

    None where the value is no struct, or one of more than `_MEMBERS`.
    """
    struct = value[0] if len(value) == 1 and value[0].tag == "struct" else None
    if struct is None or len(struct) > _MEMBERS:
        return None
    found = []
    for member in struct:
        if [each.tag for each in member] != ["name", "value"]:
            return None
        found.append((member[0].text or "", member[1]))
    return found
