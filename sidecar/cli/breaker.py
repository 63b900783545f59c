"""`sidecar breaker`: whether a backend is cut off, decided by hand for a while."""

from __future__ import annotations

from sidecar.cli.orders import group

command = group("breaker", "Decide yourself whether a backend is cut off, until an end.")
