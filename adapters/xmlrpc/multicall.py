"""The methods that a `system.multicall` runs, so that each one's own rules apply to the whole.

Asked while a call is classified. It answers with their names or a refusal (too_large, malformed). Where the content is not of
the one shape that servers agree on, nobody can say what would run, so it is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adapters.xmlrpc import codec
from sidecar.model import Refusal

if TYPE_CHECKING:
    from lxml import etree

_NAME: Final = "system.multicall"  # PHP spells it multiCall; compared without regard to case


def is_multicall(method: str) -> bool:
    """Say whether a method runs others."""
    return method.strip().lower() == _NAME


def members_of(values: list[etree._Element], most: int) -> tuple[str, ...] | Refusal:
    """Return the names of the methods inside, each once, in order, empty where there are none; `most` is how many calls it may hold."""
    calls = codec.items(values[0], most) if len(values) == 1 else None
    if calls is None:
        return _unreadable("system.multicall takes one array of calls")
    if len(calls) > most:
        return Refusal("too_large", detail=f"more than {most} calls in one multicall; send fewer at a time")
    names: dict[str, None] = {}
    for call in calls:
        method = _method_of(call)
        if isinstance(method, Refusal):
            return method
        names[method] = None
    return tuple(names)


def _method_of(call: etree._Element) -> str | Refusal:
    members = codec.members(call)
    named = [value for name, value in members or () if name.strip() == "methodName"]
    method = (codec.scalar(named[0]) or "").strip() if len(named) == 1 else ""
    if not method:
        return _unreadable("each call in a multicall is a struct with one methodName")
    if is_multicall(method):
        return Refusal("malformed", "nested", "a multicall inside a multicall is not taken; send its calls in one")
    return method


def _unreadable(detail: str) -> Refusal:
    return Refusal("malformed", "operation", detail)
