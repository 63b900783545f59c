"""Where the admin listener is, what it is shown, and what is said when it says no."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner, Result

from sidecar.cli.admin import form_option, options, refused, talk
from tests.cli.serving import serving

if TYPE_CHECKING:
    from pathlib import Path


@click.command(params=[*options(), form_option()])
def probe(where: str, token: str | None, form: str) -> None:
    status, facts = talk(where, "GET", "/status", token=token, timeout_s=5.0)
    click.echo(f"{status} {facts} {form}")


@click.command(params=options())
def shown(where: str, token: str | None) -> None:
    click.echo(f"{where} {token}")


def run(command: click.Command, *args: str, **env: str) -> Result:
    bare = {"SIDECAR_ADMIN": None, "SIDECAR_ADMIN_TOKEN": None, "SIDECAR_ADMIN_TOKEN_FILE": None}
    return CliRunner().invoke(command, args, env={**bare, **env})


def test_where_it_is(tmp_path: Path) -> None:
    """The option, else the environment, else this machine."""
    assert run(shown).output == "http://127.0.0.1:8081 None\n"
    assert run(shown, SIDECAR_ADMIN="unix:/run/a.sock").output.startswith("unix:/run/a.sock ")
    assert run(shown, "--admin", "http://b:1", SIDECAR_ADMIN="http://a:1").output.startswith("http://b:1 ")
    done = run(probe, "--admin", "b:1")
    assert done.exit_code == 2
    assert "--admin: 'b:1' is no" in done.output


def test_what_it_is_shown(tmp_path: Path) -> None:
    """The token of the file, else of the environment; a file without one is a wrong call, and shows nothing of what is in it."""
    file = tmp_path / "token"
    file.write_text(" of-the-file\n")
    assert run(shown, "--token-file", str(file), SIDECAR_ADMIN_TOKEN="env").output.endswith(" of-the-file\n")
    assert run(shown, SIDECAR_ADMIN_TOKEN_FILE=str(file)).output.endswith(" of-the-file\n")
    assert run(shown, SIDECAR_ADMIN_TOKEN="env").output.endswith(" env\n")
    assert run(shown, SIDECAR_ADMIN_TOKEN="").output.endswith(" None\n")
    for content in (b"", b"a\nb", "schlüssel".encode(), b"\xff"):
        file.write_bytes(content)
        done = run(shown, "--token-file", str(file))
        assert done.exit_code == 2
    assert run(shown, "--token-file", str(tmp_path / "none")).exit_code == 2


def test_no_option_holds_the_token() -> None:
    """Every user of a machine reads the options of its processes."""
    assert "--token " not in run(shown, "--help").output


def test_nobody_there(dead_url: str) -> None:
    """1, why, and what to look at."""
    done = run(probe, "--admin", dead_url)
    assert done.exit_code == 1
    assert f"{dead_url} does not answer: Connection refused" in done.output
    assert "--admin" in done.output


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"\xff"])
def test_somebody_else_there(body: bytes) -> None:
    """What answers without facts is no admin listener."""
    with serving(body=body) as (where, _):
        done = run(probe, "--admin", where)
    assert done.exit_code == 1
    assert "is no admin listener of a sidecar" in done.output


def test_facts_come_back() -> None:
    """With the status, whatever it is."""
    with serving(status=409, body=b'{"code": "x"}') as (where, _):
        assert run(probe, "--admin", where).output == "409 {'code': 'x'} text\n"


def test_refusals_in_the_words_of_the_command_line() -> None:
    """What to do about a token is another thing here than over HTTP."""
    assert refused({"code": "token_missing", "text": "t", "remedy": "send it as …"}) == (
        "t [token_missing]",
        "name the file with --token-file or $SIDECAR_ADMIN_TOKEN_FILE, or set $SIDECAR_ADMIN_TOKEN",
    )
    assert refused({"code": "busy", "text": "t", "remedy": "wait"}) == ("t [busy]", "wait")
    assert refused({"state": "not_found", "status": 404}) == (
        "what answers there is no admin listener of a sidecar",
        "say --admin",
    )
