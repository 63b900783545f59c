"""The README tried as somebody would who has nothing else: every block of it runs, every command exists, every figure holds.

Blocks are parsed out of the file; what stands there is what runs. `NOT_RUN` is the list of what is only looked up, with the reason; it
cannot grow unseen, for a command that is neither there nor in `TOLD` fails.
"""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import select
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

import aiohttp
import click
import pytest

from sidecar.cli import main
from sidecar.tasks import spawn
from tests.house.newcomer import BACKEND, CALLERS, OPERATORS, Addresses, Shell, blocks, commands
from tests.house.tree import ROOT, text
from tests.support.backend import Backend, silent
from tests.support.process import SidecarProcess

README = text(Path("README.md"))
BLOCKS = blocks(README)
SETTINGS = "tickets.yaml"
LONGEST: Final = 200  # lines; what is longer is not read

# Command -> what it must write; it must also end with 0. The first that fits counts.
TOLD: dict[str, str] = {
    "export ": r"\A\s*\Z",
    "python -m sidecar.demo.box_office": "",
    "sidecar check tickets.yaml --diff running": r"nothing changes",
    "sidecar check": r"(?m)^ok: tickets\.yaml",
    "sidecar doctor": r"(?m)^go: tickets\.yaml",
    "sidecar run": "",
    "curl": r"(?s)HTTP/1\.1 200 .*Sidecar-State: ok;executed=yes.*X-Request-Id: .*<HelloWorldResult>",
    "(umask 077; python -c": r"\A\s*\Z",
    "echo 'admin:": r"\A\s*\Z",
    "kill -HUP": r"\A\s*\Z",
    "sidecar status": r"(?s)\Asidecar \S+  ready.*\nsettings .*\nreload   ok .*by signal.*\nBACKEND .*\ntickets  +ok ",
    "sidecar limit set": r"(?m)^ok: tickets: limit 8 \(was learnt\)",
    "sidecar limit clear": r"(?m)^ok: tickets: limit learnt again",
    "sidecar reload": r"(?m)^ok: configuration \w+ is in force: no change",
    "sidecar config show": r"(?m)^backends\.tickets\.limit\.adaptive\.max +64 +default",
}
# Command that goes on in the background, or whose effect comes later -> the port or the line of the log that shows it.
FOLLOWED: dict[str, int | str] = {
    "python -m sidecar.demo.box_office": BACKEND,
    "sidecar run": CALLERS,
    "kill -HUP": '"event":"config_reloaded"',
}
# Command that is not run here -> why, and what is looked up instead.
NOT_RUN: dict[str, str] = {
    "make demo": "the tests of the demo run what it runs; here: the Makefile has it",
    "make test": "it is what runs this; here: the Makefile has it",
}

# What the README's screen is made of: a backend that hangs at nine o'clock, and somebody who has lowered its limit for ten minutes.
NINE_O_CLOCK: dict[str, Any] = {
    "v": 1,
    "version": "0.1.0",
    "pid": 4711,
    "server_time": "2026-12-01T09:04:10.000Z",
    "uptime_s": 1_209_600,
    "ready": True,
    "draining": False,
    "config": {
        "id": "c3f9a1b2d4e5",
        "file": "tickets.yaml",
        "loaded_at": "2026-11-30T17:02:10.000Z",
        "differs_from_disk": False,
        "last_reload": {
            "at": "2026-11-30T17:02:10.000Z",
            "ok": True,
            "by": "order",
            "actor": "alice@ops",
            "id": "c3f9a1b2d4e5",
            "text": "",
            "errors": [],
            "changes": [],
        },
        "history": [],
    },
    "listeners": {"public": ["http://127.0.0.1:8080"], "admin": ["http://127.0.0.1:8081"], "metrics": []},
    "connections": {"open": 431, "idle": 203, "limit": 10_000},
    "buffered": {"bytes": 1_887_436, "limit_bytes": 268_435_456, "peak_bytes": 9_437_184},
    "backends": [
        {
            "name": "tickets",
            "protocol": "soap",
            "path": "/tickets",
            "pressure": "strained",
            "limit": 8,
            "limit_configured": 16,
            "in_flight": 7,
            "ghosts": 1,
            "queued": 212,
            "queue_size": 500,
            "limiter": {"how": "fixed"},
            "classes": [{"class": "staff", "queued": 4, "eta_s": 1}, {"class": "browse", "queued": 208, "eta_s": 3}],
            "calls_per_s": 71.4,
            "backend_ms_p50": 103.0,
            "backend_ms_p95": 1840.0,
            "last_failure": {"state": "outcome_unknown", "reason": "timeout", "at": "2026-12-01T09:03:58.000Z"},
        }
    ],
    "pauses": [],
    "overrides": [
        {
            "id": "o3",
            "noun": "limit",
            "backend": "tickets",
            "value": 8,
            "was": 16,
            "actor": "alice@ops",
            "reason": "slow disk",
            "since": "2026-12-01T09:01:00.000Z",
            "until": "2026-12-01T09:11:00.000Z",
            "left_s": 410,
        }
    ],
    "refusals": {
        "window_s": 300,
        "total": 97,
        "by": [
            {
                "backend": "tickets",
                "state": "overloaded",
                "mechanism": "wait",
                "count": 91,
                "last_at": "2026-12-01T09:04:09.000Z",
            },
            {
                "backend": "tickets",
                "state": "outcome_unknown",
                "mechanism": "upstream",
                "count": 4,
                "last_at": "2026-12-01T09:03:58.000Z",
            },
            {
                "backend": "",
                "state": "not_found",
                "mechanism": "route",
                "count": 2,
                "last_at": "2026-12-01T09:00:41.000Z",
            },
        ],
    },
    "states": {
        "window_s": 300,
        "by": [
            {"backend": "tickets", "state": "ok", "count": 20_841},
            {"backend": "tickets", "state": "overloaded", "count": 91},
            {"backend": "tickets", "state": "outcome_unknown", "count": 4},
        ],
    },
    "log": {"dropped": 0},
}


def block(language: str) -> str:
    """Return the only block of a language."""
    found = [each.text for each in BLOCKS if each.language == language]
    assert len(found) == 1, f"the README has {len(found)} blocks of {language}"
    return found[0]


def _row(table: dict[str, Any], command: str) -> Any:
    return next((value for start, value in table.items() if command.startswith(start)), None)


def test_it_can_be_read_at_one_go() -> None:
    """The README is short, and opens with what the thing is for."""
    assert len(README.splitlines()) <= LONGEST
    assert "backend" in README.split("\n\n")[1]


def test_every_block_has_its_test() -> None:
    """Each language of the blocks is one that a test below runs; a block of another kind would be read by nobody."""
    assert {each.language for each in BLOCKS} == {"sh", "yaml", "json", "js", "text"}


def test_every_command_is_run_or_has_a_reason() -> None:
    """A command of a shell block stands in TOLD, or in NOT_RUN with its reason; neither list names one that is gone."""
    typed = [command for each in BLOCKS if each.language == "sh" for command in commands(each.text)]
    assert [command for command in typed if _row(TOLD, command) is None and command not in NOT_RUN] == []
    assert [start for start in (*TOLD, *NOT_RUN) if not any(command.startswith(start) for command in typed)] == []
    assert min(map(len, NOT_RUN.values())) > 20


def test_make_has_the_two_commands() -> None:
    """What is not run here is there."""
    targets = set(re.findall(r"^([a-z][\w-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {command.removeprefix("make ") for command in NOT_RUN} <= targets


def test_the_readme_from_top_to_bottom(tmp_path: Path) -> None:
    """In a fresh folder, one shell: the three lines protect a backend, the first call passes, every order does what is said of it."""
    addresses = Addresses()
    assert len(block("yaml").splitlines()) == 3
    addresses.settle(block("yaml"), tmp_path, SETTINGS)
    typed = [command for each in BLOCKS if each.language == "sh" for command in commands(each.text)]
    with Shell(tmp_path, addresses.environment) as shell:
        for command in typed:
            if command in NOT_RUN:
                continue
            said = shell.run(addresses.moved(command))
            assert said.code == 0, f"{command!r} exits with {said.code}:\n{said.text}"
            wanted = _row(TOLD, command)
            assert re.search(wanted, said.text), f"{command!r} does not say {wanted!r}:\n{said.text}"
            sign = _row(FOLLOWED, command)
            if isinstance(sign, int):
                addresses.wait(sign)
            elif sign is not None:
                _wait_for(tmp_path / "sidecar.log", sign)
        _live(tmp_path, addresses)
        page = shell.run(f"curl -sf http://127.0.0.1:{addresses.ports[OPERATORS]}/")
        assert page.code == 0
        assert page.text.lower().lstrip().startswith("<!doctype html>")


def _wait_for(log: Path, sign: str) -> None:
    deadline = time.monotonic() + 20
    while sign not in log.read_text():
        assert time.monotonic() < deadline, f"the log has no {sign}:\n{log.read_text()}"
        time.sleep(0.05)


def _live(folder: Path, addresses: Addresses) -> None:
    """`sidecar top` on a terminal: it shows the backend, and q leaves."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, **addresses.environment, "TERM": "xterm", "PYTHONPATH": str(ROOT)}
    top = subprocess.Popen(
        [sys.executable, "-m", "sidecar", "top"],
        cwd=folder,
        env=environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    seen, deadline = b"", time.monotonic() + 30
    while b"tickets" not in seen:
        assert time.monotonic() < deadline, f"top shows no backend: {seen!r}"
        if select.select([ours], [], [], 0.2)[0]:
            seen += os.read(ours, 65536)
    os.write(ours, b"q")
    while top.poll() is None:
        assert time.monotonic() < deadline, "q does not leave"
        if select.select([ours], [], [], 0.2)[0]:
            with contextlib.suppress(OSError):  # it has closed its end: EIO on Linux
                os.read(ours, 65536)
    os.close(ours)
    assert top.returncode == 0


async def test_a_failure_has_the_shape_that_is_shown(tmp_path: Path) -> None:
    """A call that finds the line full gets what the README shows, member for member; when to come back is computed anew each time."""
    envelope = re.findall(r"-d '(.*?)'", README, re.DOTALL)[0]
    headers = {"Content-Type": "text/xml", "Accept": "application/problem+json"}
    limits = {"limit": {"fixed": 1}, "queue": {"size": 0}}
    async with Backend(silent()) as backend, aiohttp.ClientSession(headers=headers) as http:
        backends = {"tickets": {"protocol": "soap", "url": backend.url, **limits}}
        async with SidecarProcess({"admin": {"unix": "admin"}, "backends": backends}, tmp_path) as sidecar:
            first = spawn(_post(http, f"{sidecar.url}/tickets", envelope), "the first")
            await backend.journal.arrived(1)
            async with http.post(f"{sidecar.url}/tickets", data=envelope) as reply:
                said = await reply.json(content_type="application/problem+json")
            first.cancel()
    shown = json.loads(block("json"))
    assert said["retry"].pop("after_s") >= 1
    assert shown["retry"].pop("after_s") >= 1
    assert {name: said.get(name) for name in shown} == shown


async def _post(http: aiohttp.ClientSession, url: str, envelope: str) -> None:
    async with http.post(url, data=envelope):
        pass


def test_the_table_of_states_is_the_contracts() -> None:
    """Each state of the README's table has the category and the effect that docs/states.md gives it."""
    table = text(Path("docs/states.md"))
    known = {
        (name, category, effect)
        for name, category, effect in re.findall(
            r"^\| \[`(\w+)`\].*?\| (\w+) \| .*? \| .*? \| .*? \| (\w+)[^|]*\|", table, re.MULTILINE
        )
    }
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \| (\w+) \| (\w+) \| \S", README, re.MULTILINE)
    told = {(name, category, effect) for names, category, effect in rows for name in re.findall(r"`(\w+)`", names)}
    assert len(told) > 10
    assert told - known == set()


def test_the_screen_is_one() -> None:
    """The screenful in the README is what `sidecar status` makes of such facts, to the letter."""
    from sidecar.admin import screen  # noqa: PLC0415 - rich facts; only this test looks at the screen
    from sidecar.concerns import concerns  # noqa: PLC0415 - as above

    backends = [{**each, "unasked": False} for each in NINE_O_CLOCK["backends"]]
    warnings = concerns({**NINE_O_CLOCK, "backends": backends}, {}, open_to_all=False)
    assert block("text").rstrip("\n") == screen.plain(screen.lines({**NINE_O_CLOCK, "warnings": warnings})).rstrip("\n")


def _spoken(document: Path) -> list[str]:
    """Return the commands of ours that a document names in its prose and types in its blocks."""
    said = text(document)
    typed = [command for each in blocks(said) if each.language == "sh" for command in commands(each.text)]
    prose = re.findall(r"`(sidecar [^`]+)`", re.sub(r"^```.*?^```$", "", said, flags=re.MULTILINE | re.DOTALL))
    return sorted({command for command in (*typed, *prose) if re.match(r"sidecar [a-z]", command)})


@pytest.mark.parametrize(
    ("document", "command"),
    [(each, command) for each in (Path("README.md"), Path("docs/operations.md")) for command in _spoken(each)],
    ids=str,
)
def test_every_command_that_is_named_exists(document: Path, command: str) -> None:
    """`sidecar X Y --option` in the README and in the operations guide is a command that has this option."""
    del document
    words = shlex.split(command.split(" >", maxsplit=1)[0].rstrip("& "), comments=True)[1:]
    found: click.Command = main
    context = click.Context(main)
    while isinstance(found, click.Group) and words:
        below = found.get_command(context, words.pop(0))
        assert below is not None, f"there is no `{command}`"
        found = below
    options = {name for parameter in found.params for name in parameter.opts if name.startswith("--")}
    assert {word for word in words if word.startswith("--")} <= options
