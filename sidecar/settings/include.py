"""`include:` one tree out of several files. Stands between reading and shape: what it hands on is a Block like that of a single file, only
that places name their files.

Files are merged key by key; nothing overrides anything. A key that two files set is an error that names both places, because whichever
won, one of two people would be wrong about what runs.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from glob import has_magic
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sidecar.settings.problem import Lines, Place, Problem
from sidecar.settings.shapes import is_file_name
from sidecar.settings.sources import INCLUDED_MOST, Source, look, matches
from sidecar.settings.tree import NODES, Block, Entry, Scalar, Sequence, joined, read

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sidecar.settings.tree import Node

KEY: Final = "include"
FILE_BYTES: Final = (
    4 * 1024 * 1024
)  # of all files together: far beyond what people write; what is larger was named by mistake
_DEPTH: Final = 8  # files that include files; people stop at two


@dataclass(slots=True)
class Gathered:
    """What came of a file and all that it includes. `texts` by the name that places have, "" for the file that was named."""

    root: Node | None = None
    problems: list[Problem] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    folders: dict[str, Path] = field(default_factory=dict)
    sources: list[Source] = field(default_factory=list)


class UnreadableError(Exception):
    """A file is no settings file at all; the problem says why."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(problem.what)


def gather(text: str, shown: str, folder: Path, environ: Mapping[str, str]) -> Gathered:
    """Read `text`, which lies in `folder` and is shown as `shown`, and what it includes; never raises."""
    gathered = Gathered(texts={"": text}, folders={"": folder})
    gathered.root = _Gatherer(gathered, environ, shown).main(text)
    return gathered


def contents(path: Path, file: str = "") -> tuple[str, str]:
    """Return the text of a settings file and its SHA-256. Raises UnreadableError."""
    try:
        with open(path, "rb", opener=_not_waiting) as opened:
            data = opened.read(FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UnreadableError(Problem("E101", Place(file=file), "", f"cannot be read: {reason}", _LOOK)) from error
    if len(data) > FILE_BYTES:
        what = f"larger than {FILE_BYTES} bytes"
        raise UnreadableError(Problem("E108", Place(file=file), "", what, "is this the right file?"))
    try:
        return data.decode("utf-8-sig"), sha256(data).hexdigest()
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig", "replace")
        place = Lines(before, file).place(len(before))
        wide = data[:2] in (b"\xff\xfe", b"\xfe\xff")
        what = "not UTF-8 text" + (", but UTF-16" if wide else "")
        raise UnreadableError(Problem("E102", place, "", what, "save the file as UTF-8")) from error


def _not_waiting(path: str, flags: int) -> int:
    """Open without waiting for somebody who would fill a pipe: where nobody does, nothing is in it. What is read then may take its time."""
    descriptor = os.open(path, flags | os.O_NONBLOCK)
    os.set_blocking(descriptor, True)
    return descriptor


_LOOK: Final = "look at its name, and whether the sidecar's user may read it and the folders above it"


class _Gatherer:
    """Walks from file to file. Its recursion is bounded by _DEPTH."""

    def __init__(self, gathered: Gathered, environ: Mapping[str, str], shown: str) -> None:
        self._got, self._environ, self._shown = gathered, environ, shown
        self._seen: dict[str, Place] = {}  # real path -> where it was included first
        self._bytes = self._nodes = 0

    def main(self, text: str) -> Node | None:
        own = self._got.folders[""] / Path(self._shown).name
        self._seen[os.path.realpath(own)] = Place()
        root = self._tree(text, "")
        if not isinstance(root, Block):
            return root
        whole = self._with_included(root, [own])
        if not any(each.place.file == "" and each.key.startswith(KEY) for each in self._got.problems):
            return whole
        # What is wrong with it has been told; nobody needs to be told twice.
        return Block(whole.place, {key: each for key, each in whole.entries.items() if key != KEY}, whole.size)

    def _tree(self, text: str, file: str) -> Node | None:
        reading = read(text, self._environ, file)
        self._got.problems += reading.problems
        self._nodes += reading.root.size if reading.root is not None else 0
        self._bytes += len(text)
        return reading.root

    def _with_included(self, root: Block, chain: list[Path]) -> Block:
        for place, path, shown in self._named(root):
            below = self._file(place, path, shown, chain)
            if below is not None:
                root = self._merged(root, below, "")
        return root

    def _named(self, root: Block) -> Iterator[tuple[Place, Path, str]]:
        """Give the files that `root` includes: where it says so, which, and what people are shown of its name."""
        entry = root.entries.get(KEY)
        if entry is None:
            return
        if not isinstance(entry.node, Sequence):
            self._complain(
                "E204", entry.place, KEY, "must be a list, as in [a, b]", "file names, or globs as in parts/*.yaml"
            )
            return
        for index, item in enumerate(entry.node.items):
            key = f"{KEY}[{index}]"
            if not isinstance(item, Scalar) or not isinstance(item.value, str) or not is_file_name(item.value):
                if not (isinstance(item, Scalar) and item.broken):
                    self._complain("E210", item.place, key, "a file must be named", "as in backends.d/*.yaml")
                continue
            yield from self._found(item, item.value, key)

    def _found(self, item: Scalar, name: str, key: str) -> Iterator[tuple[Place, Path, str]]:
        place = item.place
        folder = self._got.folders[place.file]
        beside = Path(place.file or self._shown).parent
        pattern = os.path.join(folder, name)  # noqa: PTH118 - a Path loses the difference between a/../b and b
        if not has_magic(name):
            yield place, Path(pattern), str(beside / name)
            return
        try:
            found = matches(pattern)
        except (OSError, ValueError):  # a name too long for the disk
            found = []
        self._got.sources.append(look("glob", pattern))
        if not found:
            shown = item.raw if item.expanded else pattern
            self._complain("E110", place, key, f"no file matches {shown}", "put one there, or take this out")
        for path in found:
            yield (
                place,
                Path(path),
                str(beside / os.path.relpath(path, folder)) if not Path(name).is_absolute() else path,
            )

    def _file(self, place: Place, path: Path, shown: str, chain: list[Path]) -> Block | None:
        if not self._may(place, path, shown, chain):
            return None
        try:
            text, digest = contents(path, shown)
        except UnreadableError as error:
            self._got.sources.append(look("include", str(path)))
            self._got.problems.append(_at(error.problem, place, shown))
            self._got.texts.setdefault(shown, "")
            return None
        self._got.texts[shown], self._got.folders[shown] = text, path.parent
        self._got.sources.append(Source("include", str(path), digest))
        root = self._tree(text, shown)
        if root is None:
            return None
        if not isinstance(root, Block):
            self._complain("E204", root.place, "", "settings are a block of keys", "as in limits: {connections: 500}")
            return None
        return self._with_included(root, [*chain, path])

    def _may(self, place: Place, path: Path, shown: str, chain: list[Path]) -> bool:
        real = os.path.realpath(path)
        first = self._seen.get(real)
        if real in map(os.path.realpath, chain):
            names = " -> ".join(each.name for each in (*chain, path))
            self._complain("E111", place, KEY, f"includes itself: {names}", "take one of them out")
        elif first is not None:
            where = f"{first.file or self._shown}:{first.line}"
            self._complain("E111", place, KEY, f"{shown} is included twice", f"first in {where}: keep one of the two")
        elif len(chain) > _DEPTH:
            self._complain("E112", place, KEY, f"files include files more than {_DEPTH} deep", "include them from one")
        elif len(self._seen) > INCLUDED_MOST:
            self._complain("E112", place, KEY, f"more than {INCLUDED_MOST} files", "is this the right folder?")
        elif self._bytes > FILE_BYTES or self._nodes > NODES:
            what = f"all files together are larger than {FILE_BYTES} bytes or have more than {NODES} values"
            self._complain("E108", place, KEY, what, "are these the right files?")
        else:
            self._seen[real] = place
            return True
        return False

    def _merged(self, one: Block, other: Block, path: str) -> Block:
        entries = dict(one.entries)
        for key, entry in other.entries.items():
            first = entries.get(key)
            below = joined(path, key)
            if not path and (key == KEY or _same_version(key, first, entry)):
                continue
            if first is None:
                entries[key] = entry
            elif isinstance(first.node, Block) and isinstance(entry.node, Block):
                entries[key] = Entry(first.place, self._merged(first.node, entry.node, below))
            else:
                where = f"{first.place.file or self._shown}:{first.place.line}"
                what = f"this key is set in two files, first in {where}"
                self._complain("E113", entry.place, below, what, "keep one of the two: no file overrides another")
        return Block(one.place, entries, 1 + sum(1 + entry.node.size for entry in entries.values()))

    def _complain(self, code: str, place: Place, key: str, what: str, remedy: str) -> None:
        self._got.problems.append(Problem(code, place, key, what, remedy))


def _same_version(key: str, first: Entry | None, entry: Entry) -> bool:
    """Let every file say which vocabulary it is written in, as long as they agree."""
    if key != "version" or first is None or not isinstance(first.node, Scalar) or not isinstance(entry.node, Scalar):
        return False
    return first.node.value == entry.node.value


def _at(problem: Problem, place: Place, shown: str) -> Problem:
    """Return a problem of a file as a whole where somebody named that file: there is nothing to see in the file itself."""
    if problem.code == "E102":
        return problem
    return Problem(
        problem.code, place, KEY, f"{shown} {'is ' if problem.code == 'E108' else ''}{problem.what}", problem.remedy
    )
