"""`sidecar room`: a waiting room is opened or closed by hand, or all its passes are called back."""

from __future__ import annotations

from sidecar.cli.orders import group

command = group("room", "Open, close or empty a waiting room by hand.")
