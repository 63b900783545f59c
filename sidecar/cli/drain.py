"""`sidecar drain`: go in order; for hooks before a stop, and inside an image without `kill`."""

from __future__ import annotations

from sidecar.cli import orders

command = orders.command("sidecar", "drain", "drain")
