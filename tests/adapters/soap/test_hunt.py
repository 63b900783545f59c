"""The codec under a fuzzer that sees which branches it reaches: nothing is raised that is not named."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.house.tree import ROOT

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("atheris", reason="atheris has no wheel for this machine")


@pytest.mark.parametrize(
    "runs",
    [
        pytest.param(1_000, id="few"),
        pytest.param(200_000, id="many", marks=[pytest.mark.long, pytest.mark.timeout(900)]),
    ],
)
@pytest.mark.unmeasured
def test_nothing_gets_out(runs: int, tmp_path: Path) -> None:
    """From replies and calls as they should be, changed in every way that leads somewhere new; a crash is shown whole."""
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    seeding = (
        "import sys; from pathlib import Path; from tests.adapters.soap.hunt import seeds\n"
        "for at, each in enumerate(seeds()): (Path(sys.argv[1]) / str(at)).write_bytes(each)"
    )
    subprocess.run([sys.executable, "-c", seeding, str(corpus)], cwd=ROOT, check=True, capture_output=True)
    assert len([*corpus.iterdir()]) > 20
    argv = [
        "-m",
        "tests.adapters.soap.hunt",
        f"-runs={runs}",
        "-max_len=4096",
        "-timeout=20",
        f"-artifact_prefix={tmp_path}/",
    ]
    done = subprocess.run(
        [sys.executable, *argv, str(corpus)], cwd=ROOT, capture_output=True, text=True, errors="replace", check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert f"Done {runs}" in done.stderr
