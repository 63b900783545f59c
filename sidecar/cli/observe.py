"""`sidecar observe --for 15m [BACKEND] [MECHANISM]`: take protection out for a while; `sidecar observe clear` puts it back.

The two words are told apart by what they are. A backend that is called as a mechanism is needs `--backend`.
"""

from __future__ import annotations

from typing import Any

import click

from sidecar.admin.table import MECHANISMS
from sidecar.cli.orders import commands


class _Observe(click.Group):
    """A group whose usual order needs no verb."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read what names no verb as `set`."""
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = ["set", *args]
        return super().parse_args(ctx, args)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        """Return the order that a word means: one that is no verb belongs to `set`."""
        return super().get_command(ctx, cmd_name) or self.commands["set"]


def _by_word(made: click.Command) -> click.Command:
    """Let an order take backend and mechanism as bare words, too."""
    give = made.callback
    assert give is not None, "every order does something"

    def told(words: tuple[str, ...], **said: Any) -> None:
        for word in words:
            name = "mechanism" if word in MECHANISMS else "backend"
            if said[name] is not None:
                raise click.UsageError(f"one {name} at a time: {said[name]} or {word}")
            said[name] = word
        give(**said)

    made.params.insert(0, click.Argument(["words"], nargs=-1, metavar="[BACKEND] [MECHANISM]"))
    made.callback = told
    return made


command = _Observe(
    "observe",
    {each.name or "": _by_word(each) for each in commands("observe")},
    help="Take protection out: let mechanisms count what they would refuse, and refuse nobody, until an end.",
)
