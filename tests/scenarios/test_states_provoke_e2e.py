"""Every command of docs/states.md that provokes a state, typed into a shell against the demo, gives that state.

The demo is the one that people start, on free ports. The two commands that take half a minute run beside the others.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from sidecar.states import ROWS, State
from tests.support import require
from tests.support.process import ROOT, Program, ProgramError

if TYPE_CHECKING:
    from collections.abc import Iterator


START = "import sys, uvloop; from sidecar.demo.show import FREE, main; sys.exit(uvloop.run(main(ports=FREE)))"
COMMAND_S = 90.0
NO_COMMAND = {
    "internal": "a bug that a command could provoke would have been mended",
    "key_missing": "no operation of the demo requires a key: the clients that it has know none",
}


def key_of(row: State) -> str:
    first = next(each for each in ROWS if each.name == row.name)
    return row.name if row is first else f"{row.name}:{row.reasons[0]}"


BUILT = {key_of(row): row for row in ROWS if row.built and row.origin == "sidecar"}
SLOW = ("body_timeout", "draining")  # the patience for a body, and that of a drain


@dataclass(frozen=True, slots=True)
class Demo:
    """A running demo, with the names that the commands use."""

    program: Program
    sidecar: str
    shop: str
    admin: str

    def begin(self, command: str) -> subprocess.Popen[str]:
        """Type `command` into a shell."""
        bash = require.program("bash")
        environ = {**os.environ, "DEMO": self.sidecar, "SHOP": self.shop, "ADMIN": self.admin}
        return subprocess.Popen(
            [bash, "-c", command], env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def state_after(self, command: str) -> str:
        """Return the Sidecar-State of the last response that `command` showed."""
        return last_state(self.begin(command))

    def mend(self) -> None:
        """Let the box office be well again, and wait until it is."""
        order = json.dumps({"reset": True}).encode()
        request = urllib.request.Request(f"{self.shop}/control", order, {"Content-Type": "application/json"})
        urllib.request.urlopen(request, timeout=5).close()
        well, end = BUILT["ok"].provoke, time.monotonic() + 30
        while not self.state_after(well).startswith("ok"):
            assert time.monotonic() < end, "the demo does not recover"
            time.sleep(0.1)


def last_state(shell: subprocess.Popen[str]) -> str:
    said, complaints = shell.communicate(timeout=COMMAND_S)
    states = re.findall(r"(?im)^sidecar-state: (.*?)\r?$", said)
    assert states, f"no Sidecar-State in\n{said[-2000:]}\n{complaints[-500:]}"
    return str(states[-1])


@contextlib.contextmanager
def demo() -> Iterator[Demo]:
    require.program("curl")
    program = Program([sys.executable, "-c", START], cwd=ROOT, name="demo")
    try:
        sidecar = program.wait_line(r"^sidecar +(http://\S+)/tickets")[1]
        shop = program.wait_line(r"^shop page +(http://\S+?)/?$")[1]
        admin = program.wait_line(r"^operators +(http://\S+?)/ ")[1]
        yield Demo(program, sidecar, shop, admin)
    finally:
        with contextlib.suppress(ProgramError):
            program.stop()


@pytest.fixture(scope="module")
def standing() -> Iterator[Demo]:
    """The demo for all commands but the one that ends it."""
    with demo() as standing:
        yield standing


@pytest.fixture(scope="module")
def slow(standing: Demo) -> Iterator[dict[str, subprocess.Popen[str]]]:
    """The slow commands, begun before the others; the one that ends its sidecar has a demo of its own."""
    require.program("ss", package="iproute2")
    with demo() as leaving:
        begun = {
            "body_timeout": standing.begin(BUILT["body_timeout"].provoke),
            "draining": leaving.begin(BUILT["draining"].provoke),
        }
        yield begun
        for command in begun.values():
            command.kill()
            command.communicate()


def test_every_state_has_a_command() -> None:
    """Or a reason why none can be given."""
    assert {key for key, row in BUILT.items() if not row.provoke} == set(NO_COMMAND)


QUICK = [key for key, row in BUILT.items() if row.provoke and key not in SLOW]


@pytest.mark.thinned(5)
@pytest.mark.usefixtures("slow")
@pytest.mark.parametrize("key", QUICK)
def test_the_command_gives_the_state(standing: Demo, key: str) -> None:
    """As it stands in docs/states.md, with DEMO and SHOP set."""
    standing.mend()
    assert standing.state_after(BUILT[key].provoke).partition(";")[0] == BUILT[key].name


@pytest.mark.long
@pytest.mark.parametrize("key", SLOW)
def test_the_slow_command_gives_the_state(slow: dict[str, subprocess.Popen[str]], key: str) -> None:
    """Begun with the others, read last."""
    assert last_state(slow[key]).partition(";")[0] == BUILT[key].name
