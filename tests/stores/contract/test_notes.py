"""What every store of notes keeps: the last text of each name."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sidecar.ports import Notes


def test_the_last_text_of_a_name_stands(notes: Notes) -> None:
    """Under a name stands what was kept last, and nothing under another one."""
    assert notes.find("limit tickets") is None
    notes.keep("limit tickets", "one")
    notes.keep("limit tickets", "zwei: ü, \ud800")
    notes.keep("limit members", "")
    assert notes.find("limit tickets") == "zwei: ü, \ud800"
    assert notes.find("limit members") == ""
    assert notes.find("tickets") is None
    assert repr(notes).endswith("Notes 2>")
