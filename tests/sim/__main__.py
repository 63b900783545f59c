"""Write `report.md` anew: `python -m tests.sim`."""

from __future__ import annotations

from tests.sim.report import PATH, render

if __name__ == "__main__":
    PATH.write_text(render(), "utf-8")
    print(f"wrote {PATH}")
