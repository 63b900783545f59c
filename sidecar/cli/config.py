"""`sidecar config`: what is in force, and where each value comes from; and the orders that change it in a running sidecar."""

from __future__ import annotations

import json
import sys

import click

from sidecar.cli import BAD_SETTINGS
from sidecar.cli.orders import commands
from sidecar.cli.plans import SET


@click.group("config")
def command() -> None:
    """Show the settings in force, read them again, go back to earlier ones."""


for _order in commands("config"):
    command.add_command(_order)


@command.command("show")
@click.argument("file", metavar="FILE", envvar="SIDECAR_CONFIG")
@click.option("--effective", is_flag=True, help="Defaults, too; else only what somebody set.")
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", help="For people or for machines."
)
@SET
def show(file: str, effective: bool, form: str, flags: tuple[str, ...]) -> None:
    """Print every setting of FILE with its value and where that comes from: a line, the environment, a flag, the default."""
    from sidecar.settings.load import Beside, load_all  # noqa: PLC0415 - help needs none of this
    from sidecar.settings.problem import SettingsError  # noqa: PLC0415 - as above

    try:
        loaded = load_all(file, Beside(flags=flags, volatile=True))
    except SettingsError as error:
        click.echo(error.text(), err=True)
        sys.exit(BAD_SETTINGS)
    told = [each for each in loaded.effective if effective or each.origin != "default"]
    if form == "json":
        click.echo(json.dumps([each.fact() for each in told], indent=2, ensure_ascii=False))
        return
    values = [_said(each.value) for each in told]
    key_width, value_width = max(len(each.key) for each in told), min(40, max(map(len, values)))
    for each, value in zip(told, values, strict=True):
        click.echo(f"{each.key:<{key_width}}  {value:<{value_width}}  {each.origin}")


def _said(value: object) -> str:
    return (
        "-"
        if value is None
        else json.dumps(value, ensure_ascii=False)
        if isinstance(value, (list, bool))
        else str(value)
    )
