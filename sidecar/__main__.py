"""`python -m sidecar`, and what the `sidecar` script calls."""

from __future__ import annotations

from sidecar.cli import main

if __name__ == "__main__":
    main()
