"""Broken configurations: each is told at the right place, with code and remedy, without a traceback, without a secret, and starts nothing.

Most stand in `broken/*.txt`; here are those that no text file can hold, and the process that is given some of them.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from sidecar.cli import main
from sidecar.settings.problem import Lines
from tests.settings.cases import CANARY, ENV, Case, Expected, cases

CASES = cases()
RIGHT = "backends: {t: {protocol: xmlrpc, url: 'http://127.0.0.1:9/x'}}\n"
ROWS = pytest.mark.parametrize("case", CASES, ids=[case.title.replace(" ", "-") for case in CASES])


def check(file: Path, flags: tuple[str, ...] = (), form: str = "text") -> str:
    """Run `sidecar check` and return what it printed; nothing but exit code 78 is right."""
    argv = ["check", str(file), "--format", form, *(part for flag in flags for part in ("--set", flag))]
    done = CliRunner(env=ENV).invoke(main, argv)
    assert done.exit_code == 78, done.output
    assert isinstance(done.exception, SystemExit)
    assert "Traceback" not in done.output
    assert CANARY not in done.output, "a secret is shown"
    return done.output


def test_there_are_many() -> None:
    """Each with a name of its own, so that a failure is found."""
    assert len(CASES) >= 120
    assert len({case.title for case in CASES}) == len(CASES)


@ROWS
def test_each_is_told(case: Case, tmp_path: Path) -> None:
    """Every problem of it and no other: file, line, column, code, and the words that help, in each of the three forms."""
    file = case.write(tmp_path)
    told = json.loads(check(file, case.flags, "json"))["errors"]
    names = {str(tmp_path / name): name for name in case.files} | {str(file): "", "--set": "--set"}
    found = [(names[row["file"]], row["line"], row["column"], row["code"]) for row in told]
    assert found == [(each.file, each.line, each.column, each.code) for each in case.expected]
    text, annotations = check(file, case.flags), check(file, case.flags, "github").splitlines()
    assert len(annotations) == len(case.expected)
    for row, each, annotation in zip(told, case.expected, annotations, strict=True):
        assert each.words in f"{row['message']} ({row['remedy']})"
        assert re.search(
            rf"^{re.escape(row['file'])}:{each.line}:{each.column}[ :].*\[{each.code}\]$", text, re.MULTILINE
        )
        assert annotation.startswith(f"::error file={row['file']},line={each.line},col={each.column},")


@pytest.mark.unmeasured
@ROWS
def test_each_place_lies_in_its_file(case: Case, tmp_path: Path) -> None:
    """An editor that is sent there finds the line and the column."""
    for row in json.loads(check(case.write(tmp_path), case.flags, "json"))["errors"]:
        text = "\n".join(case.flags) if row["file"] == "--set" else Path(row["file"]).read_text("utf-8-sig")
        lines = Lines(text).texts
        assert 1 <= row["line"] <= len(lines)
        assert row["column"] >= 1
        assert row["column"] + row["width"] - 1 <= len(lines[row["line"] - 1]) + 1


def large(folder: Path) -> None:
    (folder / "sidecar.yaml").write_text(RIGHT + "# as much as a dump of a database\n" * 350_000)


def folder(folder: Path) -> None:
    (folder / "sidecar.yaml").mkdir()


def utf_16(folder: Path) -> None:
    (folder / "sidecar.yaml").write_bytes(RIGHT.encode("utf-16"))


def latin_1(folder: Path) -> None:
    (folder / "sidecar.yaml").write_bytes(b"# " + "Th\u00e9\u00e2tre\n".encode("latin-1") + RIGHT.encode())


def binary(folder: Path) -> None:
    (folder / "sidecar.yaml").write_bytes(bytes(range(256)))


def zeros(folder: Path) -> None:
    (folder / "sidecar.yaml").write_bytes(RIGHT.encode() + b"\0")


def deep(folder: Path) -> None:
    for number in range(10):
        below = f"include: [{number + 1}.yaml]\n"
        (folder / (f"{number}.yaml" if number else "sidecar.yaml")).write_text(below + ("" if number else RIGHT))
    (folder / "10.yaml").write_text("")


def many(folder: Path) -> None:
    (folder / "sidecar.yaml").write_text(f'include: ["parts/*.yaml"]\n{RIGHT}')
    (folder / "parts").mkdir()
    for number in range(101):
        (folder / "parts" / f"{number:03}.yaml").write_text("")


def large_together(folder: Path) -> None:
    (folder / "sidecar.yaml").write_text(f"include: [a.yaml, b.yaml, c.yaml]\n{RIGHT}")
    for name in "abc":
        (folder / f"{name}.yaml").write_text("# as much as a dump of a database\n" * 80_000)


def latin_1_included(folder: Path) -> None:
    (folder / "sidecar.yaml").write_text(f"include: [a.yaml]\n{RIGHT}")
    (folder / "a.yaml").write_bytes(b"# one\n# Th\xe9\n")


def pipe(folder: Path) -> None:
    (folder / "sidecar.yaml").write_text("backends: {t: {protocol: soap, url: 'http://h/x', wsdl: a.wsdl}}\n")
    os.mkfifo(folder / "a.wsdl")


def long_name(folder: Path) -> None:
    (folder / "sidecar.yaml").write_text(f"include: [{'x' * 5000}, '{'y' * 5000}*']\n{RIGHT}")


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda _: None, Expected("sidecar.yaml", 1, 1, "E101", "No such file")),
        (folder, Expected("sidecar.yaml", 1, 1, "E101", "Is a directory")),
        (large, Expected("sidecar.yaml", 1, 1, "E108", "is this the right file?")),
        (utf_16, Expected("sidecar.yaml", 1, 1, "E102", "but UTF-16")),
        (latin_1, Expected("sidecar.yaml", 1, 5, "E102", "save the file as UTF-8")),
        (binary, Expected("sidecar.yaml", 3, 115, "E102", "not UTF-8")),
        (zeros, Expected("sidecar.yaml", 2, 1, "E103", "U+0000")),
        (deep, Expected("8.yaml", 1, 11, "E112", "more than 8 deep")),
        (many, Expected("sidecar.yaml", 1, 11, "E112", "more than 100 files")),
        pytest.param(
            large_together,
            Expected("sidecar.yaml", 1, 27, "E108", "all files together"),
            id="large_together-E108",
            marks=pytest.mark.unmeasured,
        ),
        (latin_1_included, Expected("a.yaml", 2, 5, "E102", "save the file as UTF-8")),
        (pipe, Expected("sidecar.yaml", 1, 57, "E302", "name a file")),
        (long_name, Expected("sidecar.yaml", 1, 11, "E101", "name too long")),
    ],
    ids=lambda value: getattr(value, "__name__", None) or value.code,
)
def test_what_no_text_can_hold(make, expected: Expected, tmp_path: Path) -> None:
    """Missing, a folder, ten megabytes, other encodings, rings and crowds of files: told like everything else."""
    make(tmp_path)
    row = json.loads(check(tmp_path / "sidecar.yaml", form="json"))["errors"][0]
    assert (Path(row["file"]).name, row["line"], row["column"], row["code"]) == (
        expected.file,
        expected.line,
        expected.column,
        expected.code,
    )
    assert expected.words.lower() in f"{row['message']} {row['remedy']}".lower()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_rights(tmp_path: Path) -> None:
    """The usual one after a deployment by somebody else."""
    (tmp_path / "sidecar.yaml").write_text(RIGHT)
    (tmp_path / "sidecar.yaml").chmod(0)
    assert "cannot be read: Permission denied" in check(tmp_path / "sidecar.yaml")


PROCESSES = (
    "a typing error at the top",
    "a duration without a unit",
    "a port that is none",
    "a tab for indentation",
    "a key twice",
    "anchors that would fill the memory",
    "a variable that is not set",
    "two listeners at one port",
    "two files that include each other",
    "a mistake in an included file",
    "a token that can be guessed",
    "credentials in an address out of the environment",
    "a token file with a word in it",
)


@pytest.mark.thinned(3)
@pytest.mark.parametrize("title", PROCESSES)
def test_nothing_is_started(title: str, tmp_path: Path) -> None:
    """`sidecar run` ends with 78 and says why on stderr; its log on stdout, where `started` would stand, is empty."""
    case = next(case for case in CASES if case.title == title)
    argv = [sys.executable, "-m", "sidecar", "run", str(case.write(tmp_path))]
    env = {**os.environ, **ENV}
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (78, "")
    assert f"[{case.expected[0].code}]" in done.stderr
    assert "Traceback" not in done.stderr
    assert CANARY not in done.stderr
