"""What the documents promise is there: the design stands in the project, and every command that a reader is told to type exists."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.house.tree import ROOT, files, text

TARGETS = set(re.findall(r"^([a-z][\w-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
DOCUMENTS = [
    path
    for path in files()
    if path.suffix == ".md" and path.parts[0] in ("README.md", "docs", "deploy", "CHANGELOG.md")
]
PROMISED = {"demo", "test", "test-long", "lint", "bench", "soak", "canary", "lock", "clean", "help"}


def test_the_design_stands_in_the_project() -> None:
    """A reader needs nothing beside the project to know why it is as it is."""
    design = text(Path("docs/design.md"))
    assert len(design.split()) > 1000, "docs/design.md is a stub"
    assert design.startswith("# ")


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_commands_in_documents_exist(document: Path) -> None:
    """`make x` in a document is a target of the Makefile."""
    assert set(re.findall(r"\bmake ([a-z][\w-]+)`", text(document))) <= TARGETS
    assert set(re.findall(r"^\s*(?:\$ )?make ([a-z][\w-]+)$", text(document), re.MULTILINE)) <= TARGETS


def test_the_readme_says_the_two_commands() -> None:
    """A newcomer needs `make demo` and `make test`, and reads so in the README."""
    readme = text(Path("README.md"))
    assert "make demo" in readme
    assert "make test" in readme


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    """A relative link names a file of the project."""
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", text(document))
    assert [link for link in links if not (ROOT / document.parent / link).exists()] == []


def test_make_help_names_every_target() -> None:
    """`make` alone says what there is, one line a target."""
    said = subprocess.run(["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    named = set(re.findall(r"^\s+([a-z][\w-]*)\s{2,}\S", said, re.MULTILINE))
    assert named >= PROMISED
    assert named <= TARGETS
