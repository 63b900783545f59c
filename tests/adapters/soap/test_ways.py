"""How a contract has an operation asked: which version, which action, and whose callers ask the same."""

from __future__ import annotations

import pytest

from adapters.soap.contract import Binding, Index, Kind, Operation
from adapters.soap.ways import Way, Ways
from sidecar.model import Dialect

HERE, THERE = frozenset(("/here",)), frozenset(("/there",))
S11, S12 = Dialect.SOAP11, Dialect.SOAP12


def index(*bindings: Binding) -> Index:
    """Return an index of one operation."""
    return Index("urn:t", (), (Operation("Get", "{urn:t}Get", None, (), bindings),), (), ())


def old(
    paths: frozenset[str] = HERE, *, rpc: bool = False, encoded: bool = False, action: str | None = "urn:old"
) -> Binding:
    """Return a SOAP 1.1 binding."""
    return Binding(Kind.SOAP11, "B11", paths, rpc=rpc, action=action, encoded=encoded)


def new(
    paths: frozenset[str] = HERE, *, rpc: bool = False, encoded: bool = False, action: str | None = "urn:new"
) -> Binding:
    """Return a SOAP 1.2 binding."""
    return Binding(Kind.SOAP12, "B12", paths, rpc=rpc, action=action, encoded=encoded)


@pytest.mark.parametrize(
    ("bindings", "way"),
    [
        ((new(), old()), Way("/here", S11, "urn:old", (S11, S12))),
        ((new(),), Way("/here", S12, "urn:new", (S12,))),
        ((old(rpc=True), new()), Way("/here", S11, "urn:old", (S11,), rpc=True)),
        ((old(encoded=True), new()), Way("/here", S12, "urn:new", (S12,))),
        ((old(THERE), new()), Way("/here", S12, "urn:new", (S12,))),
        ((old(THERE), new(THERE)), Way("/here", S11, "urn:old", (S11, S12))),
        ((old(action=None),), Way("/here", S11, "", (S11,))),
        ((new(action=None),), Way("/here", S12, None, (S12,))),
        ((old(encoded=True),), None),
        ((Binding(Kind.HTTP_GET, "G", HERE),), None),
        ((), None),
    ],
)
def test_the_way(bindings, way):
    """SOAP 1.1 where this endpoint has it in literal XML, else 1.2; both versions are alike where both are bound in one style."""
    known = index(*bindings)
    assert Ways("/here").find(known, known.operations[0]) == way


def test_a_way_is_remembered_with_its_contract():
    """What is found for one index is not believed of the next."""
    ways, first, second = Ways("/here"), index(old()), index(new())
    found = ways.find(first, first.operations[0])
    assert ways.find(first, first.operations[0]) is found
    assert ways.find(second, second.operations[0]) == Way("/here", S12, "urn:new", (S12,))


@pytest.mark.parametrize(
    ("way", "lines"),
    [
        (Way("/", S11, None, ()), [b"text/xml; charset=utf-8"]),
        (Way("/", S11, "", ()), [b"text/xml; charset=utf-8", b'""']),
        (Way("/", S11, "urn:é", ()), [b"text/xml; charset=utf-8", '"urn:é"'.encode()]),
        (Way("/", S12, None, ()), [b"application/soap+xml; charset=utf-8"]),
        (Way("/", S12, 'a"b\\', ()), [b'application/soap+xml; charset=utf-8; action="a\\"b\\\\"']),
    ],
)
def test_its_header_lines(way, lines):
    """The content type, and the action where the version has it."""
    assert [value for _, value in way.headers] == lines
