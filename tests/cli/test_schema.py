"""`sidecar schema`: what the files in config/ and docs/ hold."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from sidecar.cli import main

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("argv", "path"),
    [
        ([], "config/sidecar.schema.json"),
        (["--format", "json"], "config/sidecar.schema.json"),
        (["--format", "markdown"], "docs/configuration.md"),
    ],
)
def test_schema(argv: list[str], path: str) -> None:
    """To the byte: what it prints is how the file is made."""
    done = CliRunner().invoke(main, ["schema", *argv])
    assert done.exit_code == 0
    assert done.output == (ROOT / path).read_text("utf-8")
