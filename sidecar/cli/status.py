"""`sidecar status`: one screen of what a running sidecar does, what is wrong first."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING, Final

import click

from sidecar.admin import screen
from sidecar.cli.admin import fail, form_option, options, refused, talk

if TYPE_CHECKING:
    from collections.abc import Iterable

_TIMEOUT_S: Final = 5.0  # the answer takes a millisecond; whoever waits longer wants to know that it hangs
_OK: Final = 200
# click's colours; it takes them out again where the output is no terminal.
_STYLES: Final = {
    "strong": {"bold": True},
    "good": {"fg": "green"},
    "warn": {"fg": "yellow"},
    "bad": {"fg": "red", "bold": True},
    "faint": {"dim": True},
}


@click.command("status", params=[*options(), form_option()])
def command(where: str, token: str | None, form: str) -> None:
    """Print one screen: what is wrong, every backend's limit, calls and queue, what was changed by hand, what was refused."""
    status, facts = talk(where, "GET", "/status?format=json", token=token, timeout_s=_TIMEOUT_S)
    if status != _OK:
        fail(*refused(facts))
    if form == "json":
        click.echo(json.dumps(facts, indent=2, ensure_ascii=False))
        return
    size = shutil.get_terminal_size((screen.WIDTH, screen.HEIGHT))
    # The prompt that follows takes a line, too.
    lines = screen.lines(facts, size.columns, max(screen.HEIGHT, size.lines) - 1)
    click.echo(screen.plain(lines) if "NO_COLOR" in os.environ else _coloured(lines), nl=False)


def _coloured(lines: Iterable[screen.Line]) -> str:
    styled = (
        "".join(click.style(piece.text, **_STYLES[piece.tone]) if piece.tone else piece.text for piece in line)  # type: ignore[arg-type] # click takes each style by its own name
        for line in lines
    )
    return "".join(f"{line}\n" for line in styled)
