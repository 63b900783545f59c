"""`sidecar run`: the process that stands before the backend."""

from __future__ import annotations

import sys

import click

from sidecar.cli.plans import CONFIG, plan_of


@click.command("run")
@CONFIG
def command(config: str) -> None:
    """Run the sidecar with the settings in CONFIG (or $SIDECAR_CONFIG) until SIGTERM or SIGINT."""
    plan = plan_of(config)

    import uvloop  # noqa: PLC0415 - only once it is clear that there is something to run

    from sidecar.app import serve  # noqa: PLC0415 - aiohttp and lxml; wrong settings are told without them

    sys.exit(uvloop.run(serve(plan)))
