"""`sidecar metrics`: what the metrics mean and what to do about each; `docs/metrics.md` is its output."""

from __future__ import annotations

import click


@click.command("metrics")
def command() -> None:
    """Print the reference of the metrics, as Markdown. Their values are served by a running sidecar."""
    from sidecar.watch.catalogue import markdown  # noqa: PLC0415 - help needs none of this

    click.echo(markdown(), nl=False)
