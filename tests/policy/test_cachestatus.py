"""Cache-Status: each member as RFC 9211 writes it, and our place in an upstream's list."""

from __future__ import annotations

import re

import hypothesis.strategies as st
import pytest
from hypothesis import given

from sidecar.policy import cachestatus

# RFC 8941: parameters of an item; strings, tokens, integers, booleans.
MEMBER = re.compile(
    rb'sidecar(; [a-z][a-z-]*(=(-?\d{1,15}|\?[01]|"([ !#-\[\]-~]|\\["\\])*"|[A-Za-z*][!#$%&\'*+\-.^_`|~0-9A-Za-z:/]*))?)*'
)


@pytest.mark.parametrize(
    ("member", "written"),
    [
        (cachestatus.hit(23.0), b"sidecar; hit; ttl=23"),
        (cachestatus.hit(22.999), b"sidecar; hit; ttl=22"),
        (cachestatus.hit(0.0), b"sidecar; hit; ttl=0"),
        (cachestatus.hit(-0.001, "backend-down"), b"sidecar; hit; ttl=-1; detail=backend-down"),
        (cachestatus.hit(-412, "revalidating"), b"sidecar; hit; ttl=-412; detail=revalidating"),
        (cachestatus.missed(), b"sidecar; fwd=uri-miss"),
        (cachestatus.missed(stored=True), b"sidecar; fwd=uri-miss; stored"),
        (cachestatus.missed(collapsed=True), b"sidecar; fwd=uri-miss; collapsed"),
        (cachestatus.missed(collapsed=False), b"sidecar; fwd=uri-miss; collapsed=?0"),
        (cachestatus.missed(stored=False, detail="private"), b"sidecar; fwd=uri-miss; detail=private"),
        (cachestatus.stale(503, detail="stale-if-error"), b"sidecar; fwd=stale; fwd-status=503; detail=stale-if-error"),
        (cachestatus.stale(200, stored=True), b"sidecar; fwd=stale; fwd-status=200; stored"),
        (cachestatus.stale(detail="timeout"), b"sidecar; fwd=stale; detail=timeout"),
        (cachestatus.stale(200, stored=True, collapsed=True), b"sidecar; fwd=stale; fwd-status=200; stored; collapsed"),
        (cachestatus.bypassed("authorization"), b"sidecar; fwd=bypass; detail=authorization"),
        (cachestatus.bypassed("2 bodies"), b'sidecar; fwd=bypass; detail="2 bodies"'),
        (cachestatus.bypassed('a"b\\c\n\u20ac'), b'sidecar; fwd=bypass; detail="a\\"b\\\\c??"'),
    ],
)
def test_what_is_written(member: bytes, written: bytes) -> None:
    """Integers rounded down, so that what has expired never has 0 s left; words as tokens, the rest as strings."""
    assert member == written
    assert MEMBER.fullmatch(member)


@given(st.floats(-1e9, 1e9), st.none() | st.text())
def test_whatever_is_said_is_well_formed(ttl_s: float, detail: str | None) -> None:
    """No detail breaks out of its string; `hit` and `fwd` never stand together (section 2.2)."""
    for member in (
        cachestatus.hit(ttl_s, detail),
        cachestatus.missed(detail=detail),
        cachestatus.stale(599, detail=detail),
    ):
        assert MEMBER.fullmatch(member)
        assert (b"; hit" in member) is (b"; fwd=" not in member)


def test_our_member_is_the_last_of_the_list() -> None:
    """Below what an upstream's cache has said, which stays as it came."""
    theirs = ((b"Cache-Status", b"edge; hit"), (b"Age", b"3"))
    assert cachestatus.add(theirs, b"sidecar; hit; ttl=1") == (*theirs, (b"Cache-Status", b"sidecar; hit; ttl=1"))
