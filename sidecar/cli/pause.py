"""`sidecar pause all|backend:NAME|room:NAME --text en="…"`: hold up whoever wants in, and say why."""

from __future__ import annotations

from sidecar.cli.orders import command as order

command = order("pause", "set", "pause")
