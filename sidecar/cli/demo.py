"""`sidecar demo`: the box office, the sidecar and the shop together."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from sidecar.cli.plans import seconds


@click.command("demo")
@click.option(
    "--for",
    "for_s",
    metavar="DURATION",
    callback=seconds("1s", "24h"),
    help="Run with a crowd for so long, as in 20s, then report.",
)
@click.option("--json", "as_json", is_flag=True, help="Report as one JSON document.")
@click.option("--config", type=click.Path(path_type=Path), help="Settings file, in place of config/demo.yaml.")
@click.option(
    "--unprotected",
    is_flag=True,
    help="The same crowd straight at the box office, with no sidecar before it: it falls over. For 20 s, or --for. "
    "The shop page is left out: it lives on states, and nobody says any here.",
)
def command(for_s: float | None, as_json: bool, config: Path | None, unprotected: bool) -> None:
    """Show it all on this machine: open the address that it prints. With --for it runs headless and ends by itself: a crowd comes that
    grows past what the box office can bear.
    """
    if unprotected and config is not None:
        raise click.UsageError("--config says how the sidecar is set up, and with --unprotected there is none")
    import uvloop  # noqa: PLC0415 - help needs none of this

    from sidecar.demo.show import main  # noqa: PLC0415 - as above

    sys.exit(uvloop.run(main(for_s=for_s, as_json=as_json, config=config, unprotected=unprotected)))
