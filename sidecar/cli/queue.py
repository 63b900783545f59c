"""`sidecar queue`: who waits before a backend, and one of them before the others, or away."""

from __future__ import annotations

from sidecar.cli.orders import group

command = group("queue", "Find a call that waits; let it go first, or send it away.")
