"""Tags: what an answer depends on and what a write changes, as templates over the parameters of a call.

Asked when a read is keyed and when a write has gone through. It renders, and says of every call which tags are its own without anybody
writing them down: those by which operators purge.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_BLANK: Final = re.compile(r"\{([^{}]+)\}")
_WHOLE: Final = re.compile(r"([+-]?)([0-9]+)", re.ASCII)
_LONGEST: Final = 64  # of a value in a tag: ids and codes are shorter, and anybody may send a megabyte
EVERYTHING: Final = "*"
"""The tag of everything that is kept of a backend."""


def names(templates: tuple[str, ...]) -> frozenset[str]:
    """Return the parameters that templates name."""
    return frozenset(name for template in templates for name in _BLANK.findall(template))


def of_read(operation: str, templates: tuple[str, ...], parameters: Mapping[str, str]) -> tuple[str, ...]:
    """Return the tags of an answer: the backend's, the operation's, and those that the settings name."""
    return (EVERYTHING, of_operation(operation), *(_of(each, parameters) for each in templates))


def of_write(templates: tuple[str, ...], parameters: Mapping[str, str]) -> tuple[str, ...]:
    """Return the tags that a write changes; where it does not say which, because a parameter is not there, everything.

    What was read without saying it either (a parameter that stands there twice says nothing) is changed by every write of that form.
    """
    if any(_has_hole(each, parameters) for each in templates):
        return (EVERYTHING,)
    return (*(_of(each, parameters) for each in templates), *(_form(each) for each in templates if names((each,))))


def of_operation(operation: str) -> str:
    """Return the tag of all answers of one operation. No template renders to it: a control character stands before it."""
    return f"\x01{operation}"


def _of(template: str, parameters: Mapping[str, str]) -> str:
    return _form(template) if _has_hole(template, parameters) else _filled(template, parameters)


def _has_hole(template: str, parameters: Mapping[str, str]) -> bool:
    return any(not parameters.get(name, "").strip() for name in names((template,)))


def _form(template: str) -> str:
    """Return the tag of what a template cannot tell apart, whatever its blanks are called."""
    return "\x02" + _BLANK.sub("{}", template)


def of_order(tag: str) -> str:
    """Return a tag as people write it in the one spelling that it has: without regard to case."""
    return tag.strip().lower()


def _filled(template: str, parameters: Mapping[str, str]) -> str:
    return of_order(_BLANK.sub(lambda found: plain(parameters[found[1]]), template))


def plain(value: str) -> str:
    """Return a value in one spelling, for a read and a write may write it in two: too much touched does no harm, too little does."""
    value = value.strip().lower()
    whole = _WHOLE.fullmatch(value)
    if whole is not None:
        digits = whole[2].lstrip("0") or "0"
        value = f"-{digits}" if whole[1] == "-" and digits != "0" else digits
    return value if len(value) <= _LONGEST else blake2b(value.encode("utf-8", "replace"), digest_size=16).hexdigest()
