"""`sidecar fault`: let calls of a backend go wrong on purpose, for a while."""

from __future__ import annotations

from sidecar.cli.orders import group

command = group("fault", "Let calls of a backend go wrong on purpose, until an end.")
