"""Where the project's files are: the ones that are kept, plus new ones that nothing ignores."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_BINARY = {".png", ".ico", ".gz", ".woff2", ".bin", ".pyc"}
# An unpacked archive has no git; what never belongs to the project is left out by name there.
_NEVER = {".git", ".venv", "node_modules", "__pycache__", "dist", "run"}


@cache
def files() -> tuple[Path, ...]:
    """Return every file of the project, relative to its root, in order."""
    if (ROOT / ".git").exists():
        argv = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
        listed = subprocess.run(argv, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
        found = {Path(name) for name in listed if name and (ROOT / name).is_file()}
    else:
        found = {path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file()}
        found = {path for path in found if not _NEVER & set(path.parts)}
    return tuple(sorted(found))


def python(*folders: str) -> list[Path]:
    """Return the Python files below these top folders."""
    return [path for path in files() if path.suffix == ".py" and path.parts[0] in folders]


def text(path: Path) -> str:
    """Return a file's text, empty for what is no text."""
    return "" if path.suffix in _BINARY else (ROOT / path).read_text("utf-8", "replace")
