"""Templates of tags, `perf:{iPerformanceNumber}`: their form, the parameters that they name, and whether two can give the same tag.

Used by the vocabulary and by the checks that compare what a write touches with what answers carry. It fills in no template.
"""

from __future__ import annotations

import re
from typing import Annotated, Final, TypeAlias

from pydantic import AfterValidator

from sidecar.settings.quantities import wrong

_HOLE: Final = re.compile(r"\{([^{}]*)\}")
_LONGEST: Final = 200  # as for other names; what fills the holes comes on top
_REMEDY: Final = 'as in "perf:{iPerformanceNumber}": a text with names of parameters in braces'


def tag(text: str) -> str:
    """Check a template."""
    if not 0 < len(text) <= _LONGEST or not text.isprintable():
        raise wrong("E213", "a tag has 1 to 200 printable characters", _REMEDY)
    bare = _HOLE.sub("", text)
    if "{" in bare or "}" in bare:
        sign, other = ("{", "}") if "{" in bare else ("}", "{")
        raise wrong("E213", f"{{value}} has a {sign} without its {other}", _REMEDY)
    if any(name != name.strip() or not name for name in parameters(text)):
        raise wrong("E213", "{value} has braces without a name in them", _REMEDY)
    return text


def parameters(template: str) -> tuple[str, ...]:
    """Return the names of parameters in a template, in their order."""
    return tuple(_HOLE.findall(template))


def prefix(template: str) -> str:
    """Return what stands before the first brace."""
    return template.partition("{")[0]


def may_meet(one: str, other: str) -> bool:
    """Say whether two templates can give the same tag, by what stands before their first brace: True where nobody can tell."""
    left, right = prefix(one), prefix(other)
    if left == right:
        return True
    shorter, longer = sorted((one, other), key=lambda each: len(prefix(each)))
    return "{" in shorter and prefix(longer).startswith(prefix(shorter))


Tag: TypeAlias = Annotated[str, AfterValidator(tag)]
