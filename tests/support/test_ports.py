"""Ports that no other test is given."""

from __future__ import annotations

import socket
import subprocess
import sys
from contextlib import ExitStack

import pytest

from tests.support import ports
from tests.support.process import Program

# All of one number, so that all begin to look at the same slice.
_MANY = """
import os
os.getpid = lambda: 7
from tests.support.ports import free_port
print(*(free_port() for _ in range(300)), flush=True)
input()
"""


def test_none_is_given_twice_by_processes_that_run_at_once() -> None:
    """Each has its own, and they are not those that the kernel gives to whoever connects or binds port 0."""
    with ExitStack() as stack:
        running = [stack.enter_context(Program([sys.executable, "-c", _MANY], stdin=subprocess.PIPE)) for _ in range(4)]
        given = [set(map(int, each.wait_line(r"^\d.*")[0].split())) for each in running]
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
