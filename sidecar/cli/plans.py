"""Where commands get their plan from: one argument, one way to fail."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

import click

from sidecar.cli import BAD_SETTINGS

if TYPE_CHECKING:
    from collections.abc import Callable

    from sidecar.plan import Plan
    from sidecar.settings.loaded import Loaded

# Not click.Path: a file that is not there is told like everything else about it, with exit code 78.
CONFIG: Final = click.argument("config", metavar="CONFIG", envvar="SIDECAR_CONFIG")
SET: Final = click.option(
    "--set", "flags", metavar="KEY=VALUE", multiple=True, help="A setting that stands above the file; may be repeated."
)
VOLATILE: Final = click.option(
    "--volatile", is_flag=True, help="Waiting rooms may lose everybody's place with the process: store: memory will do."
)


def seconds(low: str, high: str) -> Callable[[click.Context, click.Parameter, str | None], float | None]:
    """Return what reads a duration on the command line like every duration in a settings file, between two bounds."""

    def read(ctx: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
        del ctx, parameter
        if value is None:
            return None
        from sidecar.settings.quantities import Span  # noqa: PLC0415 - pydantic; help needs none of it

        span = Span(low, high)
        try:
            found = span.read(value)
        except LookupError:
            raise click.BadParameter(f"{value!r} is no duration, as in 20s") from None
        if not span.read(span.low) <= found <= span.read(span.high):
            raise click.BadParameter(f"{value!r} is out of bounds: from {span.low} to {span.high}")
        return found

    return read


def root_of(data: bytes) -> str:
    """Return the root of an XML document; for settings that name one, and only then is a parser loaded."""
    from sidecar.cli.contracts import root_of  # noqa: PLC0415 - lxml; most settings name no document

    return root_of(data)


def plan_of(config: str, flags: tuple[str, ...] = ()) -> Plan:
    """Return the plan of `config`, or print all that is wrong with it and exit. For who looks: nobody's place is lost by that."""
    return loaded_of(config, flags, volatile=True).plan


def loaded_of(config: str, flags: tuple[str, ...] = (), *, volatile: bool = False) -> Loaded:
    """As `plan_of`, with what the plan was made of; `volatile`: places in waiting rooms may be lost with the process."""
    from sidecar.settings.load import Beside, load_all  # noqa: PLC0415 - pydantic and ruamel are a tenth of a second
    from sidecar.settings.problem import SettingsError  # noqa: PLC0415 - as above

    try:
        return load_all(config, Beside(flags=flags, root_of=root_of, volatile=volatile))
    except SettingsError as error:
        click.echo(error.text(), err=True)
        sys.exit(BAD_SETTINGS)
