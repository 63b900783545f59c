"""Prints docs/rooms.md with the diagram of a visitor's states as the table in sidecar/policy/visitors.py has it now."""

from __future__ import annotations

import sys
from pathlib import Path

from sidecar.policy.visitors import diagram

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "rooms.md"
_FROM, _TO = "<!-- diagram:", "<!-- end of diagram -->"


def fresh(text: str) -> str:
    """Return the document with the diagram of today between its marks."""
    before, mark, rest = text.partition(_FROM)
    first, _, rest = rest.partition("\n")
    _, end, after = rest.partition(_TO)
    assert mark, "the document has lost the mark before its diagram"
    assert end, "the document has lost the mark behind its diagram"
    return f"{before}{mark}{first}\n```mermaid\n{diagram()}\n```\n{end}{after}"


if __name__ == "__main__":
    sys.stdout.write(fresh(DOCUMENT.read_text("utf-8")))
