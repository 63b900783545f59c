"""`sidecar schema`: what the file in config/ holds."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from sidecar.cli import main


def test_schema() -> None:
    """To the byte: `sidecar schema > config/sidecar.schema.json` is how it is made."""
    done = CliRunner().invoke(main, ["schema"])
    assert done.exit_code == 0
    assert done.output == (Path(__file__).resolve().parents[2] / "config" / "sidecar.schema.json").read_text("utf-8")
