"""What operators have ordered and what must outlive the process: one small JSON document of named sections, in one file, for its owner's
eyes only.

Beside the road. It is written whole or not at all before an order counts as done, and read once, at the start: what cannot be read is put
aside and said in the log, and the sidecar starts without it. What a section means, its owner knows.
"""

from __future__ import annotations

import asyncio
import os
import threading
from contextlib import suppress
from errno import EACCES, EINVAL, EPERM, EROFS
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING, Any, Final

import orjson

from sidecar.aside import aside
from sidecar.stores.secret import on_disk, synced

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sidecar.plan import Plan
    from sidecar.ports import Log

VERSION: Final = 1
_MOST_BYTES: Final = 4 * 1024 * 1024  # sixty-four signs of ten long texts each are half a megabyte
_WRITE_S: Final = 5.0  # whoever gave the order waits for it; a disk takes milliseconds
# A place that nobody may write to is none, and said to be none: a mounted secret is read-only. Anything else is a failure.
_NO_PLACE: Final = (EACCES, EPERM, EROFS)
_REMEDY: Final = "look at the log of before for what was ordered, and order it again; then throw the file away"


class UnwritableError(Exception):
    """What was ordered could not be written down; the text says why and what to do. What was written before still stands."""


class OrdersFile:
    """One process's. `path` None: nothing is kept. Sections are whatever JSON can say."""

    def __init__(self, path: Path | None, log: Log) -> None:
        self.path, self._log = path, log
        self._sections: dict[str, Any] = {}
        self._writing = asyncio.Lock()
        self._renaming = threading.Lock()
        self._number = 0  # of the last write; one that hung must not come after a later one

    def __repr__(self) -> str:
        return (
            f"<OrdersFile {'nowhere' if self.path is None else self.path.name} {' '.join(self._sections) or 'empty'}>"
        )

    def read(self) -> None:
        """Take what the file says. Never raises: what cannot be read is put aside."""
        if self.path is None:
            return
        try:
            raw = _content(self.path)
        except FileNotFoundError:
            return
        except OSError as error:
            self.put_aside(str(error.strerror))
            return
        try:
            said = orjson.loads(raw) if len(raw) <= _MOST_BYTES else None
        except orjson.JSONDecodeError as error:
            self.put_aside(f"it is no JSON: {error}")
            return
        if not isinstance(said, dict) or said.get("v") != VERSION or not isinstance(said.get("sections"), dict):
            self.put_aside("it is not a document of this version's form")
            return
        self._sections = said["sections"]

    def section(self, name: str) -> Any:
        """Return what was written under a name, None where nothing was."""
        return self._sections.get(name)

    def put_aside(self, why: str) -> None:
        """Begin anew beside a file that nobody can read."""
        assert self.path is not None, "what was read has a place"
        self._sections = {}
        bad = self.path.with_name(f"{self.path.name}.bad")
        try:
            self.path.replace(bad)
            where = f"put aside as {bad}"
        except OSError as error:
            where = f"left where it is ({error.strerror})"
        self._log.event("orders_unreadable", path=str(self.path), why=why, what=where, remedy=_REMEDY)

    async def write(self, name: str, section: Any) -> str:
        """Let `section` stand under `name`, on the disk before this returns; None takes it out. Returns "", or why it is kept nowhere.

        Raises UnwritableError; then what stood before stands.
        """
        async with self._writing:
            sections = {**self._sections, name: section}
            if section is None:
                del sections[name]
            why_not = await self._commit(sections)
            self._sections = sections
        return why_not

    async def move(self, path: Path | None) -> None:
        """Write to another place from now on, and what stands at once; what lies there is another time's, and what lay here is over."""
        async with self._writing:
            before, self.path = self.path, path
            if path == before:
                return
            try:
                why_not = await self._commit(self._sections)
            except UnwritableError as error:
                why_not = str(error)
            if not why_not and before is not None:
                with suppress(OSError, TimeoutError):
                    await aside(lambda: before.unlink(missing_ok=True), _WRITE_S)
            if why_not and self._sections:
                self._log.event("orders_not_written", why=why_not)

    async def _commit(self, sections: Mapping[str, Any]) -> str:
        if self.path is None:
            return "the settings name no `store: sqlite` and no `keys.file` beside which it could be written down"
        self._number += 1
        number, path, body = self._number, self.path, _written(sections)
        try:
            await aside(lambda: self._replace(path, body, number), _WRITE_S)
        except TimeoutError:
            self._number += 1
            raise UnwritableError(f"{path} could not be written within {_WRITE_S:g} s: look at its disk") from None
        except OSError as error:
            if error.errno in _NO_PLACE:
                return f"{path.parent} cannot be written to ({error.strerror})"
            raise UnwritableError(f"{path} could not be written: {error.strerror}; make room on its disk") from None
        return ""

    def _replace(self, path: Path, body: bytes, number: int) -> None:
        """Write a file beside it, bring it to the disk, and give it the name."""
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{os.getpid()}.{number}")
        try:
            on_disk(draft, body)
            with self._renaming:
                if number == self._number:
                    draft.replace(path)
                    synced(path.parent)
        finally:
            with suppress(OSError):
                draft.unlink(missing_ok=True)


def _content(path: Path) -> bytes:
    """Return what is in a file, to the bound; what is no file is as one that cannot be read."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe of that name would wait for somebody to write
    with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor has no path
        if not S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(EINVAL, "it is no file")
        return file.read(_MOST_BYTES + 1)


def _written(sections: Mapping[str, Any]) -> bytes:
    return orjson.dumps({"v": VERSION, "sections": sections}, option=orjson.OPT_INDENT_2) + b"\n"


def place_of(plan: Plan) -> Path | None:
    """Return where a plan's orders are written down: beside its store, else beside its keys, else nowhere."""
    beside = plan.store or plan.keys
    return None if beside is None else Path(f"{beside}.orders")
