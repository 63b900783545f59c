"""Where commands find the admin listener, what they show it, and what they say when it says no.

Options that every such command takes, and one way to ask. Exit codes as everywhere: 1 where it does not answer or refuses, 2 where it was
called in a wrong way.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

from sidecar.cli.remote import AddressError, NotReachedError, ask

if TYPE_CHECKING:
    from collections.abc import Mapping

# As in the settings: `sidecar status` on the machine itself needs no word more.
DEFAULT: Final = "http://127.0.0.1:8081"
_TOKEN: Final = "SIDECAR_ADMIN_TOKEN"  # noqa: S105 - the name of the variable, not what is in it
_TOKEN_HINT: Final = "name the file with --token-file or $SIDECAR_ADMIN_TOKEN_FILE, or set $SIDECAR_ADMIN_TOKEN"  # noqa: S105 - a sentence for people


def _token(ctx: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """Return the token: of the file, else of the environment. There is no option that holds it: every user sees those of a process."""
    del ctx, parameter
    if value is None:
        return os.environ.get(_TOKEN) or None
    try:
        token = Path(value).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise click.BadParameter(f"{value} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if not token or not token.isascii() or not token.isprintable():
        raise click.BadParameter(f"{value} holds no token: one line of printable ASCII")
    return token


def options() -> list[click.Option]:
    """Return the options of every command that asks the admin listener."""
    return [
        click.Option(
            ["--admin", "where"],
            metavar="URL",
            envvar="SIDECAR_ADMIN",
            default=DEFAULT,
            show_default=True,
            help="Where its admin listener is: http://HOST:PORT or unix:/PATH ($SIDECAR_ADMIN).",
        ),
        click.Option(
            ["--token-file", "token"],
            metavar="FILE",
            envvar="SIDECAR_ADMIN_TOKEN_FILE",
            callback=_token,
            help="File that holds the token ($SIDECAR_ADMIN_TOKEN_FILE); or the token itself in $SIDECAR_ADMIN_TOKEN.",
        ),
    ]


def form_option() -> click.Option:
    """Return the option for people or for machines."""
    return click.Option(
        ["--format", "form"], type=click.Choice(["text", "json"]), default="text", help="For people or for machines."
    )


def talk(
    where: str, method: str, path: str, *, body: Mapping[str, Any] | None = None, token: str | None, timeout_s: float
) -> tuple[int, dict[str, Any]]:
    """Return status and facts of what the admin listener answers; prints why there are none, and exits."""
    try:
        status, _, said = ask(where, method, path, body, token, timeout_s)
    except AddressError as error:
        raise click.UsageError(f"--admin: {error}") from None
    except NotReachedError as error:
        fail(str(error), "is it running, and is its admin listener there? Say --admin")
    try:
        facts = json.loads(said)
    except ValueError:
        facts = None
    if not isinstance(facts, dict):
        fail(f"{where} is no admin listener of a sidecar: it answered {status}, and no JSON", "say --admin")
    return status, facts


def refused(facts: Mapping[str, Any]) -> tuple[str, str]:
    """Return what a refusal says, and what to do, in the words of the command line."""
    code = facts.get("code")
    if code is None:  # the public listener answers so: it has a state, and no code
        return "what answers there is no admin listener of a sidecar", "say --admin"
    remedy = _TOKEN_HINT if code in ("token_missing", "token_wrong") else str(facts.get("remedy") or "")
    text = str(facts.get("text", "refused"))
    # What was tried and failed is told in the words of whoever tried, which may be many lines.
    return text if code == "failed" else f"{text} [{code}]", remedy


def fail(text: str, remedy: str, code: int = 1) -> NoReturn:
    """Print what is wrong and what to do, and exit."""
    click.echo(text, err=True)
    if remedy:
        click.echo(f"       {remedy}", err=True)
    sys.exit(code)
