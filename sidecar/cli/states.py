"""`sidecar states`: the contract with clients, from the one table; `docs/states.md` and its siblings are its output."""

from __future__ import annotations

import click


@click.command("states")
@click.option(
    "--format", "form", type=click.Choice(["markdown", "schema", "typescript"]), default="markdown", show_default=True
)
def command(form: str) -> None:
    """Print the states that clients may meet, for people, for validators, or for TypeScript."""
    from sidecar import contract  # noqa: PLC0415 - help needs none of this

    texts = {
        "markdown": contract.markdown,
        "schema": lambda: contract.json_schema().decode(),
        "typescript": contract.typescript,
    }
    click.echo(texts[form](), nl=False)
