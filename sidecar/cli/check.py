"""`sidecar check`: every error of a settings file at once, and for a right one what it amounts to."""

from __future__ import annotations

import json
import sys

import click

from sidecar.cli import BAD_SETTINGS


@click.command("check")
@click.argument("file", metavar="FILE", envvar="SIDECAR_CONFIG")
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", help="For people or for machines."
)
def command(file: str, form: str) -> None:
    """Say everything that is wrong with FILE (exit code 78), or 'ok' and what it amounts to (exit code 0)."""
    from sidecar.cli.contracts import contract_of  # noqa: PLC0415 - help needs none of this
    from sidecar.settings import report  # noqa: PLC0415 - as above
    from sidecar.settings.load import load  # noqa: PLC0415 - as above
    from sidecar.settings.problem import SettingsError  # noqa: PLC0415 - as above

    try:
        plan = load(file, contract_of=contract_of)
    except SettingsError as error:
        number = len(error.problems)
        said = f"{error.text()}\n{number} error{'s' if number != 1 else ''}"
        _print({"ok": False, "file": file, "errors": error.facts()}, said, form)
        sys.exit(BAD_SETTINGS)
    _print({"ok": True, "file": file, "errors": [], **report.facts(plan)}, f"ok: {file}\n{report.text(plan)}", form)


def _print(facts: dict[str, object], text: str, form: str) -> None:
    click.echo(json.dumps(facts, indent=2, ensure_ascii=False) if form == "json" else text)
