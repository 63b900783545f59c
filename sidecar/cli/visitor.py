"""`sidecar visitor`: somebody who waits in a room is found, moved, held, or let go on."""

from __future__ import annotations

from sidecar.cli.orders import group

command = group("visitor", "Find somebody who waits in a room; move him, hold him, let him go on.")
