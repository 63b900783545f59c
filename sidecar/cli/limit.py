"""`sidecar limit`: how many calls a backend gets at once, for a while."""

from __future__ import annotations

from sidecar.cli.orders import group

command = group("limit", "Change how many calls a backend gets at once, until an end.")
