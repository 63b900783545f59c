"""`sidecar doctor`: go or no-go, with reasons, before the sidecar is started or changed, or before an on-sale."""

from __future__ import annotations

import json
import sys
from difflib import get_close_matches
from typing import TYPE_CHECKING

import click

from sidecar.cli import BAD_SETTINGS
from sidecar.cli.plans import CONFIG, seconds

if TYPE_CHECKING:
    from sidecar.doctor.crowd import Evening
    from sidecar.plan import Plan

_MOST = 10_000_000  # people or seats: more than any house has


@click.command("doctor")
@CONFIG
@click.option(
    "--probe", is_flag=True, help="Ask XML-RPC backends for system.listMethods: a call, that changes nothing."
)
@click.option("--room", metavar="NAME", help="Look at the on-sale of a waiting room, too; needs --expect.")
@click.option("--expect", metavar="PEOPLE", type=click.IntRange(1, _MOST), help="How many will come to it.")
@click.option("--seats", metavar="SEATS", type=click.IntRange(1, _MOST), help="How many there are to sell.")
@click.option(
    "--per-order",
    metavar="SEATS",
    type=click.FloatRange(0.1, 1000),
    default=2.0,
    show_default=True,
    help="How many of them one order takes.",
)
@click.option(
    "--session", metavar="DURATION", callback=seconds("1s", "24h"), help="How long a buyer takes; default half a pass."
)
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", help="For people or for machines."
)
def command(
    config: str,
    probe: bool,
    room: str | None,
    expect: int | None,
    seats: int | None,
    per_order: float,
    session: float | None,
    form: str,
) -> None:
    """Look whether the sidecar could run with the settings in CONFIG, on this machine and with its backends, within ten seconds.

    With --room and --expect it says as well whether a crowd fits that is expected, and how long the sale takes. It changes nothing and says
    what it has sent. Exit code 0 is go, 1 is no-go, 78 wrong settings.
    """
    from sidecar.settings.load import Beside, load_all  # noqa: PLC0415 - help needs none of this
    from sidecar.settings.problem import SettingsError  # noqa: PLC0415 - as above

    if (room is None) != (expect is None) or (room is None and (seats or session)):
        raise click.UsageError(
            "an on-sale is a room and a crowd: --room NAME --expect PEOPLE, with --seats where known"
        )
    try:
        plan = load_all(config, Beside(volatile=True)).plan  # a room in memory is a no-go here, with its reason
    except SettingsError as error:
        facts = {"v": 1, "go": False, "file": config, "errors": error.facts()}
        click.echo(json.dumps(facts, indent=2, ensure_ascii=False) if form == "json" else f"no-go: {error.text()}")
        sys.exit(BAD_SETTINGS)

    from sidecar.doctor import examine  # noqa: PLC0415 - aiohttp; wrong settings are told without it
    from sidecar.doctor.crowd import Evening  # noqa: PLC0415 - as above

    evening: Evening | None = None
    if room is not None and expect is not None:
        _known(plan, room)
        evening = Evening(room, expect, seats, per_order, session)
    report = examine(plan, config, probe=probe, evening=evening)
    click.echo(json.dumps(report.facts(), indent=2, ensure_ascii=False) if form == "json" else report.text())
    sys.exit(0 if report.go else 1)


def _known(plan: Plan, name: str) -> None:
    names = [room.name for room in plan.rooms]
    if name not in names:
        near = get_close_matches(name, names, n=1)
        hint = f", did you mean {near[0]}?" if near else ""
        raise click.UsageError(f"there is no room {name!r}{hint} (rooms: {', '.join(names) or 'none'})")
