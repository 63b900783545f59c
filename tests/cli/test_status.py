"""`sidecar status`, asked of a real admin listener."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner, Result

from sidecar.cli import main
from sidecar.plan import AdminPlan
from tests.admin.office import TOKEN
from tests.admin.test_screen import WHOLE
from tests.cli.office import standing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.admin.office import Office


@pytest.fixture
def office() -> Iterator[Office]:
    """An admin listener that answers."""
    with standing() as opened:
        yield opened


def run(office: Office, *args: str) -> Result:
    return CliRunner().invoke(main, ["status", "--admin", office.url, *args], env={"COLUMNS": "80", "LINES": "25"})


def test_one_screen(office: Office) -> None:
    """The same text as `GET /status` gives to people; no colour where it is no terminal."""
    done = run(office)
    assert (done.exit_code, done.output) == (0, WHOLE)


def test_for_machines(office: Office) -> None:
    """The facts as they came."""
    assert json.loads(run(office, "--format", "json").output) == office.control.facts


def test_colours_are_for_terminals(office: Office) -> None:
    """What is bad is red there, unless NO_COLOR says no; the text below is the same."""
    args, env = ["status", "--admin", office.url], {"COLUMNS": "80", "LINES": "25"}
    done = CliRunner().invoke(main, args, color=True, env=env)
    assert "\x1b[31m" in done.output
    assert "\n".join(line.rstrip() for line in click.unstyle(done.output).split("\n")) == WHOLE
    assert CliRunner().invoke(main, args, color=True, env={**env, "NO_COLOR": "1"}).output == WHOLE
    assert CliRunner().invoke(main, args, env=env).output == WHOLE


def test_where_looking_needs_the_token() -> None:
    """1 and how to give it; with it, the screen."""
    with standing(AdminPlan(host="0.0.0.0", port=0, token=TOKEN, written=True)) as office:
        done = run(office)
        assert done.exit_code == 1
        assert "--token-file" in done.output
        done = CliRunner().invoke(main, ["status", "--admin", office.url], env={"SIDECAR_ADMIN_TOKEN": TOKEN})
        assert done.exit_code == 0


def test_nobody_there(dead_url: str) -> None:
    """1, and why."""
    done = CliRunner().invoke(main, ["status", "--admin", dead_url])
    assert done.exit_code == 1
    assert "does not answer" in done.output


def test_it_starts_without_what_it_does_not_need() -> None:
    """In an emergency every second counts, and a small container has little memory."""
    code = (
        "import sys; from sidecar.cli import main\n"
        "try: main(['status', '--admin', 'http://127.0.0.1:1'])\n"
        "except SystemExit: pass\n"
        "print([m for m in ('aiohttp', 'pydantic', 'lxml', 'rich', 'uvloop') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ})
    assert done.stdout.strip() == "[]"
