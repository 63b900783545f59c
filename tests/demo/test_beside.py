"""The sidecar beside the demo, as a process: ended gently, and by force where that does not help."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from sidecar.demo import beside

if TYPE_CHECKING:
    import pytest


async def test_a_sidecar_that_does_not_want_to_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that ignores SIGTERM gets SIGKILL after its time."""
    monkeypatch.setattr(beside, "STOP_S", 0.2)
    deaf = asyncio.Event()

    def hear(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()
        deaf.set()

    ear = await asyncio.start_server(hear, "127.0.0.1", 0)
    port = ear.sockets[0].getsockname()[1]
    stubborn = (
        "import signal, socket, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"socket.create_connection(('127.0.0.1', {port}))\n"
        "time.sleep(60)"
    )
    monkeypatch.setattr(beside, "COMMAND", (sys.executable, "-c", stubborn))
    async with ear, beside.Sidecar(Path("x"), dict(os.environ)) as sidecar:
        await asyncio.wait_for(deaf.wait(), 20)
    assert sidecar.process.returncode == -signal.SIGKILL


async def test_its_words_are_passed_on_but_for_its_access_lines(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """A crowd makes thousands of those; without a crowd they are what a visitor wants to see."""
    says = """print('{"event":"access"}'); print('{"event":"started"}')"""
    monkeypatch.setattr(beside, "COMMAND", (sys.executable, "-c", says))
    for terse in (True, False):
        async with beside.Sidecar(Path("x"), dict(os.environ), terse=terse) as sidecar:
            await sidecar.process.wait()
        said = capfdbinary.readouterr().err
        assert b'"started"' in said
        assert (b'"access"' in said) is not terse
        assert "exit code 0" in str(sidecar.death())


async def test_a_waiting_room_that_is_polled_does_not_bury_the_rest(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """Lines of its own resources are left out where they say that all is well, and only there."""
    line = '{"event":"access","backend":"%s","operation":null,"state":"%s"}'
    lines = [line % each for each in (("", "ok"), ("", "poll_too_soon"), ("tickets", "ok"))]
    monkeypatch.setattr(beside, "COMMAND", (sys.executable, "-c", f"print({chr(10).join(lines)!r})"))
    async with beside.Sidecar(Path("x"), dict(os.environ)) as sidecar:
        await sidecar.process.wait()
    assert capfdbinary.readouterr().err.decode().split() == lines[1:]
