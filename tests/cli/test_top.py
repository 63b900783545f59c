"""`sidecar top`: what it makes of every answer and of none, and how it looks in a real terminal."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from sidecar.admin.screen import plain
from sidecar.cli import main
from sidecar.cli.top import Leave, Poller, Seen, frame
from sidecar.plan import AdminPlan
from tests.admin.facts import status
from tests.admin.office import TOKEN
from tests.cli.office import standing
from tests.cli.serving import serving
from tests.support.require import program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HERE = "http://127.0.0.1:8081"
WITHIN_S = 20.0  # an interpreter on a busy machine starts in two


# What it makes of answers


def test_facts_are_seen() -> None:
    """And whatever failed before is forgotten."""
    with standing() as office:
        seen = Poller(office.url, None).ask(Seen(None, 1.0, "x", "y"))
    assert seen == Seen(office.control.facts)


def test_no_answer_keeps_the_last_facts(dead_url: str) -> None:
    """Since when stays, why is told anew."""
    before = Seen({"pid": 1})
    first = Poller(dead_url, None).ask(before)
    assert (first.facts, first.why) == ({"pid": 1}, "Connection refused")
    assert re.fullmatch(r"\d\d:\d\d:\d\dZ", first.since)
    assert first.failing is not None
    with serving(body=b"[]") as (where, _):
        second = Poller(where, None).ask(first)
    assert (second.failing, second.since) == (first.failing, first.since)
    assert second.why == "this is no admin listener of a sidecar"


def test_a_refusal_is_no_answer_either() -> None:
    """It says how the token is given."""
    with serving(status=401, body=b'{"code": "token_missing", "text": "this needs the token"}') as (where, _):
        why = Poller(where, None).ask(Seen()).why
    assert why.startswith("this needs the token [token_missing]; ")
    assert "--token-file" in why


def test_an_address_that_is_none_is_told() -> None:
    """On the screen, where one looks."""
    assert "is no http://" in Poller("nowhere", None).ask(Seen()).why


def test_the_poller_asks_again_and_stops() -> None:
    """Once a second, and not after it was told to stop."""
    with serving(body=b'{"pid": 1}') as (where, asked):
        poller = Poller(where, "secret")
        poller.start()
        _until(lambda: len(asked) >= 2)
        poller.stop()
        poller.join(5)
        assert not poller.is_alive()
    assert asked[0][2]["Authorization"] == "Bearer secret"


# What is drawn


def test_the_first_line_says_where_and_how_to_leave() -> None:
    """Before anything is known, too."""
    assert plain(frame(HERE, Seen(), 0, 80, 24)) == f"{HERE}  q leaves\nasking ...\n"
    assert plain(frame(HERE, Seen(status()), 0, 80, 24)).splitlines()[1].startswith("sidecar 0.1.0  ready")


def test_silence_is_loud() -> None:
    """Since when, how long, why; below it the last facts, faint, for they are old."""
    lines = frame(HERE, Seen(status(), 100.0, "09:00:00Z", "Connection refused"), 112.0, 80, 24)
    said = plain(lines).splitlines()
    assert said[1] == "NOT ANSWERING since 09:00:00Z (12s)  Connection refused"
    assert said[2].startswith("sidecar 0.1.0")
    assert lines[1][0].tone == "bad"
    assert {piece.tone for line in lines[2:] for piece in line} == {"faint"}
    assert len(plain(frame(HERE, Seen(None, 100.0, "x", "y"), 112.0, 80, 24)).splitlines()) == 2


@pytest.mark.parametrize(("width", "height"), [(80, 24), (40, 10), (80, 2), (80, 1), (200, 60)])
def test_it_fits(width: int, height: int) -> None:
    """Whatever the terminal is made to."""
    said = plain(frame(HERE * 5, Seen(status(), 100.0, "09:00:00Z", "x" * 200), 112.0, width, height)).splitlines()
    assert len(said) <= height
    assert max(map(len, said)) <= width


def test_without_a_terminal_it_says_what_to_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe gets no escape sequences."""
    done = CliRunner().invoke(main, ["top"])
    assert done.exit_code == 2
    assert "sidecar status" in done.output


# In a real terminal


class Terminal:
    """`sidecar top` on a pseudo terminal of its own."""

    def __init__(self, *args: str, size: tuple[int, int] = (24, 80), term: str = "xterm-256color") -> None:
        self._master, slave = pty.openpty()
        self.resize(*size)
        self.before = termios.tcgetattr(slave)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "sidecar", "top", *args],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**os.environ, "TERM": term},
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - so that Ctrl-C is a signal, as in a terminal
        )
        self._slave = slave
        self.raw = b""

    @property
    def text(self) -> str:
        """What was written, without the escape sequences."""
        return re.sub(r"\x1b(?:\[[0-9;?]*[A-Za-z]|[()][A-Z0-9]|[=>])", "", self.raw.decode("utf-8", "replace"))

    def read(self) -> None:
        """Take what has been written."""
        while select.select([self._master], [], [], 0.02)[0]:
            try:
                self.raw += os.read(self._master, 65536)
            except OSError:  # the other end has gone
                return

    def wait(self, pattern: str) -> None:
        """Wait until it has written this."""
        _until(lambda: self.read() or re.search(pattern, self.text))

    def type(self, keys: bytes) -> None:
        os.write(self._master, keys)

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def ended(self) -> int:
        """Wait for its end and return its code."""
        try:
            _until(lambda: self.read() or self.process.poll() is not None)
        except AssertionError:
            raise AssertionError(f"it goes on; at last: {self.text[-500:]!r}") from None
        self.read()
        return self.process.returncode

    @property
    def as_before(self) -> bool:
        """Whether the terminal has been given back as it was."""
        return termios.tcgetattr(self._slave) == self.before

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._master)
        os.close(self._slave)


@pytest.fixture
def terminal() -> Iterator[Callable[..., Terminal]]:
    """Open as many as a test wants."""
    with contextlib.ExitStack() as stack:

        def open_one(*args: str, **options: Any) -> Terminal:
            made = Terminal(*args, **options)
            stack.callback(made.close)
            return made

        yield open_one


def _until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.01)


def test_it_shows_the_screen_and_leaves_on_q(terminal: Callable[..., Terminal]) -> None:
    """On the other screen of the terminal, which is given back as it was."""
    with standing() as office:
        here = terminal("--admin", office.url)
        here.wait("REFUSED in the last 5m: 12")
        here.type(b"x")
        here.type(b"q")
        assert here.ended() == 0
    assert b"\x1b[?1049h" in here.raw
    assert here.raw.rindex(b"\x1b[?1049l") > here.raw.rindex(b"\x1b[?1049h")
    assert here.as_before
    assert "Traceback" not in here.text


@pytest.mark.parametrize(("number", "code"), [(None, 0), (signal.SIGTERM, 143)])
def test_it_leaves_on_ctrl_c_and_when_it_is_told_to(
    terminal: Callable[..., Terminal], number: signal.Signals | None, code: int
) -> None:
    """In the same good order."""
    with standing() as office:
        here = terminal("--admin", office.url)
        here.wait("REFUSED")
        if number is None:
            here.type(b"\x03")
        else:
            here.process.send_signal(number)
        assert here.ended() == code
    assert here.as_before
    assert b"\x1b[?1049l" in here.raw
    assert "Traceback" not in here.text


def test_a_signal_that_comes_at_any_moment_is_heard() -> None:
    """Also while something is finalized, where an exception would be told on standard error and go nowhere."""

    class Dying:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGINT)

    leave = Leave()
    before = signal.signal(signal.SIGINT, leave)
    try:
        Dying()
    finally:
        signal.signal(signal.SIGINT, before)
    assert leave.number == signal.SIGINT


def test_it_waits_for_a_sidecar_that_is_away(terminal: Callable[..., Terminal], free_port: int) -> None:
    """It says so, keeps on asking, and shows the screen once somebody answers."""
    here = terminal("--admin", f"http://127.0.0.1:{free_port}")
    here.wait(r"NOT ANSWERING since \d\d:\d\d:\d\dZ .*Connection refused")
    with standing(AdminPlan(port=free_port, token=TOKEN, written=True)):
        here.wait("REFUSED in the last 5m: 12")
    here.wait(r"(?s)REFUSED.*NOT ANSWERING")
    here.type(b"Q")
    assert here.ended() == 0


def test_a_dumb_terminal_is_none(terminal: Callable[..., Terminal]) -> None:
    """An editor's shell shows no other screen."""
    here = terminal(term="dumb")
    assert here.ended() == 2
    assert "sidecar status" in here.text


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Run tmux on a server of its own, which ends with the test."""
    base = [program("tmux", "REQUIRE_TMUX"), "-f", "/dev/null", "-S", str(tmp_path / "tmux.sock")]

    def run(*args: str) -> str:
        env = {**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "COLUMNS": "200", "LINES": "3"}
        return subprocess.run([*base, *args], check=True, capture_output=True, text=True, env=env).stdout

    yield run
    subprocess.run([*base, "kill-server"], check=False, capture_output=True)


@pytest.mark.parametrize(("width", "height"), [(80, 24), (60, 15), (120, 40)])
def test_how_it_looks(tmux: Callable[..., str], tmp_path: Path, width: int, height: int) -> None:
    """The whole screen as a terminal has it, kept where SIDECAR_SCREENSHOTS says; no line wraps, none is lost, and a size that a
    shell once had means nothing.
    """
    folder = Path(os.environ.get("SIDECAR_SCREENSHOTS") or tmp_path)
    with standing() as office:
        command = f"{sys.executable} -m sidecar top --admin {office.url}"
        tmux("new-session", "-d", "-x", str(width), "-y", str(height), command)
        _until(lambda: "REFUSED" in tmux("capture-pane", "-p"))
        shot = tmux("capture-pane", "-p")
        (folder / f"top-{width}x{height}.txt").write_text(shot)
        seen = Seen(office.control.facts)
        expected = plain(frame(office.url, seen, 0, width, height)).splitlines()
        assert [line.rstrip() for line in shot.splitlines()][: len(expected)] == expected
        tmux("resize-window", "-x", "50", "-y", "12")
        expected = plain(frame(office.url, seen, 0, 50, 12)).splitlines()
        _until(lambda: [line.rstrip() for line in tmux("capture-pane", "-p").splitlines()][:12] == expected)
        tmux("send-keys", "q")
