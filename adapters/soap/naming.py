"""How names and wrappers of a schema are shown in JSON, where the settings want them otherwise than as they are.

Asked by the resolver while it makes the types; nothing else knows of it.
"""

from __future__ import annotations


class Options:
    """How names and wrappers are shown in JSON."""

    __slots__ = ("camel", "flatten")

    def __init__(self, *, flatten: bool = False, camel: bool = False) -> None:
        self.flatten, self.camel = flatten, camel


def camel(name: str) -> str:
    """Write a name as JavaScript does: `iPerf_no` iPerfNo, `SKUCode` skuCode, `ID` id."""
    head, *rest = [part for part in name.replace("-", "_").replace(".", "_").split("_") if part] or [name]
    upper = len(head) - len(head.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
    if upper > 1 and head[upper : upper + 1].isalpha():
        upper -= 1
    return head[:upper].lower() + head[upper:] + "".join(part[0].upper() + part[1:] for part in rest)
