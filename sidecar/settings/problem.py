"""What is wrong with a settings file, said so that it can be mended at 3 am: place, key, fault, the line with a caret, the remedy.

Every layer of settings makes Problems; only `load` raises, once, with all of them. A message never shows what `${VAR}` expanded to
nor the credentials of a URL: both end up in logs.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_USERINFO: Final = re.compile(r"(?<=://)[^/@\s\"']*(?=@)")
_WINDOW: Final = 160  # characters of a source line that are shown; a longer one would push the caret out of sight


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where in the file: line and column count from 1, `width` is in characters."""

    line: int = 1
    column: int = 1
    width: int = 1


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. `code` is stable, for people who search and for machines; E1 reading, E2 shape, E3 meaning."""

    code: str
    place: Place
    key: str  # backends.tickets.url, "" for the file as a whole
    what: str
    remedy: str = ""


class SettingsError(Exception):
    """All problems of one file, in the order of its lines."""

    def __init__(self, file: str, problems: Iterable[Problem], source: str = "") -> None:
        self.file = file
        self.problems: Final = tuple(sorted(problems, key=lambda problem: (problem.place, problem.code, problem.key)))
        self._lines: Final = Lines(source).texts
        super().__init__(self.text())

    def text(self) -> str:
        """Return what people read."""
        return "\n".join(_one(self.file, problem, self._lines) for problem in self.problems)

    def facts(self) -> list[dict[str, object]]:
        """Return what machines read: one flat object per problem."""
        return [
            {
                "file": self.file,
                "line": problem.place.line,
                "column": problem.place.column,
                "width": problem.place.width,
                "key": problem.key,
                "code": problem.code,
                "message": problem.what,
                "remedy": problem.remedy,
            }
            for problem in self.problems
        ]


class Lines:
    """A text as people count it. Only these three end a line (YAML 1.2.2 section 5.4); editors agree."""

    _BREAK: Final = re.compile("\r\n|\n|\r")

    def __init__(self, text: str) -> None:
        self.texts: Final = self._BREAK.split(text)
        self._starts = [0, *(found.end() for found in self._BREAK.finditer(text))]

    def place(self, index: int, width: int = 1) -> Place:
        """Return where character `index` of the text stands; a width that goes past the line's end is cut."""
        line = bisect_right(self._starts, index)
        column = index - self._starts[line - 1] + 1
        return Place(line, column, max(1, min(width, len(self.texts[line - 1]) - column + 1)))


def masked(text: str) -> str:
    """Blank the credentials of every URL in `text`, length kept, so that a caret below still points right."""
    return _USERINFO.sub(lambda found: "*" * len(found.group()), text)


def _one(file: str, problem: Problem, lines: Sequence[str]) -> str:
    place = problem.place
    key = f" {problem.key}" if problem.key else ""
    said = [f"{file}:{place.line}:{place.column}{key}: {problem.what} [{problem.code}]"]
    if 0 < place.line <= len(lines) and lines[place.line - 1].strip():
        said += _shown(place, masked(lines[place.line - 1]))
    if problem.remedy:
        said.append(f"       {problem.remedy}")
    return "\n".join(said)


def _shown(place: Place, line: str) -> list[str]:
    start = place.column - 1
    first = max(0, start - _WINDOW // 2) if len(line) > _WINDOW else 0
    shown = line[first : first + _WINDOW]
    # A tab stays a tab below, so that both lines are as wide whatever the terminal makes of it.
    indent = "".join("\t" if character == "\t" else " " for character in shown[: start - first])
    width = max(1, min(place.width, len(shown) - (start - first)))
    return [f"{place.line:>5} | {shown}", f"      | {indent}{'^' * width}"]
