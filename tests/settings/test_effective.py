"""The settings in force: every key, as people write it, with its origin, and no secret."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sidecar.settings.load import Beside, load_all
from sidecar.settings.schema import Settings
from sidecar.settings.section import Section

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sidecar.settings.loaded import Setting

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "config").glob("*.yaml"))
ENV = {"SIDECAR_ADMIN_TOKEN": "0123456789abcdef", "SERVICE_SESSION": "a-session"}


def rows(folder: Path, source: str, env: Mapping[str, str] | None = None, **files: str) -> dict[str, Setting]:
    for name, text in files.items():
        (folder / name).write_text(text)
    (folder / "a.yaml").write_text(source)
    return {each.key: each for each in load_all(folder / "a.yaml", Beside(env or {})).effective}


def told(folder: Path, source: str, env: Mapping[str, str] | None = None, **files: str) -> dict[str, tuple[Any, str]]:
    found = rows(folder, source, env, **files)
    return {key: (each.value, each.origin.replace(f"{folder}/", "")) for key, each in found.items()}


def test_where_values_come_from(tmp_path: Path) -> None:
    """A line of a file, the environment by way of one, the default; a default inside a reference is the file's."""
    found = told(
        tmp_path,
        """\
include: [b.yaml]
listen: {port: "${PORT}"}
drain:
  delay: "${DELAY:-7s}"
backends: {t: {protocol: soap, url: "http://${HOST}:${PORT}/x"}}
""",
        {"PORT": "81", "HOST": "h"},
        **{"b.yaml": "# b\ncors: {max_age: 60m}\n"},
    )
    assert found["listen.port"] == (81, "env PORT (a.yaml:2)")
    assert found["drain.delay"] == ("7s", "a.yaml:4")
    assert found["backends.t.url"] == ("http://h:81/x", "env HOST, PORT (a.yaml:5)")
    assert found["cors.max_age"] == ("1h", "b.yaml:2")
    assert found["limits.buffered"] == ("256MiB", "default")
    assert found["include"] == (["b.yaml"], "a.yaml:1")


def test_flags_are_an_origin(tmp_path: Path) -> None:
    """And stand above the file."""
    (tmp_path / "a.yaml").write_text("listen: {port: 1}\nbackends: {t: {protocol: soap, url: 'http://h/x'}}")
    loaded = load_all(tmp_path / "a.yaml", Beside({}, flags=("listen.port=2",)))
    assert [(each.value, each.origin) for each in loaded.effective if each.key == "listen.port"] == [(2, "flag")]


def test_values_are_as_people_write_them(tmp_path: Path) -> None:
    """Durations, sizes, shares, lists, words; the same thing written in two ways is one."""
    found = told(
        tmp_path,
        """\
limits: {per_backend: 33.5%, request_body: 2048KiB, keep_alive: 90s}
cors: {origins: ["https://a.example", "https://b.example"]}
backends:
  t:
    protocol: xmlrpc
    url: "http://h/x"
    deny: []
    operations: {"a.b": {safe: true, class: staff}}
    faults: [{match: {faultcode: "17"}, state: overloaded}]
    results: [{operation: "a.b", when: {path: x, lt: {param: n}}, state: sold_out}]
""",
    )
    assert found["limits.per_backend"][0] == "33.5%"
    assert found["limits.request_body"][0] == "2MiB"
    assert found["limits.keep_alive"][0] == "90s"
    assert found["cors.origins"][0] == ["https://a.example", "https://b.example"]
    assert found["backends.t.protocol"][0] == "xmlrpc"
    assert found["backends.t.deny"] == ([], "a.yaml:7")
    assert found['backends.t.operations."a.b".class'] == ("staff", "a.yaml:8")
    assert found["backends.t.faults[0].match.faultcode"] == ("17", "a.yaml:9")
    assert found["backends.t.results[0].when.lt"] == ("{param: n}", "a.yaml:10")


def test_what_follows_from_other_keys(tmp_path: Path) -> None:
    """A path from a name, a timeout from `safe`, the line for everything that nobody wrote, the patterns that are built in."""
    found = told(
        tmp_path,
        "sensitive: ['*promo*']\n"
        "backends: {t: {protocol: soap, url: 'http://h/x', timeouts: {total: 20s}, operations: {Get: {safe: true}}}}",
    )
    assert found["backends.t.path"] == ("/t", "default")
    assert found["backends.t.operations.Get.timeout"] == ("20s", "default")
    assert found["backends.t.operations.*.timeout"] == ("1m", "default")
    assert found["backends.t.operations.*.safe"] == (False, "default")
    assert found["backends.t.ghost"] == ("40s", "default")
    assert found["backends.t.timeouts.first_byte"] == ("10s where safe, else 1m", "default")
    assert found["sensitive"][0][0] == "*password*"
    assert found["sensitive"][0][-1] == "*promo*"


def test_a_line_for_everything_is_shown_once(tmp_path: Path) -> None:
    """`**` says what `*` says."""
    found = told(tmp_path, "backends: {t: {protocol: soap, url: 'http://h/x', operations: {'**': {timeout: 9s}}}}")
    assert found["backends.t.operations.**.timeout"] == ("9s", "a.yaml:1")
    assert "backends.t.operations.*.timeout" not in found


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_every_key_is_told(example: Path) -> None:
    """For every backend of every example, each key of the vocabulary, or the block that is left out whole, and nothing twice."""
    loaded = load_all(example, Beside(ENV))
    keys = [each.key for each in loaded.effective]
    assert len(keys) == len(set(keys))
    for name, field in Settings.model_fields.items():
        inner = field.annotation
        below = inner.model_fields if isinstance(inner, type) and issubclass(inner, Section) else {}
        for leaf in below:
            assert any(key == f"{name}.{leaf}" or key.startswith(f"{name}.{leaf}.") for key in keys)
    assert json.loads(json.dumps(loaded.facts()))


SECRET = "hunter2-hunter2-hunter2"


@pytest.mark.parametrize(
    ("source", "key", "origin"),
    [
        (f"admin: {{token: {SECRET}}}", "admin.token", "a.yaml:1"),
        ('admin: {token: "${ADMIN}"}', "admin.token", "env ADMIN (a.yaml:1)"),
        ("admin: {token_file: token}", "admin.token", "a.yaml:1"),
        ('debug: {token: "${ADMIN}"}', "debug.token", "env ADMIN (a.yaml:1)"),
        ("debug: {token_file: token}", "debug.token", "a.yaml:1"),
        ('public_url: "http://h/${SERVICE_PASSWORD}"', "public_url", "env SERVICE_PASSWORD (a.yaml:1)"),
        ('sensitive: ["*promo*"]\npublic_url: "http://h/${PROMO}"', "public_url", "env PROMO (a.yaml:2)"),
    ],
)
def test_secrets_are_masked(tmp_path: Path, source: str, key: str, origin: str) -> None:
    """Whether written, out of the environment or out of a file; a variable with the name of a secret holds one."""
    (tmp_path / "token").write_text(SECRET)
    env = {"ADMIN": SECRET, "SERVICE_PASSWORD": SECRET, "PROMO": SECRET}
    found = rows(tmp_path, f"{source}\nbackends: {{t: {{protocol: soap, url: 'http://h/x'}}}}", env)
    assert found[key].value == "********"
    assert found[key].origin.replace(f"{tmp_path}/", "") == origin
    assert SECRET not in json.dumps([each.fact() for each in found.values()])


KEPT = """\
backends:
  t:
    protocol: xmlrpc
    urls: ["http://a/x", "http://b/x"]
    identity: {params: [sUser]}
    operations:
      a: {safe: true, cache: {ttl: 1s}, shared: {as: {sUser: "${WHO}"}}}
      b: {safe: true, cache: {ttl: 90s, params: {n: int}}, shared: drop, fallback: [{on: [overloaded], data: {a: [1]}}]}
      c: {fallback: [{on: [overloaded], data: {rows: [{Password: hunter2-hunter2-hunter2}]}}]}
      d: {idempotency: {key: {param: sReference}}}
"""


def test_what_is_kept_and_shared(tmp_path: Path) -> None:
    """Blocks by their keys, words as words, a fixed answer as JSON, and the first of urls as the address."""
    found = told(tmp_path, KEPT, {"WHO": SECRET})
    assert found["store"] == ("memory", "default")
    assert found["backends.t.url"] == ("http://a/x", "a.yaml:4")
    assert found["backends.t.urls"] == (["http://a/x", "http://b/x"], "a.yaml:4")
    assert found["backends.t.operations.b.shared"] == ("drop", "a.yaml:8")
    assert found["backends.t.operations.b.cache.ttl"] == ("90s", "a.yaml:8")
    assert found["backends.t.operations.b.cache.refresh_ahead"] == ("80%", "default")
    assert found["backends.t.operations.b.cache.params.n"] == ("int", "a.yaml:8")
    assert found["backends.t.operations.b.fallback[0].data"] == ('{"a":[1]}', "a.yaml:8")
    assert found["backends.t.operations.d.cache"] == (None, "default")
    assert found["backends.t.operations.d.idempotency.key.param"] == ("sReference", "a.yaml:10")


def test_what_stands_for_an_identity_is_a_secret(tmp_path: Path) -> None:
    """Whatever the parameter is called; so is what a fixed answer holds under the name of a secret. Marks tell two of them apart."""
    one, other = (rows(tmp_path, KEPT, {"WHO": each}) for each in (SECRET, SECRET[::-1]))
    key = "backends.t.operations.a.shared.as.sUser"
    assert one[key].value == one["backends.t.operations.c.fallback[0].data"].value == "********"
    assert one[key].mark != other[key].mark
    assert SECRET not in json.dumps([each.fact() for each in one.values()])


def test_an_address_out_of_a_secret_is_masked(tmp_path: Path) -> None:
    """As url, and as one of urls."""
    source = 'backends: {t: {protocol: soap, urls: ["http://h/${SERVICE_SECRET}"]}}'
    found = told(tmp_path, source, {"SERVICE_SECRET": "hunter2"})
    assert found["backends.t.url"] == found["backends.t.urls"] == ("********", "env SERVICE_SECRET (a.yaml:1)")


def test_innocent_names_are_not_masked(tmp_path: Path) -> None:
    """*pin* of the built-in patterns is in Shopping and in Shipping: they are no PIN."""
    found = told(
        tmp_path,
        "backends: {shopping: {protocol: soap, url: 'http://${SHOPPING_HOST}/x', operations: {GetShipping: {timeout: 9s}}}}",
        {"SHOPPING_HOST": "h"},
    )
    assert found["backends.shopping.url"][0] == "http://h/x"
    assert found["backends.shopping.operations.GetShipping.timeout"][0] == "9s"
    assert found["admin.token"] == (None, "default")


def test_marks_tell_what_values_do_not_show(tmp_path: Path) -> None:
    """Two tokens, or two contents of one file, differ in their marks, and in nothing that is shown."""
    source = "admin: {token_file: token}\nbackends: {t: {protocol: soap, url: 'http://h/x', wsdl: a.wsdl}}"
    one = rows(tmp_path, source, token=SECRET, **{"a.wsdl": "1"})
    other = rows(tmp_path, source, token=SECRET[::-1], **{"a.wsdl": "2"})
    again = rows(tmp_path, source, token=SECRET, **{"a.wsdl": "1"})
    for key in ("admin.token", "backends.t.wsdl"):
        assert one[key] == other[key]
        assert one[key].mark != other[key].mark
        assert one[key].mark == again[key].mark
        assert SECRET not in one[key].mark


def test_rooms(tmp_path: Path) -> None:
    """A zone that is the file's, a draw that gave way to a short lobby, and what signs, masked wherever it stands."""
    secret = "0123456789abcdef" * 2
    source = """\
timezone: Europe/London
store: sqlite:s.db
keys: {file: k}
backends: {t: {protocol: soap, url: "http://h/x"}}
rooms:
  a:
    covers: [{backend: t, where: {i: [1, 2]}}]
    lobby: 30s
    pass: {total: 1m}
    account: {from: assertion, secret: "${SHOP}"}
    invites: {secret_file: s}
    page: {title: {en: Hamlet}}
"""
    found = told(tmp_path, source, {"SHOP": secret}, s=secret)
    assert found["rooms.a.covers[0].where.i"] == (["1", "2"], "a.yaml:7")
    assert found["rooms.a.timezone"] == ("Europe/London", "a.yaml:1")
    assert found["rooms.a.draw"] == ("15s", "default")
    assert found["rooms.a.pass.idle"] == ("1m", "default")
    assert found["rooms.a.account.secret"] == ("********", "env SHOP (a.yaml:10)")
    assert found["rooms.a.invites.secret"] == ("********", "a.yaml:11")
    assert found["rooms.a.invites.secret_file"] == ("s", "a.yaml:11")
    assert found["rooms.a.page.title.en"] == ("Hamlet", "a.yaml:12")
    assert secret not in str(found)
