"""`sidecar observe --for 15m [BACKEND] [MECHANISM]`: take protection out for a while; `sidecar observe clear` puts it back.

The two words are told apart by what they are. A backend that is called as a mechanism is needs `--backend`.
"""

from __future__ import annotations

from typing import Any

import click

from sidecar.admin.table import MECHANISMS
from sidecar.cli.orders import UsualGroup, commands


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


command = UsualGroup(
    "observe",
    {each.name or "": _by_word(each) for each in commands("observe")},
    help="Take protection out: let mechanisms count what they would refuse, and refuse nobody, until an end.",
)
