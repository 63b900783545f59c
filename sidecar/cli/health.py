"""`sidecar health`: for container health checks, with nothing but the standard library behind it."""

from __future__ import annotations

import http
import sys

import click

from sidecar.cli.remote import AddressError, NotReachedError, ask


@click.command("health")
@click.option("--url", default="http://127.0.0.1:8080", show_default=True, help="Where its public listener is.")
@click.option("--unix", type=click.Path(), help="Its unix socket, in place of --url.")
@click.option("--ready", is_flag=True, help="Ask whether it takes new calls: no while it drains.")
def command(url: str, unix: str | None, ready: bool) -> None:
    """Exit with 0 where the sidecar is well, with 1 and a reason where it is not or does not answer."""
    path = "/.sidecar/readyz" if ready else "/.sidecar/healthz"
    where = f"unix:{unix}" if unix else url
    try:
        status, _, body = ask(where, "GET", path)
    except AddressError as error:
        raise click.UsageError(f"--url: {error}") from None
    except NotReachedError as error:
        click.echo(str(error), err=True)
        sys.exit(1)
    well = status == http.HTTPStatus.OK and not (ready and b'"ready":false' in body)
    click.echo(f"{where} {'is well' if well else f'is not: status {status}'}", err=not well)
    sys.exit(0 if well else 1)
