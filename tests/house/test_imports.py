"""Who may import whom: the contracts hold on the tree, and each of them can fail."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.house.tree import ROOT

if TYPE_CHECKING:
    from pathlib import Path

LINT = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()", "--no-cache"]


@dataclass(frozen=True, slots=True)
class Breach:
    """One forbidden import, the contract that must notice it, and those that cannot help noticing it, too."""

    contract: str
    importer: str
    line: str
    also: frozenset[str] = frozenset()


BREACHES = (
    Breach("road", "sidecar/model.py", "import sidecar.states"),
    Breach("pure", "sidecar/policy/routing.py", "import time"),
    Breach("adapters", "adapters/xml.py", "import aiohttp"),
    Breach("demo", "sidecar/demo/law.py", "import sidecar.model"),
    # Siblings of one layer are independent, so whoever may not import adapters breaks the road as well.
    Breach("aside", "sidecar/settings/__init__.py", "import adapters.xml", frozenset({"road"})),
    Breach("stages", "sidecar/caller/cors.py", "import sidecar.caller.envelope"),
    Breach("dialects", "adapters/soap/wsdl.py", "import adapters.xmlrpc"),
    Breach("nostage", "sidecar/listener/__init__.py", "import sidecar.caller.cors"),
)


def _contracts() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / ".importlinter")
    return parser


def _titles() -> dict[str, str]:
    parser = _contracts()
    marker = "importlinter:contract:"
    return {s.removeprefix(marker): parser[s]["name"] for s in parser.sections() if s.startswith(marker)}


def _lint(folder: Path) -> tuple[int, set[str], str]:
    """Return the exit status, the ids of the broken contracts, and everything that was said."""
    done = subprocess.run(LINT, cwd=folder, capture_output=True, text=True, check=False)
    said = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)
    broken = {key for key, title in _titles().items() if re.search(rf"^{re.escape(title)} BROKEN", said, re.MULTILINE)}
    return done.returncode, broken, said


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the contracts speak of."""
    folder = tmp_path_factory.mktemp("copied")
    for name in ("sidecar", "adapters"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / ".importlinter", folder)
    return folder


def test_the_contracts_hold_on_the_tree() -> None:
    """No import in the product breaks a contract."""
    status, broken, said = _lint(ROOT)
    assert (status, broken) == (0, set()), said


def test_every_contract_has_its_breach() -> None:
    """A contract without a negative test here is a contract that nobody has seen fail."""
    assert [breach.contract for breach in BREACHES] == list(_titles())


@pytest.mark.parametrize("breach", BREACHES, ids=lambda breach: breach.contract)
def test_one_forbidden_import_breaks_exactly_its_contract(breach: Breach, copied: Path) -> None:
    """A copied tree with one forbidden import fails, and names the contract that forbids it."""
    importer = copied / breach.importer
    before = importer.read_text() if importer.exists() else None
    try:
        importer.write_text(f"{before or ''}\n{breach.line}\n")
        status, broken, said = _lint(copied)
    finally:
        importer.unlink() if before is None else importer.write_text(before)
    assert status != 0, said
    assert broken == {breach.contract} | breach.also, said


# Packages that stand outside the lanes: each must be held away from stages and adapters as soon as it exists.
OUTSIDE = ("listener", "settings", "stores", "admin", "web", "watch")


@pytest.mark.parametrize("name", OUTSIDE)
def test_new_packages_are_under_contract(name: str) -> None:
    """A package that appears without a line in the contracts would be free to import anything."""
    contracts = _contracts()
    exists = (ROOT / "sidecar" / name).is_dir() or (ROOT / "sidecar" / f"{name}.py").is_file()
    for contract in ("aside", "nostage"):
        named = f"sidecar.{name}" in contracts[f"importlinter:contract:{contract}"]["source_modules"].split()
        assert named is exists, f"sidecar.{name}: exists is {exists}, but named in contract {contract} is {named}"
