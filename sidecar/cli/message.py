"""`sidecar message all|backend:NAME|room:NAME --text en="…"`: say something to people; `sidecar message clear` says it no more."""

from __future__ import annotations

from sidecar.cli.orders import UsualGroup, commands

command = UsualGroup(
    "message",
    {each.name or "": each for each in commands("message")},
    help="Say something to people, and hold nobody up, until an end.",
)
