"""What a right file amounts to: its id, its files, its warnings; what stays out of every representation."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError
from typing import TYPE_CHECKING

import pytest

from sidecar.settings.load import Beside, load, load_all
from sidecar.settings.loaded import Setting
from sidecar.settings.sources import fingerprint

if TYPE_CHECKING:
    from pathlib import Path

TOKEN = "0123456789abcdef-hunter2"
SETTINGS = """\
admin: {token: "${TOKEN}"}
listen: {tls: {cert_file: a.pem, key_file: a.key}}
backends: {t: {protocol: soap, url: "http://${HOST:-h}/x", wsdl: a.wsdl}}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    for name in ("a.pem", "a.key", "a.wsdl"):
        (tmp_path / name).write_text(name)
    (tmp_path / "sidecar.yaml").write_text(SETTINGS)
    return tmp_path / "sidecar.yaml"


def test_every_file_that_counts(file: Path) -> None:
    """The settings, and each file that they name, with a hash each."""
    loaded = load_all(file, Beside({"TOKEN": TOKEN}))
    assert [each.kind for each in loaded.sources] == ["settings", "cert_file", "key_file", "wsdl"]
    assert all(each.sha256 for each in loaded.sources)
    assert loaded.plan == load(file, {"TOKEN": TOKEN})
    assert loaded.file == str(file)
    assert loaded.variables == ("TOKEN",)


@pytest.mark.parametrize("name", ["sidecar.yaml", "a.pem", "a.key", "a.wsdl"])
def test_a_change_of_any_of_them(file: Path, name: str) -> None:
    """Is seen by the fingerprint at once, and makes another configuration."""
    loaded = load_all(file, Beside({"TOKEN": TOKEN}))
    assert fingerprint(loaded.sources) == loaded.fingerprint
    (file.parent / name).write_text((file.parent / name).read_text() + "\n")
    assert fingerprint(loaded.sources) != loaded.fingerprint
    assert load_all(file, Beside({"TOKEN": TOKEN})).id != loaded.id


def test_the_id(file: Path) -> None:
    """The same for the same, another for another value of a variable, twelve digits."""
    one = load_all(file, Beside({"TOKEN": TOKEN}))
    assert len(one.id) == 12
    assert load_all(file, Beside({"TOKEN": TOKEN, "UNUSED": "1"})).id == one.id
    assert load_all(file, Beside({"TOKEN": TOKEN[::-1]})).id != one.id
    assert load_all(file, Beside({"TOKEN": TOKEN, "HOST": "other"})).id != one.id


def test_no_secret_in_it_but_in_the_plan(file: Path) -> None:
    """Whoever logs a configuration whole logs no token."""
    loaded = load_all(file, Beside({"TOKEN": TOKEN}))
    assert loaded.plan.admin.token == TOKEN
    assert TOKEN not in repr(loaded) + json.dumps(loaded.facts())


def test_warnings_have_places(file: Path) -> None:
    """As errors have, in the order of the lines, with the line that they are about."""
    slow = "wsdl: a.wsdl, timeouts: {total: 2m}, operations: {Report: {timeout: 2m}}"
    file.write_text(SETTINGS.replace("{token", "{host: 0.0.0.0, token").replace("wsdl: a.wsdl", slow))
    loaded = load_all(file, Beside({"TOKEN": TOKEN}))
    assert [(each.code, each.place.line) for each in loaded.warnings] == [("W406", 1), ("W403", 1)]
    assert all(each.severity == "warning" for each in loaded.warnings)
    assert loaded.warnings[1].shown.splitlines()[0] == '    1 | admin: {host: 0.0.0.0, token: "${TOKEN}"}'
    assert loaded.warnings[0].shown == "", "what is written nowhere has no line to show"


def test_it_is_frozen(file: Path) -> None:
    """The last good ones are kept for days."""
    loaded = load_all(file, Beside({"TOKEN": TOKEN}))
    with pytest.raises(FrozenInstanceError):
        loaded.id = "x"
    assert Setting("a", 1, "default", mark="x") == Setting("a", 1, "default", mark="y")
    assert Setting("a", 1, "default").fact() == {"key": "a", "value": 1, "origin": "default"}
