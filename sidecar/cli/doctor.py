"""`sidecar doctor`: go or no-go, with reasons, before the sidecar is started or changed."""

from __future__ import annotations

import json
import sys

import click

from sidecar.cli import BAD_SETTINGS
from sidecar.cli.plans import CONFIG


@click.command("doctor")
@CONFIG
@click.option(
    "--probe", is_flag=True, help="Ask XML-RPC backends for system.listMethods: a call, that changes nothing."
)
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", help="For people or for machines."
)
def command(config: str, probe: bool, form: str) -> None:
    """Look whether the sidecar could run with the settings in CONFIG, on this machine and with its backends, within ten seconds.

    It changes nothing and says what it has sent. Exit code 0 is go, 1 is no-go, 78 wrong settings.
    """
    from sidecar.settings.load import load  # noqa: PLC0415 - help needs none of this
    from sidecar.settings.problem import SettingsError  # noqa: PLC0415 - as above

    try:
        plan = load(config)
    except SettingsError as error:
        facts = {"v": 1, "go": False, "file": config, "errors": error.facts()}
        click.echo(json.dumps(facts, indent=2, ensure_ascii=False) if form == "json" else f"no-go: {error.text()}")
        sys.exit(BAD_SETTINGS)

    from sidecar.doctor import examine  # noqa: PLC0415 - aiohttp; wrong settings are told without it

    report = examine(plan, config, probe=probe)
    click.echo(json.dumps(report.facts(), indent=2, ensure_ascii=False) if form == "json" else report.text())
    sys.exit(0 if report.go else 1)
