"""What the tree must not hold: traces of a machine, unpinned packages, empty shells, silent exceptions to the rules."""

from __future__ import annotations

import ast
import io
import json
import re
import tokenize
from typing import TYPE_CHECKING

import pytest

from tests.house import generated
from tests.house.generated import GENERATED, Generated
from tests.house.tree import ROOT, files, python, text

if TYPE_CHECKING:
    from pathlib import Path

CODE = python("sidecar", "adapters", "tests", "bench", "clients", "deploy")
# A home folder or a build machine's folder, as it would look in a log or a config that was copied here.
MACHINE = re.compile(r"(?<![\w.<$}])/(?:home|Users|root|work)/[\w.-]+|[A-Z]:\\(?:Users|home)\\|/tmp/pytest-\w+")
# `
REASON = r"(?:[ \t]+|[ \t]*[-—#:]{1,2}[ \t]*)(?![A-Z]+[0-9]+\b)\w.{4,}"
EXCEPTIONS = {
    "noqa": re.compile(r"noqa:\s*[A-Z]+[0-9]+(?:[,\s]+[A-Z]+[0-9]+)*" + REASON),
    "type: ignore": re.compile(r"type:\s*ignore\[[\w, -]+\]" + REASON),
    "pragma: no": re.compile(r"pragma: no (?:cover|branch)" + REASON),
}


def test_no_path_of_any_machine() -> None:
    """No file speaks of the folders of the machine that it was written on."""
    found = [
        f"{path}: {hit[0]}" for path in files() if path.name != "test_clean.py" for hit in MACHINE.finditer(text(path))
    ]
    assert found == []


@pytest.mark.parametrize(
    ("line", "is_trace"),
    [
        ("cd /home/someone/sidecar", True),
        ("see /Users/x/y", True),
        (r"C:\Users\x", True),
        ("/tmp/pytest-of-x8f2k1", True),
        ("path: /var/lib/sidecar/state.db", False),
        ("https://example.org/home/list", False),
        ("/tmp/sidecar.sock", False),
    ],
)
def test_the_pattern_for_machine_paths(line: str, is_trace: bool) -> None:
    """The pattern knows a trace from an ordinary path."""
    assert bool(MACHINE.search(line)) is is_trace


def test_the_lock_names_no_index_and_pins_every_package() -> None:
    """requirements.lock installs from whatever index the machine uses, and only what its hashes allow."""
    lock = (ROOT / "requirements.lock").read_text()
    entries = re.split(r"\n(?=\S)", lock.strip())
    assert "://" not in lock
    assert [entry.split("\n")[0] for entry in entries if entry.startswith("-")] == []
    assert [entry.split("\n")[0] for entry in entries if not re.match(r"[\w.\[\]-]+==\S+", entry)] == []
    assert [entry.split("\n")[0] for entry in entries if "--hash=sha256:" not in entry] == []


def test_the_lock_has_what_the_project_asks_for() -> None:
    """Every dependency and every test dependency is in the lock: nothing is left to the day of the install."""
    project = (ROOT / "pyproject.toml").read_text()
    asked = re.findall(r'^    "([a-zA-Z][\w.-]*)(?:\[[\w,]+\])?[>=<]', project, re.MULTILINE)
    asked = {name.replace(".", "-") for name in asked}
    locked = set(re.findall(r"^([\w.-]+)==", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
    assert asked - locked == set()
    assert {"aiohttp", "pytest", "lxml"} <= asked


@pytest.mark.parametrize("path", [path for path in files() if path.name == "package-lock.json"], ids=str)
def test_node_locks_pin_without_an_address(path: Path) -> None:
    """A Node lock holds an integrity hash for every package and the address of no registry."""
    packages = json.loads(text(path))["packages"]
    assert [name for name, package in packages.items() if name and "integrity" not in package] == []
    assert [name for name, package in packages.items() if "resolved" in package] == []


def test_no_empty_shells() -> None:
    """A package has something in it: a lone empty __init__ promises what is not there."""
    packages = {path.parent for path in python("sidecar", "adapters") if path.name == "__init__.py"}
    filled = {path.parent for path in files() if path.name != "__init__.py"}
    ancestors = {parent for folder in filled for parent in (folder, *folder.parents)}
    assert sorted(map(str, packages - ancestors)) == []


def _comments(path: Path) -> list[tuple[int, str]]:
    tokens = tokenize.generate_tokens(io.StringIO(text(path)).readline)
    return [(token.start[0], token.string) for token in tokens if token.type == tokenize.COMMENT]


def _unreasoned(comments: list[tuple[int, str]]) -> list[int]:
    """Return the lines whose exception to a rule says no reason."""
    return [
        line
        for line, comment in comments
        for word, pattern in EXCEPTIONS.items()
        if re.search(rf"#\s*{word}", comment) and not pattern.search(comment)
    ]


@pytest.mark.parametrize("path", CODE, ids=str)
def test_every_exception_carries_its_reason(path: Path) -> None:
    """Whoever silences a rule says why, on the same line."""
    assert [f"{path}:{line}" for line in _unreasoned(_comments(path))] == []


@pytest.mark.parametrize(
    ("comment", "fine"),
    [
        ("# noqa: S101", False),
        ("# noqa", False),
        ("# noqa: S101 - the peer speaks first here", True),
        ("# noqa: S101, PLR2004 - the peer speaks first here", True),
        ("# noqa: S101 PLR2004", False),
        ("# type: ignore", False),
        ("# type: ignore[arg-type]", False),
        ("# type: ignore[arg-type] # aiohttp's stub says less than it takes", True),
        ("# pragma: no cover", False),
        ("# pragma: no cover - only Windows comes here", True),
    ],
)
def test_what_counts_as_a_reason(comment: str, fine: bool) -> None:
    """A code alone is no reason."""
    assert (_unreasoned([(1, comment)]) == []) is fine


def _bare_tasks(tree: ast.AST, *, may_keep: bool = False) -> list[int]:
    """Return the lines that start a task past `spawn`: on asyncio or a loop (unless `may_keep`), or without keeping it."""
    dropped = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return sorted(
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("create_task", "ensure_future")
        and ((_is_loop(node.func.value) and not may_keep) or (id(node) in dropped and not _is_group(node.func.value)))
    )


def _is_loop(value: ast.expr) -> bool:
    said = ast.unparse(value)
    return said == "asyncio" or said.endswith(("loop", "get_running_loop()"))


def _is_group(value: ast.expr) -> bool:
    said = ast.unparse(value)
    return said.endswith(("group", "tg", "tasks"))


@pytest.mark.parametrize("path", python("sidecar", "adapters"), ids=str)
def test_tasks_are_spawned_not_dropped(path: Path) -> None:
    """A task that nobody references may be collected half-way: everything but a TaskGroup goes through `spawn`."""
    if str(path) == "sidecar/tasks.py":
        pytest.skip("this is spawn itself")
    demo = path.parts[:2] == ("sidecar", "demo")  # imports nothing of ours, so it keeps its references itself
    assert [f"{path}:{line}" for line in _bare_tasks(ast.parse(text(path)), may_keep=demo)] == []


@pytest.mark.parametrize(
    ("source", "bare"),
    [
        ("asyncio.create_task(f())", True),
        ("t = asyncio.ensure_future(f())", True),
        ("asyncio.get_running_loop().create_task(f())", True),
        ("t = self._loop.create_task(f())", True),
        ("group.create_task(f())", False),
        ("other.create_task(f())", True),
        ("spawn(f(), 'name')", False),
    ],
)
def test_what_counts_as_a_bare_task(source: str, bare: bool) -> None:
    """The check sees through a loop in a variable, and knows a TaskGroup."""
    assert bool(_bare_tasks(ast.parse(source))) is bare


@pytest.mark.parametrize("row", GENERATED, ids=lambda row: row.path)
def test_generated_files_are_fresh(row: Generated) -> None:
    """What a program makes is what the program makes today: `make generate` writes it."""
    assert (ROOT / row.path).read_bytes() == row.fresh()


def test_a_stale_file_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row compares what its command prints, and a command that fails is no fresh content."""
    row = Generated("x.txt", ("-c", "print('now')"))
    assert row.fresh() == b"now\n"
    monkeypatch.setattr("tests.house.generated.ROOT", tmp_path)
    monkeypatch.setattr("tests.house.generated.GENERATED", (row,))
    generated.write()
    assert (tmp_path / "x.txt").read_bytes() == b"now\n"
    with pytest.raises(RuntimeError, match=r"x\.txt"):
        Generated("x.txt", ("-c", "raise SystemExit(3)")).fresh()
