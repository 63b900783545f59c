"""Reads `Cache-Control`: a list of directives over any number of lines (RFC 9111 section 5.2, lists as in RFC 9110 section 5.6.1).

Asked by `origin` for every reply that might be kept. It knows the grammar and no meaning; a list that cannot be told apart (a
quoted string without an end) is None, so that nobody guesses what it forbids.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sidecar.model import RawHeaders

Directives: TypeAlias = "Mapping[str, tuple[str | None, ...]]"
"""By lowered name: each value in order, without its quotes; None where a directive has none."""

DELTA_MAX_S: Final = 2**31  # what a longer delta-seconds counts as (RFC 9111 section 1.2.2)
_MEMBER: Final = re.compile(r'((?:[^",]++|"(?:[^"\\]++|\\.)*+")*+)(?:,|$)')
_NAME: Final = re.compile(r'[ \t]*+([^\s="]++)')
_DIRECTIVE: Final = re.compile(r'[ \t]*+[^\s="]++(?:=(?:([^\s"]++)|"((?:[^"\\]++|\\.)*+)"))?+[ \t]*+')
_ESCAPED: Final = re.compile(r"\\(.)")
_BACKEND_LINES: Final = 256  # a backend has a handful of Cache-Control lines; 256 of 200 bytes are 100 KiB


def lines(headers: RawHeaders, name: bytes) -> tuple[str, ...]:
    """Return the values of header `name` (lowered), one per line."""
    return tuple(value.decode("latin-1") for key, value in headers if len(key) == len(name) and key.lower() == name)


def directives(headers: RawHeaders) -> Directives | None:
    """Return what Cache-Control says; None where nobody can tell."""
    found = lines(headers, b"cache-control")
    return _read(",".join(found)) if found else {}


@lru_cache(maxsize=_BACKEND_LINES)
def _read(text: str) -> Directives | None:
    found: dict[str, tuple[str | None, ...]] = {}
    at = 0
    while at < len(text):
        member = _MEMBER.match(text, at)
        if member is None:
            return None
        at = member.end()
        if said := _NAME.match(member[1]):
            name = said[1].lower()
            found[name] = (*found.get(name, ()), _value(member[1]))
    return found


def _value(member: str) -> str | None:
    """Return what a directive says; "" where it is none of the grammar, which is no number and limits nothing."""
    well_formed = _DIRECTIVE.fullmatch(member)
    if well_formed is None:
        return ""
    bare, quoted = well_formed.groups()
    return bare if quoted is None else _ESCAPED.sub(r"\1", quoted)


def delta_s(value: str | None) -> int | None:
    """Return delta-seconds (RFC 9111 section 1.2.2), None where it is not one; a longer one than fits is the longest."""
    if value is None or not (value.isascii() and value.isdigit()):
        return None
    return DELTA_MAX_S if len(value.lstrip("0")) > 10 else min(int(value), DELTA_MAX_S)  # 10: the digits of 2^31


def names(values: tuple[str | None, ...]) -> frozenset[bytes] | None:
    """Return the header names, lowered, that a directive is limited to; None where it means the whole reply."""
    named = [frozenset(part.strip().lower() for part in value.split(",")) - {""} for value in values if value]
    if len(named) < len(values) or not all(named):
        return None
    return frozenset(name.encode("latin-1") for each in named for name in each)
