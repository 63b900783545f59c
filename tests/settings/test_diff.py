"""What a change does to a running sidecar: of settings that were loaded, and of rows as they come over the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sidecar.settings.diff import Change, diff, effect_of, text
from sidecar.settings.load import Beside, load_all
from sidecar.settings.loaded import Setting

if TYPE_CHECKING:
    from pathlib import Path

OLD = """\
admin: {token: "${TOKEN}"}
limits: {connections: 500}
backends:
  t: {protocol: soap, url: "http://h/x", wsdl: a.wsdl, operations: {Get: {timeout: 60s}}}
"""


def changes(folder: Path, new: str, **env: str) -> list[Change]:
    (folder / "a.wsdl").write_text("1")
    (folder / "a.yaml").write_text(OLD)
    before = load_all(folder / "a.yaml", Beside({"TOKEN": "0123456789abcdef"})).effective
    (folder / "a.wsdl").write_text(env.pop("wsdl", "1"))
    (folder / "a.yaml").write_text(new)
    return diff(before, load_all(folder / "a.yaml", Beside({"TOKEN": "0123456789abcdef", **env})).effective)


def test_nothing(tmp_path: Path) -> None:
    """The same settings written in another way are no change, wherever they stand."""
    again = OLD.replace("60s", "1m").replace("limits", "\n# moved\nlimits")
    assert changes(tmp_path, again) == []
    assert text([]) == "nothing changes"


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        ("connections: 500", "connections: 600", Change("limits.connections", 500, 600, "applied")),
        ("60s", "70s", Change("backends.t.operations.Get.timeout", "1m", "70s", "applied")),
        (", operations: {Get: {timeout: 60s}}", "", Change("backends.t.operations.Get.timeout", "1m", None, "applied")),
        ("http://h/x", "http://h/y", Change("backends.t.url", "http://h/x", "http://h/y", "resets")),
        ("protocol: soap", "path: /u, protocol: soap", Change("backends.t.path", "/t", "/u", "applied")),
        ("limits:", "listen: {port: 1}\nlimits:", Change("listen.port", 8080, 1, "restart")),
        ("limits:", "metrics: {}\nlimits:", Change("metrics.host", None, "127.0.0.1", "restart")),
        ("{token", "{port: 1, token", Change("admin.port", 8081, 1, "restart")),
    ],
)  # fmt: skip
def test_changes(tmp_path: Path, old: str, new: str, change: Change) -> None:
    """Each with what was, what will be, and what comes of it."""
    assert change in changes(tmp_path, OLD.replace(old, new))


def test_backends_come_and_go_whole(tmp_path: Path) -> None:
    """One line each, not one for each of their keys."""
    new = OLD.replace("  t:", "  u:")
    assert changes(tmp_path, new) == [
        Change("backends.u", None, "soap http://h/x", "resets"),
        Change("backends.t", "soap http://h/x", None, "resets"),
    ]


def test_endpoints_are_the_identity(tmp_path: Path) -> None:
    """Another endpoint is another service."""
    found = changes(tmp_path, OLD.replace("wsdl: a.wsdl", "wsdl: a.wsdl, endpoints: {a: a.asmx}"))
    assert Change("backends.t.endpoints.a", None, "a.asmx", "resets") in found
    assert {change.effect for change in found} == {"resets"}


CACHED = """\
admin: {token: "${TOKEN}"}
limits: {connections: 500}
backends:
  t:
    protocol: soap
    url: "http://h/x"
    wsdl: a.wsdl
    identity: {params: [sKey, sUser]}
    operations:
      Get: {safe: true, cache: {ttl: 1s, params: {n: int}}, shared: drop}
      Other: {safe: true, cache: {ttl: 1s}}
      Buy: {}
"""


@pytest.mark.parametrize(
    ("old", "new", "effects"),
    [
        ("n: int", "n: lower", {"operations.Get.cache.params.n": "forgets"}),
        ("n: int", "n: int, m: set", {"operations.Get.cache.params.m": "forgets"}),
        ("{ttl: 1s}}", "{ttl: 1s, vary: [Accept-Language]}}", {"operations.Other.cache.vary": "forgets"}),
        ("shared: drop", "shared: leader", {"operations.Get.shared": "forgets"}),
        (
            "shared: drop",
            "shared: {as: {sKey: '${TOKEN}'}}",
            {"operations.Get.shared.as.sKey": "forgets", "operations.Get.shared": "forgets"},
        ),
        (", sUser]", "]", {"identity.params": "forgets"}),
        ("1s, params", "2s, params", {"operations.Get.cache.ttl": "applied"}),
        ("Buy: {}", "Buy: {safe: true, shared: drop, cache: {ttl: 1s}}", {"operations.Buy.shared": "applied"}),
    ],
)
def test_what_answers_are_told_apart_by(tmp_path: Path, old: str, new: str, effects: dict[str, str]) -> None:
    """Another rule, and what was kept under the old one is never met again; where nothing was kept there is nothing to forget."""
    (tmp_path / "a.wsdl").write_text("1")
    read = []
    for source in (CACHED, CACHED.replace(old, new)):
        (tmp_path / "a.yaml").write_text(source)
        read.append(load_all(tmp_path / "a.yaml", Beside({"TOKEN": "0123456789abcdef"})).effective)
    found = {change.key.removeprefix("backends.t."): change.effect for change in diff(*read)}
    assert effects.items() <= found.items()


def test_identity_without_a_cache_forgets_nothing(tmp_path: Path) -> None:
    """A backend of which nothing is kept."""
    (change,) = changes(tmp_path, OLD.replace("wsdl:", "identity: {params: [sKey]}, wsdl:"))
    assert (change.key, change.effect) == ("backends.t.identity.params", "applied")


def test_a_spare_is_not_the_backend(tmp_path: Path) -> None:
    """It comes and goes in place; what was learnt about the first address stays."""
    (change,) = changes(tmp_path, OLD.replace('url: "http://h/x"', 'urls: ["http://h/x", "http://i/x"]'))
    assert (change.key, change.effect) == ("backends.t.urls", "applied")
    assert Change("backends.t.url", "http://h/x", "http://j/x", "resets") in changes(
        tmp_path, OLD.replace('url: "http://h/x"', 'urls: ["http://j/x", "http://i/x"]')
    )


def test_what_is_not_shown(tmp_path: Path) -> None:
    """Of a secret and of a file's content it is said that they differ."""
    (token,) = changes(tmp_path, OLD, TOKEN="fedcba9876543210")
    assert (token.key, token.before, token.after) == ("admin.token", "********", "******** (another content)")
    assert token.effect == "applied"
    (wsdl,) = changes(tmp_path, OLD, wsdl="2")
    assert (wsdl.key, wsdl.after, wsdl.effect) == ("backends.t.wsdl", "a.wsdl (another content)", "applied")


def test_a_certificate_is_renewed_in_place() -> None:
    """Another one, or another content; whether there is TLS at all is decided at the start."""
    key = "listen.tls.cert_file"
    old, new = Setting(key, "a.pem", "x", mark="1"), Setting(key, "b.pem", "x", mark="2")
    assert diff([old], [new]) == [Change(key, "a.pem", "b.pem", "applied")]
    (renewed,) = diff([old], [Setting(key, "a.pem", "x", mark="2")])
    assert renewed.effect == "applied"
    assert diff([], [new]) == [Change(key, None, "b.pem", "restart")]
    assert diff([old], []) == [Change(key, "a.pem", None, "restart")]


def test_rows_that_came_over_the_wire() -> None:
    """They have no marks: a secret that is the same to the eye is taken for the same."""
    before = [Setting("admin.token", "********", "x"), Setting("a", ["b"], "x")]
    after = [Setting("admin.token", "********", "y", mark="1"), Setting("a", ["b", "c"], "y")]
    assert diff(before, after) == [Change("a", ["b"], ["b", "c"], "applied")]


@pytest.mark.parametrize(
    ("key", "effect"),
    [
        ("listen.tls.cert_file", "restart"),
        ("admin.host", "restart"),
        ("admin.token_file", "applied"),
        ("metrics", "restart"),
        ("debug.token", "applied"),
        ("backends.t.protocol", "resets"),
        ("backends.t.endpoints.main", "resets"),
        ("backends.t.limit.fixed", "applied"),
        ("backends.t.operations.url", "applied"),
        ("trace.endpoint", "applied"),
        ("limits.connections", "applied"),
        ("store", "restart"),
        ("backends.t.urls", "applied"),
        ("backends.t.identity.headers", "forgets"),
        ('backends.t.operations."a.b".cache.params.n', "forgets"),
        ("backends.t.operations.a.shared", "forgets"),
        ("backends.t.operations.a.cache.ttl", "applied"),
        ("backends.t.operations.shared.timeout", "applied"),
    ],
)
def test_effects(key: str, effect: str) -> None:
    """By the key alone."""
    assert effect_of(key) == effect


def test_words() -> None:
    """As people read them, and as machines do."""
    change = Change("a.b", None, ["x", "y"], "resets")
    assert change.text() == "a.b: (not set) -> [x, y] (resets what was learnt about this backend)"
    assert Change("a", 1, 2, "forgets").text() == "a: 1 -> 2 (answers kept so far are not used any more)"
    assert Change("a", True, False, "applied").text() == "a: true -> false (applies in place)"
    assert change.fact() == {"key": "a.b", "before": None, "after": ["x", "y"], "effect": "resets"}
    assert text([change, change]).count("\n") == 1
