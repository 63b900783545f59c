"""`sidecar config show`: what is in force and where it comes from, for people and for machines."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from sidecar.cli import main

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = """\
listen: {port: "${PORT}"}
admin: {token: "${ADMIN_TOKEN}"}
backends: {t: {protocol: soap, url: "http://h/x"}}
"""
TOKEN = "0123456789abcdef-hunter2"


def show(file: Path, *argv: str):
    return CliRunner(env={"PORT": "81", "ADMIN_TOKEN": TOKEN}).invoke(main, ["config", "show", str(file), *argv])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "a.yaml").write_text(SETTINGS)
    return tmp_path / "a.yaml"


def test_what_somebody_set(file: Path) -> None:
    """Without --effective, defaults stay out."""
    done = show(file)
    assert done.exit_code == 0, done.output
    assert [line.split() for line in done.output.splitlines()] == [
        ["listen.port", "81", "env", "PORT", f"({file}:1)"],
        ["admin.token", "********", "env", "ADMIN_TOKEN", f"({file}:2)"],
        ["backends.t.protocol", "soap", f"{file}:3"],
        ["backends.t.url", "http://h/x", f"{file}:3"],
    ]


def test_everything(file: Path) -> None:
    """With it, every key; a flag is an origin."""
    done = show(file, "--effective", "--set", "limits.connections=500")
    lines = {line.split()[0]: line.split()[1:] for line in done.output.splitlines()}
    assert lines["limits.connections"] == ["500", "flag"]
    assert lines["cors.credentials"] == ["false", "default"]
    assert lines["listen.unix"] == ["-", "default"]
    assert lines["cors.origins"] == ["[]", "default"]
    assert TOKEN not in done.output


def test_for_machines(file: Path) -> None:
    """The rows that the admin listener gives, too."""
    rows = json.loads(show(file, "--effective", "--format", "json").output)
    assert {"key": "listen.port", "value": 81, "origin": f"env PORT ({file}:1)"} in rows
    assert all(set(row) == {"key", "value", "origin"} for row in rows)
    assert TOKEN not in json.dumps(rows)


def test_wrong_settings(tmp_path: Path) -> None:
    """As everywhere: 78, and the reasons on stderr."""
    done = show(tmp_path / "absent.yaml")
    assert (done.exit_code, done.stdout) == (78, "")
    assert "cannot be read" in done.stderr
