"""`sidecar metrics` prints the reference, whole."""

from __future__ import annotations

from click.testing import CliRunner

from sidecar.cli.metrics import command
from sidecar.watch.catalogue import markdown


def test_the_reference_is_printed_whole() -> None:
    """What is printed is the text itself, with no line added: the generated file is compared with it."""
    done = CliRunner().invoke(command)
    assert done.exit_code == 0
    assert done.output == markdown()
