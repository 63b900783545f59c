"""`sidecar purge`: let kept answers be renewed, by tag, by operation, or all of a backend."""

from __future__ import annotations

from sidecar.cli import orders

command = orders.command("cache", "purge", "purge")
