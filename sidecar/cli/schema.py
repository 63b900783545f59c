"""`sidecar schema`: what editors read, and what people do; `config/sidecar.schema.json` and `docs/configuration.md` are its output."""

from __future__ import annotations

import click


@click.command("schema")
@click.option("--format", "form", type=click.Choice(["json", "markdown"]), default="json", show_default=True)
def command(form: str) -> None:
    """Print the JSON Schema (2020-12) of settings files, or the reference for people."""
    if form == "markdown":
        from sidecar.settings.reference import markdown  # noqa: PLC0415 - help needs none of this

        click.echo(markdown(), nl=False)
        return
    from sidecar.settings.editor import schema_text  # noqa: PLC0415 - as above

    click.echo(schema_text(), nl=False)
