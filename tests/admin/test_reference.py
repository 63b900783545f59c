"""The document is made from the table; its examples are orders that are understood."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from sidecar.admin.reading import Known, read
from sidecar.admin.reference import markdown
from sidecar.admin.table import TABLE, find
from sidecar.control import Order

KNOWN = Known(["tickets"], ["c3f9a1b2d4e5"], 0.0, ["hamlet"])


def test_every_order_has_its_section() -> None:
    """In the table's order, with each argument."""
    text = markdown()
    assert re.findall(r"^### (.*)$", text, re.MULTILINE) == [row.name for row in TABLE]
    assert all(f"- `{each.name}`: {each.help}" in text for row in TABLE for each in row.arguments)


@pytest.mark.parametrize("example", re.findall(r"-d '(\{.*\})' http://127.0.0.1:8081/admin/v1/(\w+)/(\w+)", markdown()))
def test_every_example_is_understood(example: tuple[str, str, str]) -> None:
    """What a reader copies works."""
    body, noun, verb = example
    row = find(noun, verb)
    assert row is not None
    assert isinstance(read(row, json.loads(body), KNOWN), Order)


def test_it_is_printed_whole() -> None:
    """The command that `make generate` runs."""
    done = subprocess.run([sys.executable, "-m", "sidecar.admin.reference"], capture_output=True, check=True)
    assert done.stdout.decode() == markdown()
