"""`sidecar top`: the screen of `sidecar status`, live, until `q` or Ctrl-C.

Asks once a second in a thread of its own, so that a sidecar that hangs hangs no key. While nobody answers, the last facts stay on the
screen below a line that says since when.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import click

from sidecar.admin import screen
from sidecar.admin.screen import Line, Piece
from sidecar.cli.admin import options, refused
from sidecar.cli.remote import AddressError, NotReachedError, ask
from sidecar.durations import rough

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from rich.text import Text

_EVERY_S: Final = 1.0
_TIMEOUT_S: Final = 3.0  # the answer takes a millisecond; after this the screen says that nobody answers
_END_S: Final = 0.2
_LOOK_S: Final = 0.25  # how soon a key, a new size or new facts show
_OK: Final = 200
_STYLES: Final = {"": "", "strong": "bold", "good": "green", "warn": "yellow", "bad": "bold red", "faint": "dim"}


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known: the last facts, and since when (monotonic seconds; and as people read it) and why nobody answers."""

    facts: Mapping[str, Any] | None = None
    failing: float | None = None
    since: str = ""
    why: str = ""


@click.command("top", params=options())
def command(where: str, token: str | None) -> None:
    """Show the screen of `sidecar status`, live: asked once a second, until q or Ctrl-C."""
    if not sys.stdout.isatty() or os.environ.get("TERM", "dumb") == "dumb":
        raise click.UsageError("top needs a terminal; `sidecar status` prints the same once")
    leave = Leave()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, leave)
    poller = Poller(where, token)
    poller.start()
    try:
        _show(poller, leave)
    finally:
        poller.stop()
    if leave.number == signal.SIGTERM:
        sys.exit(128 + leave.number)


class Leave:
    """Notes which signal has come. It is looked at between two frames: an exception would come anywhere, in the middle of a drawing, or
    where the interpreter can only swallow it (a finalizer, the callback of a weak reference), and then nobody leaves.
    """

    number: int | None = None

    def __call__(self, number: int, _frame: object) -> None:
        """Be the handler of a signal."""
        self.number = number


class Poller(threading.Thread):
    """Asks, and keeps what was `seen` last. It ends with the process, in the middle of a question if need be."""

    def __init__(self, where: str, token: str | None) -> None:
        super().__init__(name="poller", daemon=True)
        self.where, self._token = where, token
        self.seen = Seen()
        self._stopped = threading.Event()

    def run(self) -> None:
        """Ask once a second."""
        while not self._stopped.is_set():
            began = time.monotonic()
            self.seen = self.ask(self.seen)
            self._stopped.wait(max(0.0, _EVERY_S - (time.monotonic() - began)))

    def stop(self) -> None:
        """Ask no more. A question that is under way has a moment to end."""
        self._stopped.set()
        if self.is_alive():
            self.join(_END_S)

    def ask(self, before: Seen) -> Seen:
        """Return what is known after one more question."""
        try:
            status, _, said = ask(self.where, "GET", "/status?format=json", None, self._token, _TIMEOUT_S)
            facts = json.loads(said)
            if not isinstance(facts, dict):
                raise ValueError  # noqa: TRY004, TRY301 - as what is no JSON at all
        except (AddressError, NotReachedError) as error:
            why = str(error).removeprefix(f"{self.where} does not answer: ")  # the line has said both already
        except ValueError:
            why = "this is no admin listener of a sidecar"
        else:
            if status == _OK:
                return Seen(facts)
            why = "; ".join(part for part in refused(facts) if part)
        if before.failing is not None:
            return replace(before, why=why)
        return replace(before, failing=time.monotonic(), since=f"{datetime.now(UTC):%H:%M:%S}Z", why=why)


def frame(where: str, seen: Seen, now: float, width: int, height: int) -> list[Line]:
    """Return the whole screen: where this is and how to leave, that nobody answers, and the facts."""
    lines: list[Line] = [(Piece(f"{where}  ", "faint"), Piece("q", "strong"), Piece(" leaves", "faint"))]
    if seen.failing is not None:
        since = f"NOT ANSWERING since {seen.since} ({rough(now - seen.failing)})  "
        lines.append((Piece(since, "bad"), Piece(seen.why)))
    if seen.facts is not None:
        shown = screen.lines(seen.facts, width, max(1, height - len(lines)))
        lines += shown if seen.failing is None else [_faded(line) for line in shown]
    elif seen.failing is None:
        lines.append((Piece("asking ..."),))
    return [screen.clip(line, width) for line in lines[:height]]


def _faded(line: Line) -> Line:
    """Return a line as something that was true a while ago."""
    return tuple(Piece(piece.text, "faint") for piece in line)


def _show(poller: Poller, leave: Leave) -> None:
    from rich.console import Console  # noqa: PLC0415 - a tenth of a second that no other command has to pay
    from rich.live import Live  # noqa: PLC0415 - as above

    for name in ("COLUMNS", "LINES"):  # some shells export the size that they had; what counts is the one that it has
        os.environ.pop(name, None)
    console = Console(highlight=False)
    with _keys() as pressed, Live(console=console, screen=True, auto_refresh=False) as live:
        while leave.number is None:
            width, height = console.size
            live.update(_text(frame(poller.where, poller.seen, time.monotonic(), width, height)), refresh=True)
            if pressed(_LOOK_S) in (b"q", b"Q", b"\x03", b"\x04"):
                return


def _text(lines: list[Line]) -> Text:
    from rich.text import Text  # noqa: PLC0415 - as in _show

    text = Text(no_wrap=True, overflow="crop", end="")
    for number, line in enumerate(lines):
        text.append("\n" if number else "")
        for piece in line:
            text.append(piece.text, _STYLES[piece.tone])
    return text


@contextmanager
def _keys() -> Iterator[Callable[[float], bytes]]:
    """Give what waits for a key for so many seconds (b"": none came). Keys come at once and are not shown; Ctrl-C stays a signal."""
    if not sys.stdin.isatty():
        yield _no_key
        return
    import termios  # noqa: PLC0415 - not on every system that has the rest
    import tty  # noqa: PLC0415 - as above

    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)

    def pressed(wait_s: float) -> bytes:
        ready, _, _ = select.select([descriptor], [], [], wait_s)
        return os.read(descriptor, 1) or b"\x04" if ready else b""

    try:
        tty.setcbreak(descriptor)
        yield pressed
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def _no_key(wait_s: float) -> bytes:
    time.sleep(wait_s)
    return b""
