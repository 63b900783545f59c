"""`sidecar explain`: the stages that one operation passes, as they are built."""

from __future__ import annotations

import click

from sidecar.cli.plans import CONFIG, plan_of


@click.command("explain")
@CONFIG
@click.argument("backend")
@click.argument("operation")
def command(config: str, backend: str, operation: str) -> None:
    """Print the stages that OPERATION of BACKEND passes with the settings in CONFIG, outermost first."""
    plan = plan_of(config)

    from sidecar.pipeline import describe  # noqa: PLC0415 - every stage; wrong settings are told without them

    try:
        said = describe(plan, backend, operation)
    except LookupError as error:
        raise click.UsageError(str(error.args[0])) from None
    click.echo(said)
