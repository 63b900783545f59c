"""`sidecar reload`: the short name of `sidecar config reload`."""

from __future__ import annotations

from sidecar.cli import orders

command = orders.command("config", "reload", "reload")
