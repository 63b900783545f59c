"""`sidecar schema`: what editors read; `config/sidecar.schema.json` is its output."""

from __future__ import annotations

import click


@click.command("schema")
def command() -> None:
    """Print the JSON Schema (2020-12) of settings files."""
    from sidecar.settings.editor import schema_text  # noqa: PLC0415 - help needs none of this

    click.echo(schema_text(), nl=False)
