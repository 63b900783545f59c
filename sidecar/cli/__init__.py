"""The command line: one file per command, each imported only when it is asked for, so that `version` and `health` are quick.

Exit codes: 0 well, 1 failed while running, 2 called in a wrong way, 78 wrong settings (EX_CONFIG of BSD's sysexits.h).
"""

from __future__ import annotations

from importlib import import_module
from typing import Final

import click

BAD_SETTINGS: Final = 78
# In the order of `sidecar --help`; the line is here too, so that help imports none of them.
COMMANDS: Final = {
    "run": "Run the sidecar.",
    "init": "Write settings to begin with from a WSDL; what is guessed in them says so.",
    "introspect": "Ask an XML-RPC backend for its methods, and write signatures to begin with.",
    "check": "Say everything that is wrong with a settings file, and what a right one amounts to.",
    "explain": "Print the stages that one operation passes.",
    "status": "Print one screen of what a running sidecar does, what is wrong first.",
    "top": "The same screen, live.",
    "config": "Show the settings in force, and where each comes from.",
    "reload": "Let a running sidecar read its settings again, and print the verdict.",
    "pause": "Hold up whoever wants in, with a sentence that every page shows.",
    "resume": "Let in again who was held up.",
    "message": "Say something to people, and hold nobody up.",
    "breaker": "Decide yourself whether a backend is cut off, until an end.",
    "limit": "Change how many calls a backend gets at once, until an end.",
    "observe": "Take protection out for a while: count what would be refused, and refuse nobody.",
    "fault": "Let calls of a backend go wrong on purpose, until an end.",
    "queue": "Find a call that waits; let it go first, or send it away.",
    "room": "Open, close or empty a waiting room by hand.",
    "visitor": "Find somebody who waits in a room; move him, hold him, let him go on.",
    "purge": "Let kept answers of a backend be renewed: by tag, by operation, or all.",
    "drain": "Let a running sidecar go in order.",
    "types": "Print a backend's operations, parameters and results as types for TypeScript.",
    "schema": "Print the JSON Schema of settings files, for editors.",
    "states": "Print the states that clients may meet, from the one table.",
    "doctor": "Look whether it could run: settings, this machine, the backends; go or no-go, with reasons.",
    "metrics": "Print the reference of the metrics, from the one table.",
    "health": "Ask a running sidecar whether it is well.",
    "demo": "Show it all: a fragile box office, the sidecar before it, a shop page, and a crowd if wanted.",
    "version": "Print the version.",
}


class Commands(click.Group):
    """A group that finds `NAME` as `command` in `sidecar/cli/NAME.py`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names for help and completion."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command, and nothing of the others."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"sidecar.cli.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name the command that was nearly typed."""
        from difflib import get_close_matches  # noqa: PLC0415 - only where something was mistyped

        name = args[0]
        if name not in COMMANDS and (near := get_close_matches(name, COMMANDS, n=1)):
            ctx.fail(f"No such command {name!r}, did you mean {near[0]}?")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list from the table above."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Protect a fragile SOAP or XML-RPC backend; every failure becomes a readable state."""
