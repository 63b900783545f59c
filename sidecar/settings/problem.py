"""What is wrong with a settings file, said so that it can be mended at 3 am: place, key, fault, the line with a caret, the remedy.

Every layer of settings makes Problems; only `load` raises, once, with all of them. A message never shows what `${VAR}` expanded to, nor a
secret that stands in the file: both end up in logs.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from sidecar.settings.veil import veiled

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sidecar.settings.sources import Source

_WINDOW: Final = 160  # characters of a source line that are shown; a longer one would push the caret out of sight


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where: line and column count from 1, `width` is in characters, 0 for what is written nowhere. `file` is as people are shown
    it, "" the one that was named.
    """

    line: int = 1
    column: int = 1
    width: int = 1
    file: str = ""

    def beside(self, other: Place, named: str) -> str:
        """Return this place as somebody who looks at `other` is told it; `named` is the file that was named."""
        return f"line {self.line}" if self.file == other.file else f"{self.file or named}:{self.line}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, or, where the code begins with W, that an operator should know. Codes are stable: see `codes`."""

    code: str
    place: Place
    key: str  # backends.tickets.url, "" for the file as a whole
    what: str
    remedy: str = ""
    shown: str = field(default="", compare=False)  # the line and the caret below it, secrets blanked

    @property
    def severity(self) -> str:
        """Return error or warning."""
        return "warning" if self.code.startswith("W") else "error"


class SettingsError(Exception):
    """All problems of a settings file and what it includes, in the order of the files and their lines.

    `sources` are the files that were read or looked for on the way: once one of them changes, it is worth another try.
    """

    def __init__(
        self,
        file: str,
        problems: Iterable[Problem],
        source: str = "",
        included: Mapping[str, str] | None = None,
        sources: Sequence[Source] = (),
    ) -> None:
        self.file = file
        self.problems: Final = illustrated(problems, {"": source, **(included or {})})
        self.sources: Final = tuple(sources)
        super().__init__(self.text())

    def text(self) -> str:
        """Return what people read."""
        return told(self.problems, self.file)

    def facts(self) -> list[dict[str, object]]:
        """Return what machines read: one flat object per problem."""
        return facts(self.problems, self.file)


class Lines:
    """A text as people count it. Only these three end a line (YAML 1.2.2 section 5.4); editors agree."""

    _BREAK: Final = re.compile("\r\n|\n|\r")

    def __init__(self, text: str, file: str = "") -> None:
        self.texts: Final = self._BREAK.split(text)
        self._file = file
        self._starts = [0, *(found.end() for found in self._BREAK.finditer(text))]

    def place(self, index: int, width: int = 1) -> Place:
        """Return where character `index` of the text stands; a width that goes past the line's end is cut."""
        line = bisect_right(self._starts, index)
        column = index - self._starts[line - 1] + 1
        return Place(line, column, max(1, min(width, len(self.texts[line - 1]) - column + 1)), self._file)


def told(problems: Iterable[Problem], file: str) -> str:
    """Return problems as people read them; `file` is the one that was named."""
    return "\n".join(_one(problem, file) for problem in problems)


def facts(problems: Iterable[Problem], file: str) -> list[dict[str, object]]:
    """Return problems as machines read them."""
    return [
        {
            "file": problem.place.file or file,
            "line": problem.place.line,
            "column": problem.place.column,
            "width": problem.place.width,
            "key": problem.key,
            "code": problem.code,
            "message": problem.what,
            "remedy": problem.remedy,
        }
        for problem in problems
    ]


def illustrated(problems: Iterable[Problem], texts: Mapping[str, str]) -> tuple[Problem, ...]:
    """Return `problems` in the order of `texts` and their lines, each with the line that it is about."""
    order = {file: number for number, file in enumerate(texts)}

    def rank(problem: Problem) -> tuple[int, Place, str, str]:
        return order.get(problem.place.file, len(order)), problem.place, problem.code, problem.key

    inorder = sorted(problems, key=rank)
    lines = {file: Lines(veiled(texts[file])).texts for file in {each.place.file for each in inorder} if file in texts}
    return tuple(
        replace(
            each,
            key=_sayable(each.key),
            what=_sayable(each.what),
            remedy=_sayable(each.remedy),
            shown=_excerpt(each.place, lines.get(each.place.file, [])),
        )
        for each in inorder
    )


def _sayable(text: str) -> str:
    """Return a text that every terminal and log takes: half of a character, which an escape can stand for, is escaped again."""
    return text.encode("utf-8", "backslashreplace").decode()


def _one(problem: Problem, file: str) -> str:
    place = problem.place
    key = f" {problem.key}" if problem.key else ""
    kind = "warning: " if problem.severity == "warning" else ""
    said = [f"{place.file or file}:{place.line}:{place.column}{key}: {kind}{problem.what} [{problem.code}]"]
    if problem.shown:
        said.append(problem.shown)
    if problem.remedy:
        said.append(f"       {problem.remedy}")
    return "\n".join(said)


def _excerpt(place: Place, lines: Sequence[str]) -> str:
    if not place.width or not 0 < place.line <= len(lines) or not lines[place.line - 1].strip():
        return ""
    line, start = lines[place.line - 1], place.column - 1
    first = max(0, start - _WINDOW // 2) if len(line) > _WINDOW else 0
    shown = line[first : first + _WINDOW]
    # A tab stays a tab below, so that both lines are as wide whatever the terminal makes of it.
    indent = "".join("\t" if character == "\t" else " " for character in shown[: start - first])
    width = max(1, min(place.width, len(shown) - (start - first)))
    return f"{place.line:>5} | {shown}\n      | {indent}{'^' * width}"
