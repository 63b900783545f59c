"""The secret that keyed calls are named by: beside the file that keeps them, made once, for its owner's eyes only.

It is apart from the database so that a damaged one, which is put aside, does not take it along: names made before would mean nothing.
While it is not safely on disk the process has one of its own, by which nothing that outlives it may be named.
"""

from __future__ import annotations

import os
from contextlib import suppress
from errno import ENOSPC
from secrets import token_bytes
from typing import TYPE_CHECKING, Final

from sidecar.stores.unusable import Unusable, Why, of_system

if TYPE_CHECKING:
    from pathlib import Path

_BYTES: Final = 32


class Secret:
    """The secret of a database. `secure` brings it to the disk, or from there; `stored` is what is there, None until then."""

    def __init__(self, database: Path) -> None:
        self.path = database.with_name(database.name + ".key")
        self.own = token_bytes(
            _BYTES
        )  # what is written where there is none, and what stands in for one that cannot be had
        self.stored: bytes | None = None

    def __repr__(self) -> str:
        return f"<Secret {self.path.name} {'on disk' if self.stored is not None else 'not on disk'}>"

    def secure(self) -> None:
        """Read it, and make it before that where there is none. Raises Unusable; harmless when repeated."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            made(self.path, self.own)
            found = self.path.read_bytes()
        except OSError as error:
            raise of_system(error) from error
        if len(found) != _BYTES:
            raise Unusable(Why.CORRUPT, f"{len(found)} bytes in place of {_BYTES}")
        self.stored = found


def made(path: Path, secret: bytes) -> None:
    """Write it whole or not at all, and never over one that is there."""
    if path.exists():
        return
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        on_disk(draft, secret)
        with suppress(FileExistsError):
            os.link(draft, path)
        synced(path.parent)
    finally:
        draft.unlink(missing_ok=True)


def on_disk(path: Path, content: bytes) -> None:
    """Write a file for its owner's eyes only, and return once it is on the disk. Raises OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        if os.write(descriptor, content) != len(content):
            raise OSError(ENOSPC, os.strerror(ENOSPC))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def synced(folder: Path) -> None:
    """Bring its names to the disk: a secret whose name is lost is lost."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
