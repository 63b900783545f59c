"""Fallbacks and spares: warnings, and what is *not* a contradiction. The contradictions are `broken/answers.txt`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sidecar.cli.contracts import root_of
from sidecar.settings.load import Beside, load_all
from sidecar.settings.names import Contract
from sidecar.settings.problem import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

    from sidecar.settings.problem import Problem

OFFERED = Contract(
    {"GetA": frozenset(), "GetB": frozenset(), "Any": None}, {}, {"GetA": "{urn:t}A", "GetB": "{urn:t}B", "Any": None}
)


def told(folder: Path, rest: str, contract: Contract | None = None, *, elsewhere: bool = False) -> list[Problem]:
    (folder / "a.wsdl").touch()
    wsdl = "wsdl: a.wsdl, " if contract else ""
    (folder / "a.yaml").write_text(f"drain: {{timeout: 65s}}\nbackends: {{t: {{protocol: soap, {wsdl}{rest}}}}}")
    beside = Beside({}, contract_of=lambda _: contract, root_of=root_of, elsewhere=elsewhere)
    try:
        return list(load_all(folder / "a.yaml", beside).warnings)
    except SettingsError as error:
        return list(error.problems)


@pytest.mark.parametrize(
    "fallback",
    [
        "[{on: [overloaded, backend_unreachable], refuse: Later}]",
        "[{on: [overloaded], refuse: Later}, {on: [backend_unreachable], refuse: Later}]",
        "[{on: [overloaded], refuse: Later}, {on: [overloaded, backend_unreachable], refuse: Later}]",
        "[]",
    ],
)
def test_what_may_be_said_of_a_purchase(tmp_path: Path, fallback: str) -> None:
    """That nothing was done, where nothing was done."""
    assert told(tmp_path, f"url: http://h/x, operations: {{Buy: {{fallback: {fallback}}}}}") == []


def test_what_is_safe_may_fail_in_any_way(tmp_path: Path) -> None:
    """Old answers first, then the spare, then words; what may fail is followed by what does not."""
    every = "[overloaded, backend_unreachable, outcome_unknown, backend_bad_reply, backend_fault]"
    rules = f"[{{on: {every}, stale: true}}, {{on: {every}, spare: true}}, {{on: {every}, refuse: Later}}]"
    rest = f"urls: [http://h/x, http://i/x], operations: {{Get: {{safe: true, cache: {{ttl: 1s}}, fallback: {rules}}}}}"
    assert told(tmp_path, rest) == []


def test_a_spare_that_nobody_asks(tmp_path: Path) -> None:
    """It would stand idle while the backend is down."""
    (found,) = told(tmp_path, "urls: [http://h/x, http://i/x]")
    assert (found.code, found.key) == ("W414", "backends.t.urls[1]")
    assert told(tmp_path, "urls: [http://h/x]") == []


@pytest.mark.parametrize(
    ("urls", "codes"),
    [("[http://h/x, http://i/x]", ["E301"]), ("[http://h/x, https://i/x]", []), ("[https://h/x, http://i/x]", [])],
)
def test_certificates_of_a_spare(tmp_path: Path, urls: str, codes: list[str]) -> None:
    """One of the two is enough to have something to check."""
    asked = "operations: {Buy: {fallback: [{on: [overloaded], spare: true}]}}"
    found = told(tmp_path, f"urls: {urls}, tls: {{server_name: x}}, {asked}")
    assert [each.code for each in found] == codes


@pytest.mark.parametrize(
    ("pattern", "body", "said"),
    [
        ("GetA", '<A xmlns="urn:t"/>', ""),
        ("GetA", '<p:A xmlns:p="urn:t"><b/></p:A>', ""),
        ("GetA", "<A/>", "its root is A, and a reply of GetA has {urn:t}A"),
        ("GetA", '<B xmlns="urn:t"/>', "a reply of GetA has {urn:t}A"),
        ("'Get*'", '<A xmlns="urn:t"/>', "a reply of GetB has {urn:t}B"),
        ("'*'", '<A xmlns="urn:t"/>', "a reply of GetB has {urn:t}B"),
        ("Any", "<anything/>", ""),
        ("GetA", "", "is no XML"),
        ("GetA", '<!DOCTYPE A [<!ENTITY x "y">]><A xmlns="urn:t">&x;</A>', "is no XML"),
    ],
)
def test_bodies(tmp_path: Path, pattern: str, body: str, said: str) -> None:
    """A body is the reply that the WSDL describes, of every operation that its line rules."""
    (tmp_path / "a.xml").write_text(body)
    rest = f"url: http://h/x, operations: {{{pattern}: {{fallback: [{{on: [overloaded], body_file: a.xml}}]}}}}"
    found = told(tmp_path, rest, OFFERED)
    assert [(each.code, said in each.what) for each in found] == ([("E315", True)] if said else [])


def test_a_body_that_is_too_large(tmp_path: Path) -> None:
    """It is the wrong file."""
    (tmp_path / "a.xml").write_text(f"<a>{'x' * 2000}</a>")
    (tmp_path / "a.yaml").write_text(
        "limits: {reply_body: 1KiB}\nbackends: {t: {protocol: soap, url: http://h/x, operations: {Buy: {fallback:"
        " [{on: [overloaded], body_file: a.xml}]}}}}"
    )
    with pytest.raises(SettingsError, match=r"larger than limits\.reply_body, 1KiB \[E315\]"):
        load_all(tmp_path / "a.yaml", Beside({}))


def test_a_body_counts_as_a_source(tmp_path: Path) -> None:
    """Another content is another configuration, and a reload takes it."""
    (tmp_path / "a.yaml").write_text(
        "backends: {t: {protocol: soap, url: http://h/x, operations: {Buy: {fallback: [{on: [overloaded], body_file: a.xml}]}}}}"
    )
    read = []
    for text in ("<a/>", "<b/>"):
        (tmp_path / "a.xml").write_text(text)
        read.append(load_all(tmp_path / "a.yaml", Beside({})))
    assert [each.kind for each in read[0].sources] == ["settings", "body_file"]
    assert read[0].fingerprint != read[1].fingerprint
    assert [each.plan.backends[0].operation("Buy").fallback[0].body for each in read] == [b"<a/>", b"<b/>"]
    marks = [next(row.mark for row in each.effective if row.key.endswith("body_file")) for each in read]
    assert marks[0] != marks[1]


def test_a_body_on_another_machine(tmp_path: Path) -> None:
    """Where the settings are a container's, nothing is said of a file that only it has."""
    rest = "url: http://h/x, operations: {Buy: {fallback: [{on: [overloaded], body_file: /absent/a.xml}]}}"
    assert told(tmp_path, rest, elsewhere=True) == []
    assert [each.code for each in told(tmp_path, rest)] == ["E302"]
