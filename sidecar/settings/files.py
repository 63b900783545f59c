"""Where the file names in settings start, and what was read of the files: each once, so that what is checked is what is used.

A relative name starts at the folder of the file that it is written in. Stands beside lint and build; it remembers every file that was
looked for, found or not, for the reload by content.
"""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, Final

from sidecar.settings.complaints import node_at
from sidecar.settings.sources import Source, look

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sidecar.settings.complaints import Loc
    from sidecar.settings.tree import Block

_STAND_IN: Final = "0" * 16  # has the shape of a token, and is never shown to anybody


class Files:
    """The files that one set of settings names; `folder` is where the settings file itself lies, which is shown as `named`, and `folders`
    are those of what it includes. `elsewhere` is for settings of another machine: an absolute name is then of no file here.
    """

    def __init__(
        self,
        folder: Path,
        root: Block | None = None,
        folders: Mapping[str, Path] | None = None,
        named: str = "",
        *,
        elsewhere: bool = False,
    ) -> None:
        self.named, self._elsewhere = named, elsewhere
        self._folder, self._root, self._folders = folder, root, folders or {}
        self._sources: dict[tuple[str, str], Source] = {}
        self._texts: dict[str, str] = {}
        self._bodies: dict[str, bytes] = {}

    def path(self, loc: Loc, name: str) -> Path:
        """Return the path of the file that is named at `loc`."""
        node = node_at(self._root, loc) if self._root is not None else None
        folder = self._folders.get(node.place.file, self._folder) if node is not None else self._folder
        return folder / name

    def missing(self, loc: Loc, name: str) -> str:
        """Return why the file that is named at `loc` cannot be read, "" where it can; remembers it under the last key of `loc`."""
        path = self.path(loc, name)
        source = look(str(loc[-1]), str(path))
        self._sources[source.kind, source.path] = source
        if source.sha256 is not None or self._absent(path, name):
            return ""
        try:
            mode = path.stat().st_mode
        except (FileNotFoundError, NotADirectoryError):
            return "there is no file"
        except (OSError, ValueError) as error:  # a folder that may not be entered; a name too long for the disk
            return f"{getattr(error, 'strerror', None) or error}:"
        return "may not be read:" if stat.S_ISREG(mode) else "is no file:"

    def text(self, loc: Loc, name: str) -> str:
        """Return the contents of a file as text, read once. Raises OSError or ValueError."""
        path = str(self.path(loc, name))
        if path not in self._texts:
            absent = self._absent(self.path(loc, name), name)
            self._texts[path] = _STAND_IN if absent else self.path(loc, name).read_text("utf-8")
        return self._texts[path]

    def data(self, loc: Loc, name: str) -> bytes | None:
        """Return the contents of a file, read once; None of one that is on another machine. Raises OSError or ValueError."""
        path = self.path(loc, name)
        if str(path) not in self._bodies and not self._absent(path, name):
            self._bodies[str(path)] = path.read_bytes()
        return self._bodies.get(str(path))

    def folder_missing(self, loc: Loc, name: str) -> str:
        """Return why no file can be made where `loc` names one, "" where it can; whether we may write there is not asked."""
        path = self.path(loc, name)
        try:
            if path.is_dir():
                return "is a folder:"
            if path.parent.is_dir() or (self._elsewhere and name.startswith("/")):
                return ""
        except (OSError, ValueError) as error:
            return f"{getattr(error, 'strerror', None) or error}:"
        return "there is no folder for"

    def _absent(self, path: Path, name: str) -> bool:
        return self._elsewhere and name.startswith("/") and not path.exists()

    def digest(self, loc: Loc, name: str) -> str:
        """Return the SHA-256 of a file that was looked for, "" where it is missing or was not."""
        source = self._sources.get((str(loc[-1]), str(self.path(loc, name))))
        return (source.sha256 or "") if source is not None else ""

    @property
    def sources(self) -> tuple[Source, ...]:
        """All files that were looked for, in the order in which they were."""
        return tuple(self._sources.values())
