"""The reference: every key with its default and its bounds, every code."""

from __future__ import annotations

import json
import re
from pathlib import Path

from sidecar.settings.codes import CODES
from sidecar.settings.editor import schema_text
from sidecar.settings.reference import markdown

TEXT = markdown()
ROWS = dict(re.findall(r"^\| `(\w+)` \| (.+)$", TEXT, re.MULTILINE))


def test_every_key_is_there() -> None:
    """As often as the editor's schema has it."""
    schema = json.loads(schema_text())
    # `Parameter` is one way to write a value, not a block of keys that people see.
    blocks = [schema, *(each for name, each in schema["$defs"].items() if "properties" in each and name != "Parameter")]
    keys = sorted(key for block in blocks for key in block["properties"])
    assert sorted(re.findall(r"^\| `(\w+)` \|", TEXT, re.MULTILINE)) == keys


def test_rows_say_what_a_key_takes() -> None:
    """Bounds as people write them, words to choose from, defaults, what must be there."""
    assert ROWS["max_age"].startswith("duration, 0s to 24h | `2h` |")
    assert ROWS["connections"].startswith("whole number, 10 to 1000000 | `10000` |")
    assert ROWS["asmx_get"].startswith("`deny` \\| `safe` \\| `allow` | `deny` |")
    assert ROWS["protocol"].startswith("`soap` \\| `xmlrpc` | **required** |")
    assert ROWS["trust"].startswith("list of addresses, networks or `unix` | none |")
    assert ROWS["networks"].startswith("list of addresses or networks | **required** |")
    assert ROWS["endpoints"].startswith("addresses or paths by name |")
    assert ROWS["eq"].startswith("value or `{param: NAME}` |")


def test_every_code_is_there() -> None:
    """In the order of the table."""
    assert re.findall(r"^\| ([EW]\d{3}) \|", TEXT, re.MULTILINE) == list(CODES)


def test_the_file_is_fresh() -> None:
    """`make generate` writes it anew."""
    assert (Path(__file__).resolve().parents[2] / "docs" / "configuration.md").read_text("utf-8") == TEXT
