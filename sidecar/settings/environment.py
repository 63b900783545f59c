"""`${VAR}` and `${VAR:-default}` in the values of a settings file; `$${` is a literal `${`. An empty variable counts as unset for `:-`,
as in a POSIX shell (XCU 2.6.2). It knows no YAML; places are offsets into the text that it was given.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_REFERENCE: Final = re.compile(r"\$\$\{|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}|(?P<bad>\$\{)")


@dataclass(frozen=True, slots=True)
class Fault:
    """A reference that cannot be filled in: the `nth` of its value, its text's length, why, and the remedy."""

    code: str
    nth: int
    width: int
    what: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Expanded:
    """A value with its references filled in."""

    text: str
    changed: bool
    faults: tuple[Fault, ...] = ()
    names: tuple[str, ...] = ()  # of the variables whose values are in `text`; where a default stands in, there is none


def expand(text: str, environ: Mapping[str, str]) -> Expanded:
    """Fill in every reference; what cannot be is left as it stands and named in `faults`."""
    if "${" not in text:
        return Expanded(text, changed=False)
    faults: list[Fault] = []
    names: list[str] = []
    out: list[str] = []
    end, changed = 0, False
    for nth, found in enumerate(_REFERENCE.finditer(text)):
        out.append(text[end : found.start()])
        end = found.end()
        name, default = found["name"], found["default"]
        if found["bad"]:
            faults.append(
                Fault(
                    "E107", nth, 2, "'${' opens a reference that is not well-formed", _HOW + "; a literal '${' is '$${'"
                )
            )
        elif name is None:
            out.append("${")
        elif (value := environ.get(name)) or (value is not None and default is None):
            out.append(value)
            names.append(name)
            changed = True
        elif default is not None:
            out.append(default)
            changed = True
        else:
            remedy = f"set {name} in the environment of this process, or write ${{{name}:-default}}"
            faults.append(Fault("E106", nth, len(found.group()), f"{name} is not set", remedy))
    out.append(text[end:])
    return Expanded("".join(out), changed, tuple(faults), tuple(names))


_HOW: Final = "write ${NAME} or ${NAME:-default}"
