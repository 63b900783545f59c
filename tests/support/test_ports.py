"""Ports that no other test is given."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest

from tests.support import ports
from tests.support.process import ROOT

_MANY = "from tests.support.ports import free_port\nprint(*(free_port() for _ in range(300)), flush=True)\ninput()"


def test_none_is_given_twice_by_processes_that_run_at_once() -> None:
    """Each has its own, and they are not those that the kernel gives to whoever connects or binds port 0."""
    running = [
        subprocess.Popen(
            [sys.executable, "-c", _MANY], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    given = [set(map(int, (each.stdout or sys.stdin).readline().split())) for each in running]
    for each in running:
        each.communicate("\n", timeout=30)
        assert each.returncode == 0
    assert len(set.union(*given)) == sum(map(len, given))
    assert all(len(each) > 200 for each in given)
    assert all(10_240 < port < 32_768 for each in given for port in each)


def test_one_that_is_bound_is_left_out() -> None:
    """Whoever holds a port keeps it, also when all others have been given."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", ports.free_port()))
        assert held.getsockname()[1] not in {ports.free_port() for _ in range(ports._SLICE)}


def test_where_all_are_taken_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test waits for a port that never comes free."""
    ports.free_port()
    monkeypatch.setattr(ports, "_bound", lambda *_: None)
    with pytest.raises(OSError, match="all ports of this process's 256 are taken"):
        ports.free_port()
    with pytest.raises(OSError, match="all slices of ports are taken"):
        ports._claimed.__wrapped__()
