"""The last step of `make test`: is what must be covered covered, branches included?

Reads the combined measurement, prints what falls short and exits 1 for it. It measures nothing itself.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

# Decisions, the contract with every client, and the parser that meets hostile bytes: no branch unseen.
WHOLE = ("sidecar/policy/*.py", "sidecar/states.py", "adapters/xml.py")
ELSEWHERE_PERCENT = 90.0
# The mean of many files would cover for one that nobody tests.
FILE_FLOOR_PERCENT = 75.0
# A screenful: past it the run measured the wrong thing, and the first lines say so.
SAID_MOST = 20


@dataclass(frozen=True, slots=True)
class Measured:
    """One file: what there is to cover and what was, statements and branches together."""

    path: str
    covered: int
    total: int

    @property
    def percent(self) -> float:
        return 100.0 * self.covered / self.total if self.total else 100.0


def measured(report: Mapping[str, Any]) -> list[Measured]:
    """Read coverage's JSON report; refuse one that knows nothing of branches."""
    if not report["meta"]["branch_coverage"]:
        raise SystemExit("coverage was measured without branches, or nothing was measured at all: run `make test`")
    return [
        Measured(
            path.replace("\\", "/"),
            row["summary"]["covered_lines"] + row["summary"]["covered_branches"],
            row["summary"]["num_statements"] + row["summary"]["num_branches"],
        )
        for path, row in report["files"].items()
    ]


def shortfalls(rows: list[Measured]) -> list[str]:
    """Say, one line each, what is covered less than it must be; an empty list is a pass."""
    whole = [row for row in rows if any(fnmatch(row.path, pattern) for pattern in WHOLE)]
    rest = [row for row in rows if row not in whole]
    said = [f"{row.path}: {row.percent:.1f} %, must be 100 %" for row in whole if row.covered < row.total]
    said += [f"{pattern}: nothing was measured" for pattern in WHOLE if not any(fnmatch(r.path, pattern) for r in rows)]
    said += [
        f"{row.path}: {row.percent:.1f} %, no file may be below {FILE_FLOOR_PERCENT:g} %"
        for row in rest
        if row.percent < FILE_FLOOR_PERCENT
    ]
    mean = Measured("elsewhere", sum(row.covered for row in rest), sum(row.total for row in rest))
    if mean.percent < ELSEWHERE_PERCENT:
        said.append(f"elsewhere: {mean.percent:.1f} %, must be {ELSEWHERE_PERCENT:g} %")
    return said


def main() -> int:
    """Print the verdict and, below 90 %, each file; return the exit status."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "coverage.json"
        subprocess.run([sys.executable, "-m", "coverage", "json", "-q", "-o", str(target)], check=True)
        rows = measured(json.loads(target.read_text()))
    for row in sorted(rows, key=lambda row: row.percent):
        if row.percent < ELSEWHERE_PERCENT:
            print(f"  {row.percent:5.1f} %  {row.path}")
    said = shortfalls(rows)
    covered, total = sum(row.covered for row in rows), sum(row.total for row in rows)
    print(f"coverage, branches included: {100.0 * covered / max(total, 1):.1f} % of {len(rows)} files")
    for line in said[:SAID_MOST]:
        print(f"TOO LITTLE: {line}")
    if len(said) > SAID_MOST:
        print(f"... and {len(said) - SAID_MOST} more")
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main())
