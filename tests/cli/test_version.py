"""`sidecar version`, and that asking for it imports nothing that takes time."""

from __future__ import annotations

import subprocess
import sys

from click.testing import CliRunner

from sidecar import __version__
from sidecar.cli import BAD_SETTINGS, COMMANDS, main


def test_version() -> None:
    """One line."""
    done = CliRunner().invoke(main, ["version"])
    assert (done.exit_code, done.output) == (0, f"{__version__}\n")


def test_help_lists_every_command_and_each_has_help() -> None:
    """The table in `sidecar.cli` and the files beside it agree."""
    listed = CliRunner().invoke(main, ["--help"]).output
    for name, line in COMMANDS.items():
        assert name in listed
        assert line.split()[0] in listed
        done = CliRunner().invoke(main, [name, "--help"])
        assert done.exit_code == 0, done.output
        assert "Usage:" in done.output


def test_an_unknown_command_is_wrong_use() -> None:
    """Exit code 2, as click's, apart from wrong settings."""
    nearly = CliRunner().invoke(main, ["stauts"])
    assert (nearly.exit_code, nearly.output.splitlines()[-1]) == (
        2,
        "Error: No such command 'stauts', did you mean status?",
    )
    assert "did you mean" not in CliRunner().invoke(main, ["xyz"]).output
    assert CliRunner().invoke(main, ["xyz"]).exit_code == 2
    assert CliRunner().invoke(main, ["check", "--nonsense"]).exit_code == 2
    assert BAD_SETTINGS == 78


def test_quick_commands_import_nothing_slow() -> None:
    """A health check every few seconds must not cost a tenth of a second of a core each time."""
    slow = "{'pydantic', 'ruamel', 'aiohttp', 'lxml', 'uvloop', 'asyncio'}"
    for argv in (["version"], ["health", "--url", "http://127.0.0.1:1"]):
        program = (
            f"import sys; sys.argv = ['sidecar', *{argv!r}]\n"
            "from sidecar.cli import main\n"
            f"try: main()\nexcept SystemExit: print(sorted({slow} & set(sys.modules)))"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        assert done.stdout.splitlines()[-1] == "[]", done.stdout
