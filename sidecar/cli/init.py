"""`sidecar init`: a beginning of settings for a SOAP backend, from its WSDL.

What is written is guessed from names, and says so; `documents` reads the WSDL. Nothing is called.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from sidecar.cli.documents import DOCUMENTS, WITHIN_S, NoWsdlError, from_file, from_url, is_url

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapters.soap.contract import Index
    from sidecar.cli.documents import Read
    from sidecar.settings.starter import Offer

_SHOWN: Final = 200  # of the name of a document


@click.command("init")
@click.argument("source", metavar="WSDL-or-URL")
@click.option("--out", type=click.Path(path_type=Path), help="The file to write, which must not be there yet.")
@click.option("--name", help="The backend's name in the settings; its service's where this is left out.")
@click.option(
    "--timeout",
    "within_s",
    metavar="SECONDS",
    type=click.FloatRange(0.1, 600),
    default=WITHIN_S,
    show_default=True,
    help="How long all documents of an address may take together.",
)
def command(source: str, out: Path | None, name: str | None, within_s: float) -> None:
    """Print settings to begin with for the backend of a WSDL: a file, or the address of the service or of its WSDL.

    Which operations are safe is guessed from their names, and each guess is marked as one: read them before you run it.
    """
    from sidecar.settings.starter import starter  # noqa: PLC0415 - pydantic; help needs none of this

    if name is not None:
        _judged(name)
    if out is not None and os.path.lexists(out):
        raise click.UsageError(f"--out: {out} is there already, and is not written over")
    if not is_url(source) and ("://" in source or not Path(source).is_file()):
        raise click.UsageError(f"there is no file {source!r}; an address begins with http:// or https://")
    try:
        read = from_url(source, within_s) if is_url(source) else from_file(Path(source))
    except NoWsdlError as error:
        raise click.ClickException(str(error)) from None
    offer = _offer(source, read, out, name)
    _write(starter(offer), offer, out)


def _judged(name: str) -> None:
    from sidecar.settings import shapes  # noqa: PLC0415 - as above

    try:
        shapes.name(name)
    except ValueError:  # pydantic's own errors are one
        raise click.UsageError(
            f"--name: {name!r} cannot be one: a letter, then up to 62 letters, digits, - or _"
        ) from None


def _write(text: str, offer: Offer, out: Path | None) -> None:
    for location in offer.missing:
        click.echo(
            f"not read: {location[:_SHOWN]!r}, which the WSDL imports; names and parameters in it are not known",
            err=True,
        )
    if out is None:
        click.echo(text, nl=False)
        return
    try:
        with out.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except (OSError, ValueError) as error:
        raise click.ClickException(f"{out} cannot be written: {getattr(error, 'strerror', None) or error}") from None
    click.echo(f"wrote {out}: what is guessed in it says so. Next: sidecar check {out}", err=True)


def _offer(source: str, read: Read, out: Path | None, name: str | None) -> Offer:
    from adapters.soap.contract import Kind  # noqa: PLC0415 - lxml; help needs none of this
    from sidecar.settings.starter import Offer, name_of  # noqa: PLC0415 - as above

    found = read.index
    # The bindings that are called most; an address of a port that speaks something else may be of another service.
    rank = [Kind.SOAP11, Kind.SOAP12, Kind.HTTP_POST, Kind.HTTP_GET, Kind.ABSTRACT]
    ports = sorted(found.endpoints, key=lambda each: rank.index(each.kind))
    addresses = tuple(each.address for each in ports)
    return Offer(
        source=source,
        name=name or name_of(ports[0].service if ports else ""),
        addresses=addresses if read.url is None else (read.url, *addresses),
        wsdl=None if read.file is None else _seen_from(out, read.file),
        operations=_operations(found),
        missing=found.wanted[:DOCUMENTS],
        file="sidecar.yaml" if out is None else str(out),
    )


def _operations(found: Index) -> dict[str, Sequence[str] | None]:
    """Return the parameters of each operation that can be called; where one name stands for several, those of all."""
    from adapters.soap.contract import Kind  # noqa: PLC0415 - as above

    carried = [each for each in found.operations if any(way.kind is not Kind.ABSTRACT for way in each.bindings)]
    offered: dict[str, Sequence[str] | None] = {}
    for operation in carried or found.operations:
        names = None if operation.parameters is None else [each.name for each in operation.parameters]
        before = offered.get(operation.name, ())
        offered[operation.name] = None if names is None or before is None else list(dict.fromkeys([*before, *names]))
    return offered


def _seen_from(out: Path | None, file: Path) -> str:
    """Return a file's name as the settings have it, which begin at their own folder."""
    return str(file) if out is None or file.is_absolute() else os.path.relpath(file, out.parent)
