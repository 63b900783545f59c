"""`sidecar types`: what the JSON facade of a backend takes and gives, as types for TypeScript, from the settings and the WSDL.

Works without a running sidecar: the WSDL is the settings' file, or is fetched from the backend as `init` does. Nothing is called.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sidecar.cli.documents import WITHIN_S, NoWsdlError, from_file, from_url
from sidecar.cli.plans import CONFIG, SET, plan_of
from sidecar.model import Protocol

if TYPE_CHECKING:
    from sidecar.cli.documents import Read
    from sidecar.described import Description
    from sidecar.model import Refusal
    from sidecar.plan import BackendPlan
    from sidecar.ports import Facade


@click.command("types")
@CONFIG
@click.argument("backend")
@click.option(
    "--wsdl", type=click.Path(path_type=Path), help="A WSDL file, in place of the settings' or the backend's own."
)
@SET
def command(config: str, backend: str, wsdl: Path | None, flags: tuple[str, ...]) -> None:
    """Print the operations of BACKEND that the settings in CONFIG expose in JSON, as a module for TypeScript."""
    plan = plan_of(config, flags)
    found = next((each for each in plan.backends if each.name == backend), None)
    if found is None:
        known = ", ".join(each.name for each in plan.backends)
        raise click.UsageError(f"there is no backend {backend!r}; the backends are: {known}")
    if wsdl is not None and not wsdl.is_file():
        raise click.UsageError(f"--wsdl: there is no file {wsdl}")

    from sidecar.model import Refusal  # noqa: PLC0415 - help needs none of this
    from sidecar.web.typescript import types  # noqa: PLC0415 - as above

    try:
        said = asyncio.run(described(found, wsdl))
    except NoWsdlError as error:
        raise click.ClickException(str(error)) from None
    if isinstance(said, Refusal):
        raise click.ClickException(said.detail or said.state)
    for name, why in said.missing.items():
        click.echo(f"not offered: {name}: {why}", err=True)
    if not said.operations:
        click.echo(f"{backend} exposes nothing in JSON: name operations in expose, or mark some safe", err=True)
    click.echo(types(said), nl=False)


async def described(backend: BackendPlan, wsdl: Path | None) -> Description | Refusal:
    """Describe a backend by its contract as it is now. Raises NoWsdlError."""
    from sidecar.app import facade_of  # noqa: PLC0415 - adapters
    from sidecar.web.booklet import Booklet  # noqa: PLC0415 - as above

    facades: dict[str, Facade] = {}
    for endpoint, url in backend.endpoints:
        read = _read(backend, url, wsdl) if backend.protocol is Protocol.SOAP else None
        facades[endpoint] = facade_of(backend, url, read)
    return await Booklet(backend, facades, lambda: None).description()


def _read(backend: BackendPlan, url: str, wsdl: Path | None) -> Read:
    file = wsdl or (Path(backend.wsdl) if backend.wsdl is not None else None)
    return from_url(url, WITHIN_S) if file is None else from_file(file)
