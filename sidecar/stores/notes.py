"""`ports.Notes`: in memory, and with a journal behind it that outlives the process."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sidecar.stores.journal import Journal
    from sidecar.stores.recall import Recalled


class MemoryNotes:
    """As many as there are names: backends, and nothing that a caller can say."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {len(self._texts)}>"

    def find(self, name: str) -> str | None:
        """See `ports.Notes.find`."""
        return self._texts.get(name)

    def keep(self, name: str, text: str) -> None:
        """See `ports.Notes.keep`."""
        self._texts[name] = text


class SqliteNotes(MemoryNotes):
    """Those of a file; a file that cannot be used makes them forget, and nothing worse."""

    def __init__(self, journal: Journal, recalled: Recalled) -> None:
        super().__init__()
        self._journal = journal
        self._texts |= recalled.notes

    def keep(self, name: str, text: str) -> None:
        """See `ports.Notes.keep`."""
        super().keep(name, text)
        self._journal.note(name, text)
