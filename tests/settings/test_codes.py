"""The table of codes holds what the code says, no more and no less, and each is shown by a test."""

from __future__ import annotations

import re
from pathlib import Path

from sidecar.settings.codes import CODES

ROOT = Path(__file__).resolve().parents[2]
CODE = re.compile(r'"([EW]\d{3})"')


def test_the_table_is_complete() -> None:
    """Every code that the sources can give has its meaning, and no meaning is left over."""
    paths = [*(ROOT / "sidecar" / "settings").glob("*.py"), *(ROOT / "sidecar" / "cli").glob("*.py")]
    given = {code for path in paths if path.stem != "codes" for code in CODE.findall(path.read_text("utf-8"))}
    assert given == set(CODES)
    assert list(CODES) == sorted(CODES)


def test_each_is_shown() -> None:
    """By a broken configuration, a golden file, or a test that names it."""
    folder = Path(__file__).parent
    texts = [
        path.read_text("utf-8")
        for pattern in ("broken/*.txt", "golden/*.yaml", "*.py")
        for path in folder.glob(pattern)
    ]
    shown = set(re.findall(r"\b([EW]\d{3})\b", "\n".join(texts)))
    assert set(CODES) - shown == set()
