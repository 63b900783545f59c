"""Problems and warnings as `check` prints them: for people, as JSON, as annotations of GitHub's workflows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sidecar.settings.problem import facts, told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sidecar.settings.problem import Problem


def rows(problems: Sequence[Problem], file: str) -> list[dict[str, object]]:
    """Return what machines read, each with its severity."""
    return [{"severity": each.severity, **fact} for each, fact in zip(problems, facts(problems, file), strict=True)]


def text(problems: Sequence[Problem], file: str) -> str:
    """Return what people read, with the numbers at the end."""
    counted = [
        f"{number} {word}{'s' if number != 1 else ''}"
        for word in ("error", "warning")
        if (number := sum(each.severity == word for each in problems))
    ]
    return "\n".join(([told(problems, file)] if problems else []) + ([", ".join(counted)] if counted else []))


def as_annotations(problems: Sequence[Problem], file: str) -> str:
    """Return workflow commands of GitHub Actions, one a line; a runner shows each at its line of the change under review.

    The form is that of `core.error` in actions/toolkit (packages/core/src/command.ts), the two ways of escaping too.
    """
    return "\n".join(_annotation(each, file) for each in problems)


def _annotation(problem: Problem, file: str) -> str:
    place = problem.place
    properties = {
        "file": place.file or file,
        "line": str(place.line),
        "col": str(place.column),
        "endColumn": str(place.column + max(1, place.width) - 1),
        "title": f"{problem.key or 'settings'} [{problem.code}]",
    }
    said = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    message = problem.what + (f"\n{problem.remedy}" if problem.remedy else "")
    return f"::{problem.severity} {said}::{_data(message)}"


def _data(value: str) -> str:
    return value.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(value: str) -> str:
    return _data(value).replace(":", "%3A").replace(",", "%2C")
