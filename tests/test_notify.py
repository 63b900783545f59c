"""What a service manager hears, on a real datagram socket; and that a held loop is silent."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from typing import TYPE_CHECKING

import pytest

from sidecar.notify import Notifier

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Manager:
    """The end that a service manager holds."""

    def __init__(self, address: str) -> None:
        self.named = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + address[1:] if address.startswith("@") else address)
        self._socket.setblocking(False)

    def heard(self) -> list[list[str]]:
        """Return what has come since the last look, each message as its lines."""
        messages = []
        while True:
            try:
                messages.append(self._socket.recv(65536).decode().split("\n"))
            except BlockingIOError:
                return messages

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Manager]:
    """A listening socket, once as a file and once in the abstract namespace."""
    name = f"@sidecar-test-{os.getpid()}-{time.monotonic_ns()}" if request.param == "abstract" else str(tmp_path / "n")
    listening = Manager(name)
    yield listening
    listening.close()


@pytest.fixture
def path_manager(tmp_path: Path) -> Iterator[Manager]:
    """One on a file, where the kind of address is not the question."""
    listening = Manager(str(tmp_path / "notify"))
    yield listening
    listening.close()


def watched(manager: Manager, allowed_s: float, **more: str) -> dict[str, str]:
    return {"NOTIFY_SOCKET": manager.named, "WATCHDOG_USEC": str(round(allowed_s * 1_000_000)), **more}


def test_its_life_in_order(manager: Manager) -> None:
    """Each step is one message with its status, on either kind of socket."""
    notifier = Notifier({"NOTIFY_SOCKET": manager.named})
    before_us = time.monotonic_ns() // 1000
    assert notifier.ready("2 backends")
    assert notifier.reloading("reading a.yaml")
    assert notifier.status("backend tickets is down")
    assert notifier.stopping("draining", within_s=25.5)
    ready, reloading, status, stopping = manager.heard()
    assert ready == ["READY=1", "STATUS=2 backends"]
    assert reloading[0] == "RELOADING=1"
    name, _, at = reloading[1].partition("=")
    assert name == "MONOTONIC_USEC"
    assert before_us <= int(at) <= time.monotonic_ns() // 1000
    assert reloading[2] == "STATUS=reading a.yaml"
    assert status == ["STATUS=backend tickets is down"]
    assert stopping == ["STOPPING=1", "EXTEND_TIMEOUT_USEC=25500000", "STATUS=draining"]
    notifier.close()


def test_a_status_is_one_line_that_fits(path_manager: Manager) -> None:
    """A line break would be read as a field of its own, and a message of 4096 bytes is dropped whole."""
    notifier = Notifier({"NOTIFY_SOCKET": path_manager.named})
    notifier.status("one\nSTOPPING=1\r\n two " + "ä\udcff" * 5000)
    ((line,),) = path_manager.heard()
    assert line.startswith("STATUS=one STOPPING=1 two ä")
    assert len(line.encode()) < 4096
    notifier.close()


@pytest.mark.virtual
async def test_it_beats_at_half_of_what_is_allowed(path_manager: Manager) -> None:
    """From ready on, and no more after the end; a second ready (a reload's) does not double it."""
    notifier = Notifier(watched(path_manager, 10.0))
    await asyncio.sleep(20)
    assert path_manager.heard() == []
    notifier.ready("well")
    notifier.ready("reloaded")
    await asyncio.sleep(24)
    beats = [message for message in path_manager.heard() if message == ["WATCHDOG=1"]]
    assert len(beats) == 5  # at once, and after 5, 10, 15 and 20 seconds
    notifier.close()
    await asyncio.sleep(60)
    assert path_manager.heard() == []


@pytest.mark.uvloop
async def test_a_held_loop_misses_its_beat(path_manager: Manager) -> None:
    """While one turn takes longer than the manager allows, nothing is sent; once the loop turns again, it is."""
    allowed_s = 0.1
    notifier = Notifier(watched(path_manager, allowed_s))
    notifier.ready("well")
    path_manager.heard()
    end_s = time.monotonic() + 2 * allowed_s
    while time.monotonic() < end_s:
        pass
    assert path_manager.heard() == []
    async with asyncio.timeout(10):
        while not (heard := path_manager.heard()):  # noqa: ASYNC110 - a datagram socket of the test, which no event speaks for
            await asyncio.sleep(allowed_s / 10)
    assert {tuple(message) for message in heard} == {("WATCHDOG=1",)}, "one, or more where the test itself was held up"
    notifier.close()


@pytest.mark.virtual
@pytest.mark.parametrize(
    "environ",
    [
        {"WATCHDOG_PID": "1"},
        {"WATCHDOG_PID": "me"},
        {"WATCHDOG_USEC": ""},
        {"WATCHDOG_USEC": "0"},
        {"WATCHDOG_USEC": "-5"},
        {"WATCHDOG_USEC": "3s"},
        {"WATCHDOG_USEC": "9" * 40},
    ],
    ids=str,
)
async def test_who_is_not_watched_does_not_beat(path_manager: Manager, environ: dict[str, str]) -> None:
    """Another process's watchdog is not ours, and what is no number of microseconds is none; all else is still said."""
    notifier = Notifier(watched(path_manager, 10.0) | environ)
    notifier.ready("well")
    await asyncio.sleep(60)
    assert path_manager.heard() == [["READY=1", "STATUS=well"]]
    notifier.close()


@pytest.mark.virtual
async def test_our_own_watchdog_is_named_by_our_pid(path_manager: Manager) -> None:
    """A manager that says whom it watches means us."""
    notifier = Notifier(watched(path_manager, 10.0, WATCHDOG_PID=str(os.getpid())))
    notifier.ready("well")
    assert path_manager.heard()[-1] == ["WATCHDOG=1"]
    notifier.close()


@pytest.mark.parametrize("named", ["", "@", "vsock:2:1234", "relative/path"])
async def test_without_a_listener_nothing_is_opened_or_timed(named: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Most sidecars run where nobody listens: no socket, no timer; the same for a kind of address that we do not speak."""
    loop = asyncio.get_running_loop()
    opened: list[object] = []
    monkeypatch.setattr(socket, "socket", lambda *_: opened.append(1))
    monkeypatch.setattr(loop, "call_later", lambda *_: opened.append(2))
    notifier = Notifier({"NOTIFY_SOCKET": named, "WATCHDOG_USEC": "1000"})
    said = [notifier.ready("a"), notifier.reloading(), notifier.status("b"), notifier.stopping("c", 1.0)]
    notifier.close()
    monkeypatch.undo()
    assert (said, opened, repr(notifier)) == ([False] * 4, [], "<Notifier nobody listens>")


def test_a_manager_that_is_gone_is_no_error(tmp_path: Path) -> None:
    """No socket at the address, a path too long for one, a manager that has stopped: it says no, and does not raise."""
    for named in (str(tmp_path / "none"), "/" + "x" * 200, "@" + "x" * 200):
        notifier = Notifier({"NOTIFY_SOCKET": named})
        assert not notifier.ready("well")
        notifier.close()


def test_a_manager_that_does_not_read_holds_nobody(path_manager: Manager) -> None:
    """Its queue is full: what does not fit is not sent, and nothing waits for it."""
    notifier = Notifier({"NOTIFY_SOCKET": path_manager.named})
    said = [notifier.status(f"{number}") for number in range(100_000)]
    assert said[0]
    assert not said[-1]
    notifier.close()


def test_it_says_who_listens() -> None:
    """For a log line: the address, and how often it beats."""
    assert repr(Notifier({"NOTIFY_SOCKET": "/run/n", "WATCHDOG_USEC": "3000000"})) == "<Notifier '/run/n' beat=1.5 s>"
    assert repr(Notifier({"NOTIFY_SOCKET": "/run/n"})) == "<Notifier '/run/n' beat=off>"
