"""What the checks of settings have in common: they collect problems with places, and ask for what the file says and what lies on the disk.

Stands between the tree and the checks that know meanings (`doors`, `lint`, `names`, `notes`). It judges nothing itself.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Final, TypeAlias

from pydantic_core import PydanticCustomError

from sidecar.settings.complaints import dotted, node_at, place_of
from sidecar.settings.problem import Problem
from sidecar.settings.shapes import secret
from sidecar.settings.tree import Scalar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sidecar.settings.complaints import Loc
    from sidecar.settings.files import Files
    from sidecar.settings.section import Section
    from sidecar.settings.tree import Block

_HELD: Final = "16 to 512 printable characters, as openssl rand -hex 16 makes them"


class NoDocumentError(Exception):
    """A text is no XML that we would take; the message says why."""


RootOf: TypeAlias = "Callable[[bytes], str]"
"""Reads an XML document and returns its root as {namespace}name; raises NoDocumentError."""


class Findings:
    """Collects problems of one set of settings. `root_of` reads XML, None where nobody at hand can."""

    def __init__(self, root: Block, files: Files, root_of: RootOf | None = None) -> None:
        self._root, self._files, self._root_of = root, files, root_of
        self.problems: list[Problem] = []

    def add(self, code: str, loc: Loc, what: str, remedy: str = "", *, key: bool = False) -> None:
        self.problems.append(Problem(code, place_of(self._root, loc, key=key), dotted(loc), what, remedy))

    def beside(self, loc: Loc, here: Loc) -> str:
        """Return where `loc` is written, for somebody who looks at `here`."""
        return place_of(self._root, loc, key=True).beside(place_of(self._root, here, key=True), self._files.named)

    def empty(self, loc: Loc) -> bool:
        node = node_at(self._root, loc)
        return node is not None and not getattr(node, "entries", True)

    def shown(self, loc: Loc, value: str) -> str:
        """Return `value` as a message may repeat it: what came out of the environment as the file has it."""
        node = node_at(self._root, loc)
        return node.raw if isinstance(node, Scalar) and node.expanded else value

    def in_clear(self, loc: Loc) -> bool:
        """Say whether the file itself holds the value: no variable had a part in it."""
        node = node_at(self._root, loc)
        return isinstance(node, Scalar) and not node.names

    def there(self, loc: Loc) -> bool:
        """Say whether somebody wrote `loc`, right or wrong."""
        return node_at(self._root, loc) is not None

    def token(self, loc: Loc, name: str, form: Callable[[str], str] = secret, holds: str = _HELD) -> str | None:
        """Return the token that a file holds; the message of one that holds none says nothing of what is in it."""
        before = len(self.problems)
        self.file(loc, name)
        if len(self.problems) > before:
            return None
        try:
            return form(self._files.text(loc, name).strip())
        except (OSError, ValueError, PydanticCustomError):
            self.add("E212", loc, "the file holds no token", f"it holds {holds}")
            return None

    def data(self, loc: Loc, name: str) -> bytes | None:
        """Read a file; None where it is on another machine, and, with a problem, where it cannot be read."""
        before = len(self.problems)
        self.file(loc, name)
        if len(self.problems) > before:
            return None
        try:
            return self._files.data(loc, name)
        except (OSError, ValueError) as error:
            self.add("E302", loc, f"{getattr(error, 'strerror', None) or error}: {self.shown(loc, name)}")
            return None

    def document(self, data: bytes) -> str | None:
        """Return the root of an XML document, None where nobody can read it here. Raises NoDocumentError."""
        return self._root_of(data) if self._root_of is not None else None

    def root(self, loc: Loc, name: str) -> str | None:
        """Return the root of the document that is named at `loc`, None where it is none: that has been told."""
        try:
            data = self._files.data(loc, name)
            return self.document(data) if data is not None else None
        except (OSError, ValueError, NoDocumentError):
            return None

    def folder(self, loc: Loc, name: str) -> None:
        """Say where no file can be made of the name at `loc`."""
        if missing := self._files.folder_missing(loc, name):
            shown = self.shown(loc, str(self._files.path(loc, name)))
            self.add("E302", loc, f"{missing} {shown}", "make the folder, and let the sidecar's user write there")

    def file(self, loc: Loc, name: str | None) -> None:
        if name is not None and (missing := self._files.missing(loc, name)):
            shown = self.shown(loc, str(self._files.path(loc, name)))
            self.add("E302", loc, f"{missing} {shown}", _REMEDIES.get(missing, "let the sidecar's user read it"))


_REMEDIES: Final = {
    "there is no file": "relative names start at the folder of the file that they are written in",
    "is no file:": "name a file, not a folder",
}


def near(name: str, known: Iterable[str], cutoff: float) -> str:
    """Return the name that was meant by one that is not known, as the end of a sentence; "" where none is like it."""
    found = get_close_matches(name, list(known), n=1, cutoff=cutoff)
    return f", did you mean {found[0]}?" if found else ""


def written(section: Section, key: str) -> bool:
    """Say whether somebody wrote `key`: defaults give way, they never argue."""
    return key in section.model_fields_set and getattr(section, key) is not None
