"""`sidecar resume all|backend:NAME|room:NAME`: let in again who was held up."""

from __future__ import annotations

from sidecar.cli.orders import command as order

command = order("pause", "clear", "resume")
