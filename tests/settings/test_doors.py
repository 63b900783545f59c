"""The doors of the process. What is refused is in `broken/contradictions.txt`; here is what is not, and what is only said."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sidecar.settings.doors import is_loopback
from sidecar.settings.load import Beside, load_all
from sidecar.settings.problem import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

TOKEN = "token: '${TOKEN}'"


def told(folder: Path, head: str) -> list[tuple[str, str]]:
    """Return code and key of every problem and of every warning of these doors."""
    (folder / "a.yaml").write_text(
        f"{head}\ndrain: {{timeout: 65s}}\nbackends: {{t: {{protocol: xmlrpc, url: http://h/x}}}}"
    )
    try:
        found = load_all(folder / "a.yaml", Beside({"TOKEN": "0123456789abcdef"})).warnings
    except SettingsError as error:
        found = error.problems
    return [(each.code, each.key) for each in found]


@pytest.mark.parametrize(
    "head",
    [
        "",
        "listen: {port: 0}\nadmin: {port: 0}",  # any free one, twice
        "listen: {host: 127.0.0.1, port: 9000}\nadmin: {host: 127.0.0.2, port: 9000}",
        "listen: {unix: a.sock}\nadmin: {unix: b.sock}",
        "listen: {unix: a.sock}\nadmin: {port: 8080}",
        f"admin: {{host: 10.0.0.5, {TOKEN}}}",
        f"debug: {{{TOKEN}}}",
        f"admin: {{token: '${{TOKEN}}-of-admin'}}\ndebug: {{{TOKEN}}}",
        "admin: {host: localhost}",
        "admin: {host: '::1'}",
        "callers: {a: {networks: [10.0.0.0/8]}, b: {networks: [10.1.0.0/16]}}",
        "callers: {all: {networks: [0.0.0.0/0], class: batch}}",  # a rank gives nobody another's name
        "clients: {trust: [10.0.0.0/8]}",
        "cors: {credentials: true}\npublic_url: https://a.example",
        "metrics: {host: 0.0.0.0}",  # numbers and no orders
        "trace: {sample: 5%, endpoint: 'http://127.0.0.1:4318'}",
    ],
)
def test_nothing_to_say(tmp_path: Path, head: str) -> None:
    """What is right, or nobody's business."""
    assert told(tmp_path, head) == []


@pytest.mark.parametrize(
    ("head", "code", "key"),
    [
        (f"admin: {{host: 0.0.0.0, {TOKEN}}}", "W403", "admin.host"),
        ("admin: {token: 0123456789abcdef-and-more}", "W402", "admin.token"),
        ("admin: {token: '${UNSET:-0123456789abcdef}'}", "W402", "admin.token"),
        ("debug: {token: 0123456789abcdef-and-more}", "W402", "debug.token"),
        ("listen: {port: 8081}", "W404", "listen.port"),
        ("listen: {host: 0.0.0.0, port: 8081}", "W404", "listen.port"),
        ("metrics: {port: 8081}", "W404", "metrics.port"),
    ],
)
def test_warnings(tmp_path: Path, head: str, code: str, key: str) -> None:
    """Allowed, and worth knowing: a default that gives way to what is written is said to do so."""
    assert told(tmp_path, head) == [(code, key)]


@pytest.mark.parametrize(
    ("head", "key"),
    [
        ("listen: {port: 8081}\nadmin: {token_file: x}", "admin"),
        ("listen: {port: 8081}\nadmin: {port: 8081}", "admin.port"),
        ("listen: {port: 8081}\nadmin: {host: 127.0.0.1}", "admin.host"),
        ("metrics: {port: 8080}", "metrics.port"),
        ("admin: {port: 9100}\nmetrics: {}", "admin.port"),
    ],
)
def test_the_one_that_was_written_is_blamed(tmp_path: Path, head: str, key: str) -> None:
    """The caret stands under a key that is in the file."""
    (tmp_path / "x").write_text("0123456789abcdef")
    assert told(tmp_path, head) == [("E311", key)]


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("LOCALHOST.", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("fe80::1%eth0", False),
        ("box.local", False),
    ],
)
def test_loopback(host: str, loopback: bool) -> None:
    """Of a name nobody knows where it leads."""
    assert is_loopback(host) is loopback
