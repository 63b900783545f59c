"""`sidecar run`: the process that stands before the backend."""

from __future__ import annotations

import os
import signal
import sys

import click

from sidecar.cli.plans import CONFIG, SET, VOLATILE, loaded_of, root_of


@click.command("run")
@CONFIG
@VOLATILE
@SET
def command(config: str, volatile: bool, flags: tuple[str, ...]) -> None:
    """Run the sidecar with the settings in CONFIG (or $SIDECAR_CONFIG) until SIGTERM or SIGINT."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # it asks for a reload: who sends it early must not end what starts
    _occupy_standard_streams()
    loaded = loaded_of(config, flags, volatile=volatile)

    import uvloop  # noqa: PLC0415 - only once it is clear that there is something to run

    from sidecar.serve import serve  # noqa: PLC0415 - aiohttp and lxml; wrong settings are told without them
    from sidecar.settings.load import Beside, load_all  # noqa: PLC0415 - as above

    beside = Beside(flags=flags, root_of=root_of, volatile=volatile)
    code = uvloop.run(serve(loaded, lambda: load_all(config, beside)))
    for number in (
        signal.SIGTERM,
        signal.SIGINT,
    ):  # the drain is over: one more changes nothing, its exit code least of all
        signal.signal(number, signal.SIG_IGN)
    sys.exit(code)


def _occupy_standard_streams() -> None:
    """Fill 0, 1 and 2 where we were started with them closed (`>&-`): else a client's connection would get the number of our log."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number, which is this one
