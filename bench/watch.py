"""What watching costs: the access line alone and in the server, and everything together, against the same build that looks away."""

from __future__ import annotations

import os
import timeit
from contextlib import ExitStack
from statistics import median
from typing import TYPE_CHECKING, Final

from bench import messages
from bench.cost import settings, sidecar
from bench.load import once
from bench.process import Server
from bench.report import Line
from bench.rounds import Subject, measure
from bench.unwatched import NO_LINES, NOTHING
from tests.support.ports import free_port

if TYPE_CHECKING:
    from pathlib import Path

_LINES: Final = 20_000  # a tenth of a second
_REPEATS: Final = 15
_LOOKS: Final = 300


def alone_us() -> float:
    """Return the CPU time of one access line, from the exchange to the buffer, in microseconds; the best of a few runs."""
    from multidict import CIMultiDict  # noqa: PLC0415 - what the listener hands on

    from sidecar.app import SystemClock  # noqa: PLC0415 - only this line needs the product in this process
    from sidecar.model import Call, Dialect, Exchange, Executed, Head, Peer, Reply  # noqa: PLC0415 - as above
    from sidecar.watch import line  # noqa: PLC0415 - as above
    from sidecar.watch.log import JsonLog  # noqa: PLC0415 - as above
    from sidecar.watch.pseudonyms import Pseudonyms  # noqa: PLC0415 - as above

    clock, pseudonyms = SystemClock(), Pseudonyms()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    log = JsonLog(clock, nowhere)
    headers = CIMultiDict({"Host": "a", "SOAPAction": "b", "Content-Type": "text/xml"})
    head = Head("POST", messages.PATH, messages.PATH, "", headers, ())
    exchange = Exchange(head, None, Peer("127.0.0.1", tls=False), clock.now())  # type: ignore[arg-type]  # no line reads it
    exchange.request_id, exchange.client, exchange.backend = "0123456789abcdef00000000ff", "127.0.0.1", "box"
    exchange.dialect, exchange.queue_s, exchange.backend_s = Dialect.SOAP11, 0.0004, 0.0123
    exchange.body = b"x" * messages.CALL_BYTES
    exchange.call = Call("box", "", messages.OPERATION, Dialect.SOAP11)
    reply = Reply(200, (), (b"x" * messages.REPLY_BYTES,))

    def write() -> None:
        client, trace = pseudonyms.of(exchange.client), line.traceparent_of(exchange)
        facts = line.facts_of(clock.now(), clock.wall(), exchange, reply, "ok", None, Executed.YES, None, trace)
        log.write(line.written(facts, client).encode())

    def run() -> float:
        log._lines.clear()  # noqa: SLF001 - no loop flushes it here
        log._held_bytes = 0  # noqa: SLF001 - as above
        return timeit.timeit(write, number=_LINES)

    log._writing = True  # noqa: SLF001 - as above: nobody has to be told
    try:
        return min(run() for _ in range(_REPEATS)) / _LINES * 1e6
    finally:
        os.close(nowhere)


def looks_share(folder: Path, core: int, origin: Server) -> tuple[float, str]:
    """Return the part of a core, in percent, that operators' eyes take: a dashboard and `top`, each asking for the status once a second,
    and a scrape of the metrics every fifteen, after a load has filled the window; and what each look costs.
    """
    port, admin = free_port(), free_port()
    server = Server.python("sidecar", "run", settings(folder, port, origin.port, admin), port=port, core=core)
    request = messages.post(messages.call(messages.OPERATION), messages.OPERATION)
    cost_us = {}
    with server:
        measure([Subject("filling the window", server, request)], 1)
        for what in ("/status?format=json", "/metrics"):
            look = messages.get(what)
            once(admin, look)
            before = server.cpu_s()
            for _ in range(_LOOKS):
                once(admin, look)
            cost_us[what] = (server.cpu_s() - before) / _LOOKS * 1e6
    status_us, metrics_us = cost_us.values()
    share = (2 * status_us + metrics_us / 15) / 1e6 * 100
    return (
        share,
        f"a status {status_us:.0f} µs, a reading of the metrics {metrics_us:.0f} µs, each on a connection of its own",
    )


def watch(folder: Path, core: int, origin: Server, rounds: int) -> list[Line]:
    """Measure and return the lines."""

    def without(what: str) -> Server:
        port = free_port()
        file = settings(folder, port, origin.port)
        return Server.python("bench.unwatched", what, file, port=port, core=core)

    request = messages.post(messages.call(messages.OPERATION), messages.OPERATION)
    with ExitStack() as stack:
        ours = Subject("watched", stack.enter_context(sidecar(folder, origin.port, core)), request)
        no_lines = Subject(NO_LINES, stack.enter_context(without(NO_LINES)), request)
        nothing = Subject(NOTHING, stack.enter_context(without(NOTHING)), request)
        measure([ours, no_lines, nothing], rounds)
    looks, told = looks_share(folder, core, origin)
    line_us = median(mine - theirs for mine, theirs in zip(ours.cost_us, no_lines.cost_us, strict=True))
    share = (ours.over(nothing) - 1) * 100
    beside = f"{ours.median_us:.0f} µs with, {nothing.median_us:.0f} µs without"
    return [
        Line("an access line, called alone", alone_us(), "µs", 2.0),
        Line("an access line in the server", line_us, "µs", 8.0, f"{no_lines.median_us:.0f} µs without"),
        Line("all watching, over the same pass-through unwatched", share, "%", 12.0, beside),
        Line("dashboard, top and a scraper, of a core", looks, "%", 1.0, told),
    ]
