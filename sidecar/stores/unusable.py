"""Why a file of ours cannot be used, and what to do about it: one word for each reason, whatever keeps the file.

Raised under the stores, by `database` for what SQLite says and by whoever reads a file himself; people are told by whoever has asked.
"""

from __future__ import annotations

from enum import StrEnum
from errno import EDQUOT, ENOSPC
from typing import Final


class Why(StrEnum):
    """Why a file cannot be used."""

    CORRUPT = "corrupt"
    LOCKED = "locked"
    NEWER = "newer"
    FOREIGN = "foreign"
    FULL = "full"
    UNWRITABLE = "unwritable"
    IO = "io"


REMEDY: Final = {
    Why.CORRUPT: "it is moved aside at the next start; check the disk, and keep the file where purchases may have to be traced",
    Why.LOCKED: "another process has it open: give each sidecar a file of its own",
    Why.NEWER: "a newer release wrote it: run that one, or give this one another file",
    Why.FOREIGN: "it belongs to another program: name another file in `store:`",
    Why.FULL: "free space on its disk; it is tried again every 30 s",
    Why.UNWRITABLE: "let the sidecar's user write the file and its folder; it is tried again every 30 s",
    Why.IO: "look at the disk and the kernel's log; it is tried again every 30 s",
}

REMEDY_OF_KEY: Final = (
    "put back the one that was saved with the database; where there is none, remove it: earlier keys are unknown then"
)


class Unusable(Exception):  # noqa: N818 - it says what the file is
    """The file cannot be used, for the reason `why`; `detail` is for the log."""

    def __init__(self, why: Why, detail: str) -> None:
        super().__init__(detail)
        self.why = why


def of_system(error: OSError) -> Unusable:
    """Return what an error of the operating system's means for the file."""
    why = Why.FULL if error.errno in (ENOSPC, EDQUOT) else Why.UNWRITABLE
    return Unusable(why, error.strerror or str(error))
