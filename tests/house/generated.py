"""What in this project is made by a program: one row per file, with the command that prints its fresh content.

Read by the test that compares and by `make generate`, which writes. Whoever adds a generated file adds its row here.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Generated:
    """One file and the arguments of the Python that prints it to stdout."""

    path: str
    argv: tuple[str, ...]

    def fresh(self) -> bytes:
        done = subprocess.run([sys.executable, *self.argv], cwd=ROOT, capture_output=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{self.path}: {' '.join(self.argv)} failed:\n{done.stderr.decode()}")
        return done.stdout


GENERATED: tuple[Generated, ...] = (
    Generated("docs/states.md", ("-m", "sidecar", "states", "--format", "markdown")),
    Generated("docs/state.schema.json", ("-m", "sidecar", "states", "--format", "schema")),
    Generated("clients/js/states.d.ts", ("-m", "sidecar", "states", "--format", "typescript")),
    Generated("config/sidecar.schema.json", ("-m", "sidecar", "schema")),
    Generated("docs/configuration.md", ("-m", "sidecar", "schema", "--format", "markdown")),
    Generated("docs/admin.md", ("-m", "sidecar.admin.reference")),
    Generated("docs/metrics.md", ("-m", "sidecar", "metrics")),
    Generated("docs/rooms.md", ("-m", "tests.house.rooms_doc")),
    Generated("docs/failures.md", ("-m", "tests.scenarios.failures_doc")),
)


def write() -> None:
    """Write every file that is not fresh, and say which."""
    for row in GENERATED:
        target, content = ROOT / row.path, row.fresh()
        if not target.is_file() or target.read_bytes() != content:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            print(f"wrote {row.path}")


if __name__ == "__main__":
    write()
